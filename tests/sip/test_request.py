"""Requests: the fields that every one must have, read once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.sip.errors import ParseError
from proxy.sip.message import parse
from proxy.sip.request import Request
from tests.story import request


def test_what_a_request_says() -> None:
    asked = Request(parse(request("INVITE", via="SIP/2.0/UDP h:5070;branch=x , SIP/2.0/UDP i", hops=7, cseq=3)))

    assert (asked.method, asked.call_id, asked.cseq, asked.max_forwards) == (b"INVITE", b"call-1", 3, 7)
    assert (asked.from_tag, asked.to_tag, asked.uri.user) == (b"a", b"", b"13800138000")
    assert (asked.via.port, asked.via_rest) == (5070, [b"SIP/2.0/UDP i"])


def test_rfc_2543_needs_no_max_forwards_and_no_tag() -> None:
    asked = Request(parse(request("INVITE", hops=None, caller="<sip:a@h>", via="SIP/2.0/UDP h")))

    assert (asked.max_forwards, asked.from_tag, asked.via.branch) == (-1, b"", b"")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (request("INVITE", via=","), "Malformed Via header field"),
        (request("INVITE", via=""), "Malformed Via header field"),
        (request("INVITE", call_id="a b"), "Malformed Call-ID header field"),
        (request("INVITE", call_id=""), "Malformed Call-ID header field"),
        (request("INVITE", caller="x"), "Malformed From header field"),
        (request("INVITE", to='"x'), "Malformed To header field"),
        (request("INVITE", hops=256), "Malformed Max-Forwards header field"),
        (request("INVITE").replace(b"s: 70", "s: ７".encode()), "Malformed Max-Forwards header field"),
        (request("INVITE", uri="sip:a@h?x=y"), "Header fields in Request-URI"),
        (request("INVITE", uri="<sip:a@h>"), "Malformed URI"),
        (request("INVITE").replace(b"1 INVITE", b"1 BYE"), "CSeq method does not match request"),
    ],
)
def test_faults_are_named(data: bytes, reason: str) -> None:
    with pytest.raises(ParseError) as caught:
        Request(parse(data))
    assert (caught.value.reason, caught.value.status) == (reason, 400)


ADDRESSES = [
    "<sip:a@h>",
    '"A \\"B" <sip:a@h>',
    '"A"<sip:a@h>;tag=1',
    "A B <sips:a@h;p>;tag=x@y",
    "sip:a@h;tag=1",
    "<tel:+1>;x=y;tag=1",
    "<sip:a@h>;tag=1;tag=2",
    '<sip:a@h>;tag="1"',
    "<sip:a@h> ; tag=1",
    "x",
    '"x <sip:a@h>',
]
VIAS = [
    "SIP/2.0/UDP h;branch=z",
    "SIP/2.0/UDP h:5060;branch=z;rport",
    "SIP/2.0/UDP h:65536;branch=z",
    "SIP/2.0/TCP h;branch=z",
    "SIP/2.0/UDP h;branch=z, SIP/2.0/UDP i",
    "SIP/2.0/UDP h;branch=z;rport;rport",
    "SIP/2.0/UDP [::1]:1;branch=z",
    "x",
]
URIS = [
    "sip:a@h",
    "sip:h:5060",
    "sip:a:b@h",
    "SIP:a@h",
    "sip:a;b@h",
    "sip:a@h;c",
    "sip:a@h:65536",
    "sip:a@[::1]",
    "tel:+1",
    "sip:a@h?x",
    "sip:@h",
    "sip:a@b@c",
]


@given(
    via=st.sampled_from(VIAS),
    caller=st.sampled_from(ADDRESSES),
    to=st.sampled_from(ADDRESSES),
    uri=st.sampled_from(URIS),
    call_id=st.sampled_from(["a", "a@b", "a@b@c", "a b", "", "a,b"]),
    hops=st.sampled_from([0, 70, 255, 256, 1000]),
    cseq=st.sampled_from([0, 1, 999_999_999, 2**31 - 1, 2**31, 10**10]),
)
def test_usual_spellings_read_as_any_other(
    via: str, caller: str, to: str, uri: str, call_id: str, hops: int, cseq: int
) -> None:
    usual = request("INVITE", uri, via=via, caller=caller, to=to, call_id=call_id, hops=hops, cseq=cseq)
    other = usual
    for name in (b"Via", b"From", b"To", b"Call-ID", b"CSeq", b"Max-Forwards"):
        other = other.replace(b"\r\n" + name + b": ", b"\r\n" + name + b":\t ")

    assert _read(usual) == _read(other)


def _read(data: bytes) -> object:
    try:
        asked = Request(parse(data))
    except ParseError as error:
        return error.kind, error.reason, error.status
    via, uri = asked.via, asked.uri
    return (
        [(each.display, each.uri, each.params, each.tag) for each in (asked.from_, asked.to)],
        (asked.from_tag, asked.to_tag, asked.call_id, asked.cseq, asked.max_forwards, asked.via_rest),
        (via.transport, via.host, via.port, via.params, via.branch, via.rport, via.received),
        (uri.scheme, uri.user, uri.host, uri.port, uri.params, uri.headers),
    )
