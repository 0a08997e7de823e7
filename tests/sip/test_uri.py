"""SIP, tel and emergency service URIs."""

from __future__ import annotations

import pytest

from proxy.sip.errors import ParseError
from proxy.sip.uri import parse_uri, unescape


@pytest.mark.parametrize(
    ("data", "scheme", "user", "host", "port", "params"),
    [
        (b"sip:h", b"sip", b"", b"h", 0, b""),
        (b"SIP:a@h:5060;lr;x=1", b"sip", b"a", b"h", 5060, b";lr;x=1"),
        (b"sips:a:secret@h", b"sips", b"a", b"h", 0, b""),
        (b"sip:user;par=u%40example.net@example.com", b"sip", b"user;par=u%40example.net", b"example.com", 0, b""),
        (b"sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*@example.com", b"sip", b"1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*", b"example.com", 0, b""),
        (b"sip:[2001:db8::1]:5070;lr", b"sip", b"", b"[2001:db8::1]", 5070, b";lr"),
        (b"tel:+86-24-8888;phone-context=+86", b"tel", b"+86-24-8888", b"", 0, b";phone-context=+86"),
        (b"TEL:110", b"tel", b"110", b"", 0, b""),
        (b"urn:service:sos", b"urn", b"sos", b"", 0, b""),
        (b"URN:Service:SOS.police", b"urn", b"sos.police", b"", 0, b""),
    ],
)  # fmt: skip
def test_uri(data: bytes, scheme: bytes, user: bytes, host: bytes, port: int, params: bytes) -> None:
    uri = parse_uri(data)

    assert (uri.scheme, uri.user, uri.host, uri.port, uri.params) == (scheme, user, host, port, params)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"", 400), (b"sip:", 400), (b"sip:a@b@c", 400), (b"sip:a@h:port", 400), (b"sip:a@h:99999", 400), (b"<sip:a@h>", 400),
        (b"sip:a b@h", 400), (b"sip:a@h\n", 400), (b"sip:2001:db8::1", 400), (b"tel:", 400), ("sip:a@h:５".encode(), 400),
        (b"http://h/", 416), (b"soap.beep://192.0.2.103:3002", 416), (b"urn:service:counseling", 416), (b"nobodyKnowsThisScheme:x", 416),
    ],
)  # fmt: skip
def test_no_uri(data: bytes, status: int) -> None:
    with pytest.raises(ParseError) as caught:
        parse_uri(data)
    assert caught.value.status == status


@pytest.mark.parametrize(("name", "value"), [(b"lr", b""), (b"x", b"1"), (b"tw", None)])
def test_param(name: bytes, value: bytes | None) -> None:
    assert parse_uri(b"sip:h;LR;x=1").param(name) == value


@pytest.mark.parametrize(
    ("data", "plain"),
    [
        (b"a", b"a"),
        (b"%2B86", b"+86"),
        (b"%00", b"\0"),
        (b"%E5%BC%A0", "张".encode()),
        (b"%", None),
        (b"%4", None),
        (b"%GG", None),
        (b"%2541", b"%41"),
    ],
)
def test_unescape(data: bytes, plain: bytes | None) -> None:
    assert unescape(data) == plain
