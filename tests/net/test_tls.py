"""The names that a certificate proves, and contexts made of files."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme

from proxy.net.tls import TlsFiles, contexts_of, names_of, proves


@pytest.mark.parametrize(
    ("names", "proved"),
    [
        ((("DNS", "SBC.Example.net"),), ("sbc.example.net",)),
        ((("DNS", "other.example"), ("URI", "sip:Example.net")), ("example.net",)),  # RFC 5922 §7.1: not the DNS name
        ((("URI", "sip:alice@example.net"), ("DNS", "a.example")), ("a.example",)),  # a user's is no domain's
        ((("URI", "https://example.net"), ("DNS", "a.example")), ("a.example",)),
        ((("IP Address", "10.0.0.1"),), ("10.0.0.1",)),
        ((("IP Address", "2001:DB8:0:0:0:0:0:1"),), ("2001:db8::1",)),
        ((("DNS", "*.example.net"),), ("*.example.net",)),
        ((("email", "a@example.net"),), ()),
        ((("DNS", "evil.example\0pbx.example"), ("DNS", "b\u00fc.example"), ("DNS", "a.example")), ("a.example",)),
    ],
)
def test_names(names: tuple[tuple[str, str], ...], proved: tuple[str, ...]) -> None:
    assert names_of({"subject": ((("commonName", "cn.example"),),), "subjectAltName": names}) == proved


def test_the_common_name_proves_nothing() -> None:
    assert names_of({"subject": ((("commonName", "sbc.example.net"),),)}) == ()
    assert names_of(None) == ()


def test_a_name_proves_itself_alone() -> None:
    assert proves(("sbc.example.net",), ("SBC.example.net", "10.0.0.1"))
    assert not proves(("*.example.net",), ("sbc.example.net",))
    assert not proves((), ("sbc.example.net",))


def test_contexts(tmp_path: Path) -> None:
    ca = trustme.CA()
    made = ca.issue_cert("sbc.example.net")
    (tmp_path / "c.pem").write_bytes(b"".join(each.bytes() for each in made.cert_chain_pems))
    (tmp_path / "k.pem").write_bytes(made.private_key_pem.bytes())
    pem = ca.cert_pem.bytes()
    open_, strict = (TlsFiles(tmp_path / "c.pem", tmp_path / "k.pem", *cas) for cas in ((), (pem, pem)))
    assert contexts_of(open_).client is None
    assert contexts_of(open_).server.verify_mode == ssl.CERT_NONE
    both = contexts_of(strict)
    assert both.client is not None
    assert both.server.verify_mode == both.client.verify_mode == ssl.CERT_REQUIRED
    assert both.server.minimum_version == both.client.minimum_version == ssl.TLSVersion.TLSv1_2
