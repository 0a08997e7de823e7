"""PEM files cut into blocks."""

from __future__ import annotations

import pytest

from stirshaken import pem
from stirshaken.errors import MalformedError

CERTIFICATE = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"
CRL = b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----"


@pytest.mark.parametrize(
    ("octets", "labels"),
    [
        pytest.param(b"", [], id="empty"),
        pytest.param(CERTIFICATE, [b"CERTIFICATE"], id="one"),
        pytest.param(CERTIFICATE + b"\n" + CRL + b"\n", [b"CERTIFICATE", b"X509 CRL"], id="two"),
        pytest.param(CERTIFICATE.replace(b"\n", b"\r\n"), [b"CERTIFICATE"], id="crlf"),
        pytest.param("Certificate:\n 主题\n".encode() + CERTIFICATE + b"\nbye", [b"CERTIFICATE"], id="text-around"),
    ],
)
def test_blocks(octets: bytes, labels: list[bytes]) -> None:
    found = pem.blocks(octets, 1000)
    assert [label for label, _ in found] == labels
    assert all(block.startswith(b"-----BEGIN " + label) for label, block in found)


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(CERTIFICATE[:-1], id="cut-off"),
        pytest.param(CERTIFICATE[1:], id="beginning-cut-off"),
        pytest.param(CERTIFICATE.replace(b"AAAA", b"A\x00AA"), id="nul-within"),
        pytest.param(CERTIFICATE + b"\0", id="nul-behind"),
        pytest.param(CERTIFICATE.replace(b"AAAA", b"AA.A"), id="no-base64"),
        pytest.param(CERTIFICATE.replace(b"END CERT", b"END X509 CERT"), id="labels-differ"),
        pytest.param(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n" + CERTIFICATE, id="private-key"),
        pytest.param(CERTIFICATE + b" " * 1000, id="too-large"),
    ],
)
def test_malformed(octets: bytes) -> None:
    with pytest.raises(MalformedError):
        pem.blocks(octets, 1000)
