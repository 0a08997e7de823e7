"""identity in the configuration: defaults, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from proxy.settings.identity_model import Identity

SIGN = {"key": "sp.key", "certificate_url": "https://cert.example.net/sp.pem"}


def read(**said: Any) -> Identity:
    return Identity.model_validate(said)


def test_defaults() -> None:
    found = read()
    assert (found.verify, found.on_error, found.min_attestation, found.trust_anchors) == (
        "when-present",
        "pass",
        None,
        (),
    )
    assert (found.max_iat_age, found.deadline, found.spc_suffices, found.verstat) == (60.0, 2.0, True, True)
    assert (found.sign, found.repositories.allow, found.repositories.private) == (None, (), False)


@pytest.mark.parametrize(
    "host",
    ["certs.lab.example", "CERTS.lab.example:9443", ".lab.example", "192.0.2.1", "192.0.2.1:443", "[2001:db8::1]", "[::1]:9443", "a"],
)  # fmt: skip
def test_repositories(host: str) -> None:
    assert read(repositories={"allow": [host]}).repositories.allow == (host.lower(),)


@pytest.mark.parametrize(
    ("said", "where"),
    [
        pytest.param({"verify": "maybe"}, ("verify",), id="verify"),
        pytest.param({"min_attestation": "D"}, ("min_attestation",), id="level"),
        pytest.param({"min_attestation": ""}, ("min_attestation",), id="no-level"),
        pytest.param({"on_error": "tag"}, ("on_error",), id="on-error"),
        pytest.param({"max_iat_age": "0s"}, ("max_iat_age",), id="no-age"),
        pytest.param({"max_iat_age": "2h"}, ("max_iat_age",), id="any-age"),
        pytest.param({"deadline": "50ms"}, ("deadline",), id="deadline-too-short"),
        pytest.param({"deadline": "11s"}, ("deadline",), id="deadline-too-long"),
        pytest.param({"verstat": "no"}, ("verstat",), id="no-boolean"),
        pytest.param({"anchors": []}, ("anchors",), id="unknown-key"),
        pytest.param({"trust_anchors": ["a.pem", 1]}, ("trust_anchors", 1), id="no-file-name"),
        pytest.param({"sign": {"key": "k"}}, ("sign", "certificate_url"), id="no-url"),
        pytest.param({"sign": {**SIGN, "certificate_url": "http://x/y"}}, ("sign", "certificate_url"), id="no-https"),
        pytest.param({"sign": {**SIGN, "certificate_url": "https://x/\u200b"}}, ("sign", "certificate_url"), id="odd-url"),
        pytest.param({"sign": {**SIGN, "certificate_url": "https://x/y\r\nX: z"}}, ("sign", "certificate_url"), id="two-lines"),
        pytest.param({"sign": {**SIGN, "spc": "a"}}, ("sign", "spc"), id="spc"),
        pytest.param({"sign": {**SIGN, "spc": 1234}}, ("sign", "spc"), id="spc-that-is-a-number"),
        *[
            pytest.param({"repositories": {"allow": [host]}}, ("repositories", "allow", 0), id=f"host-{host}")
            for host in ("", ".", "..a", "*.lab", "a:", "a:0", "a:65536", "a:\uff11", "https://a", "a/b", "a b", "::1", "a-", ".lab.example:9443", ".[::1]", 1)
        ],
    ],
)  # fmt: skip
def test_refused(said: dict[str, Any], where: tuple[str | int, ...]) -> None:
    with pytest.raises(ValidationError) as caught:
        read(**said)
    assert [error["loc"] for error in caught.value.errors()] == [where]
