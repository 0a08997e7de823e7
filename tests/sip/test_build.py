"""Messages that the proxy makes."""

from __future__ import annotations

from proxy.sip.build import companion, join, response
from proxy.sip.message import parse
from tests.story import request

INVITE = parse(
    request(
        "INVITE",
        via="SIP/2.0/UDP a;branch=z9hG4bK1, SIP/2.0/UDP b",
        fields=("Via: SIP/2.0/UDP c", "Route: <sip:r;lr>", "Timestamp: 54"),
        body=b"x",
    )
)


def test_response_echoes_what_it_must() -> None:
    assert response(INVITE, b"Via: SIP/2.0/UDP a;received=1", 403, "Forbidden", b"t", (b"Reason: Q.850;cause=21",)) == (
        b"SIP/2.0 403 Forbidden\r\nVia: SIP/2.0/UDP a;received=1\r\n"
        b'From: "Acme" <sip:02488880001@127.0.0.2>;tag=a\r\nTo: <sip:13800138000@127.0.0.1>;tag=t\r\nCall-ID: call-1\r\n'
        b"CSeq: 1 INVITE\r\nVia: SIP/2.0/UDP c\r\nReason: Q.850;cause=21\r\nContent-Length: 0\r\n\r\n"
    )


def test_timestamp_is_echoed_in_100_alone() -> None:
    assert b"Timestamp: 54" in response(INVITE, b"", 100)
    assert b"Timestamp" not in response(INVITE, b"", 200)


def test_companion_follows_its_invite() -> None:
    """RFC 3261 §9.1: the CANCEL has one Via, the same Request-URI, Call-ID, From, CSeq number and Route fields."""
    assert companion(
        b"CANCEL", join(INVITE.first, INVITE.lines, b""), b"SIP/2.0 486 Busy\r\nt: <sip:x>;tag=1\r\n\r\n"
    ) == (
        b"CANCEL sip:13800138000@127.0.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1, SIP/2.0/UDP b\r\nMax-Forwards: 70\r\n"
        b'From: "Acme" <sip:02488880001@127.0.0.2>;tag=a\r\nt: <sip:x>;tag=1\r\nCall-ID: call-1\r\nCSeq: 1 CANCEL\r\n'
        b"Route: <sip:r;lr>\r\nContent-Length: 0\r\n\r\n"
    )


def test_join_of_a_parsed_message_is_the_message() -> None:
    data = request("INVITE", fields=("X:  a \r\n\tb",), body=b"\0\r\n\r\n")
    message = parse(data)

    assert join(message.first, message.lines, message.body) == data
