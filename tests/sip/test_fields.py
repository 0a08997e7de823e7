"""Via, name-addr, CSeq and comma-separated values."""

from __future__ import annotations

import pytest

from proxy.sip.errors import ParseError
from proxy.sip.fields import display_text, param, parse_cseq, parse_name_addr, parse_via, split_values


@pytest.mark.parametrize(
    ("value", "display", "uri", "tag"),
    [
        (b"<sip:a@h>;tag=1", "", b"sip:a@h", b"1"),
        (b"sip:a@h;tag=1", "", b"sip:a@h", b"1"),
        (b"sip:a@h ; tag = 1", "", b"sip:a@h", b"1"),
        (
            b'"A, B; <c>" <sip:a;x=1@h;user=phone>;x="a;tag=9";tag=1',
            "A, B; <c>",
            b"sip:a;x=1@h;user=phone",
            b"1",
        ),
        (b'"a\\"b\\\\" <sip:a@h>', 'a"b\\', b"sip:a@h", b""),
        (b"caller<sip:a@h>;tag=1", "caller", b"sip:a@h", b"1"),
        (b"A B  C  <sip:a@h>", "A B  C", b"sip:a@h", b""),
        ("张三 <sip:a@h>".encode(), "张三", b"sip:a@h", b""),
        (b'"" <tel:+861>;TAG=x', "", b"tel:+861", b"x"),
        (b"<sip:a@[::1]:5060>;tag=1;y", "", b"sip:a@[::1]:5060", b"1"),
        (b"<sip:a@h>;tag=a@b/c", "", b"sip:a@h", b"a@b/c"),
        (b'"\xff" <sip:a@h>', "\ufffd", b"sip:a@h", b""),
    ],
)
def test_name_addr(value: bytes, display: str, uri: bytes, tag: bytes) -> None:
    read = parse_name_addr(value, "From")

    assert (display_text(read.display), read.uri, read.tag) == (display, uri, tag)


@pytest.mark.parametrize(
    "value",
    [b"", b'"a <sip:a@h>', b'"a" b <sip:a@h>', b"a, b <sip:a@h>", b"< sip:a@h>", b"<sip:a@h >", b"<sip:a@h", b"sip:a@h>", b"<>", b"a@h",
     b"<sip:a@h>tag=1", b"<sip:a@h>;", b"<sip:a@h>;=1", b"<sip:a@h> x", b"<<sip:a@h>>", b'<sip:"a"@h>', b"sip:a@h?x=1", b"<sip:a@h>, <sip:b@h>"],
)  # fmt: skip
def test_no_name_addr(value: bytes) -> None:
    with pytest.raises(ParseError, match="Malformed From"):
        parse_name_addr(value, "From")


@pytest.mark.parametrize(
    ("value", "host", "port", "branch", "rport", "received"),
    [
        (b"SIP/2.0/UDP h;branch=z9hG4bK1", b"h", 0, b"z9hG4bK1", None, b""),
        (b"SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bK1;rport", b"10.0.0.1", 5070, b"z9hG4bK1", b"", b""),
        (
            b"SIP/2.0/UDP 10.0.0.1:5070;rport=6000;received=10.0.0.2;branch=z9hG4bK1",
            b"10.0.0.1",
            5070,
            b"z9hG4bK1",
            b"6000",
            b"10.0.0.2",
        ),
        (b"SIP / 2.0 / TLS   h : 5061 ; branch = x", b"h", 5061, b"x", None, b""),
        (b"sip/2.0/udp [::1]:5060;branch=x", b"[::1]", 5060, b"x", None, b""),
        (b"SIP/2.0/UNKNOWN h", b"h", 0, b"", None, b""),
        (b'SIP/2.0/UDP h;x="a;branch=no";branch=yes', b"h", 0, b"yes", None, b""),
    ],
)
def test_via(value: bytes, host: bytes, port: int, branch: bytes, rport: bytes | None, received: bytes) -> None:
    via = parse_via(value)

    assert (via.host, via.port, via.branch, via.rport, via.received) == (host, port, branch, rport, received)


@pytest.mark.parametrize(
    "value",
    [b"", b"SIP/2.0/UDP", b"SIP/3.0/UDP h", b"HTTP/2.0/UDP h", b"SIP/2.0/UDP h:99999", "SIP/2.0/UDP h:５".encode(), b"SIP/2.0/UDP h;", b"SIP/2.0/UDP ::1",
     b"SIP/2.0/UDP h x", b"SIP/2.0/UDP h, SIP/2.0/UDP i"],
)  # fmt: skip
def test_no_via(value: bytes) -> None:
    with pytest.raises(ParseError):
        parse_via(value)


@pytest.mark.parametrize(
    ("value", "read"),
    [(b"1 INVITE", (1, b"INVITE")), (b"0009 \t BYE", (9, b"BYE")), (b"2147483647 A", (2147483647, b"A"))],
)
def test_cseq(value: bytes, read: tuple[int, bytes]) -> None:
    assert parse_cseq(value) == read


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"INVITE",
        b"1",
        b"1INVITE",
        b"-1 INVITE",
        b"2147483648 A",
        b"99999999999 A",
        "１ A".encode(),
        b"1 A B",
    ],
)
def test_no_cseq(value: bytes) -> None:
    with pytest.raises(ParseError):
        parse_cseq(value)


@pytest.mark.parametrize(
    ("value", "values"),
    [
        (b"a", [b"a"]),
        (b"a, b ,c", [b"a", b"b", b"c"]),
        (b'"a,b" <sip:a,b@h>, c', [b'"a,b" <sip:a,b@h>', b"c"]),
        (b'"a\\",b", c', [b'"a\\",b"', b"c"]),
        (b"a,,b,", [b"a", b"b"]),
        (b",", []),
    ],
)
def test_split_values(value: bytes, values: list[bytes]) -> None:
    assert split_values(value) == values


@pytest.mark.parametrize(("name", "value"), [(b"a", b"1"), (b"b", b""), (b"c", b'"x;a=2"'), (b"d", None)])
def test_param(name: bytes, value: bytes | None) -> None:
    assert param(b';A=1;b ; c = "x;a=2"', name) == value
