"""Responses: the usual shape is cut, every other is read field by field, and both say the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.sip.errors import ParseError
from proxy.sip.response import _usual, _whole, read_response

BRANCH = b"z9hG4bK-tw-0123456789abcdef.01234567"
USUAL = (
    b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch=" + BRANCH + b";rport=5060;received=10.0.0.1\r\n"
    b"Via: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK2\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=2\r\nCall-ID: x\r\n"
    b"CSeq: 1 INVITE\r\nX-Odd :  y\r\nContent-Length: 4\r\n\r\nbody"
)
TOP = b"Via: SIP/2.0/UDP 10.0.0.1:5060;branch=" + BRANCH + b";rport=5060;received=10.0.0.1\r\n"


def facts(data: bytes) -> tuple[object, ...]:
    read = read_response(data)
    return read.status, read.text, read.sent_by, read.branch, read.method, read.upstream


def test_both_ways_say_the_same() -> None:
    cut, whole = _usual(USUAL), _whole(USUAL)

    assert cut is not None
    assert [getattr(cut, name) for name in cut.__slots__] == [getattr(whole, name) for name in whole.__slots__]
    assert cut.upstream == USUAL.replace(TOP, b"")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Via: SIP/2.0/UDP 10.0.0.1", b"v: SIP/2.0/UDP 10.0.0.1"),
        (b"Via: SIP/2.0/UDP 10.0.0.1", b"VIA :\r\n SIP / 2.0 / UDP  10.0.0.1"),
        (b"SIP/2.0 200 OK\r\nVia", b"SIP/2.0 200 OK\r\nX-First: 1\r\nVia"),
        (b"CSeq", b"cseq"),
        (b"Content-Length: 4", b"l: 4"),
        (b"Content-Length: 4\r\n", b""),
    ],
)
def test_unusual_shapes_are_read_too(old: bytes, new: bytes) -> None:
    data = USUAL.replace(old, new, 1)

    assert _usual(data) is None
    assert facts(data)[2:5] == (b"10.0.0.1:5060", BRANCH, b"INVITE")


def test_values_that_share_the_first_line() -> None:
    """SIPp answers so."""
    data = USUAL.replace(b"received=10.0.0.1\r\nVia: ", b"received=10.0.0.1, ")

    assert facts(data)[3] == BRANCH
    assert b"\r\nVia: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK2\r\n" in read_response(data).upstream
    assert BRANCH not in read_response(data).upstream


@pytest.mark.parametrize(
    "data",
    [
        USUAL.replace(b"200", b"099"),
        USUAL.replace(b"200", b"700"),
        USUAL.replace(b"200", b"4294967301"),
        USUAL.replace(b"200", "２00".encode()),
        USUAL.replace(b"Content-Length: 4", b"Content-Length: 5"),
        USUAL.replace(b"Content-Length: 4", b"Content-Length: +4"),
        USUAL.replace(b"1 INVITE", b"99999999999 INVITE"),
        USUAL.replace(b"Call-ID: x", b"Call-ID: \0"),
        USUAL.replace(b"Call-ID: x\r\n", b"Call-ID: x\n"),
        USUAL.replace(b"Call-ID: x", b"Call-ID: x\ry\nz"),  # each alone, and yet as many as in CRLF
        USUAL.replace(b"200 OK", b"200 OK\r;\n"),
        USUAL.replace(b"Via: SIP/2.0/UDP 10.0.0.1", b"Via: nonsense"),
        b"SIP/2.0 200 OK\r\n\r\n",
        b"SIP/2.0 200 OK",
        b"SIP/2.0 ",
    ],
)
def test_what_is_dropped(data: bytes) -> None:
    with pytest.raises(ParseError):
        read_response(data)


@given(st.binary(max_size=60), st.integers(0, len(USUAL)), st.integers(0, 30))
def test_cutting_never_says_other_than_reading(junk: bytes, at: int, drop: int) -> None:
    """Whatever is changed in a response: where it is still cut, reading it field by field finds the same."""
    data = USUAL[:at] + junk + USUAL[at + drop :]
    cut = _usual(data) if data.startswith(b"SIP/2.0 ") else None
    if cut is None:
        return
    try:
        whole = _whole(data)
    except ParseError:
        return  # a fault elsewhere, which the next hop may refuse
    assert (cut.status, cut.branch, cut.method, cut.upstream) == (
        whole.status,
        whole.branch,
        whole.method,
        whole.upstream,
    )
