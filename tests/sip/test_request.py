"""Requests: the fields that every one must have, read once."""

from __future__ import annotations

import pytest

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
