"""Requests as they leave: what must change changes, every other octet stays."""

from __future__ import annotations

import pytest

from proxy.checks.base import UNMARKED, Marks
from proxy.core.forward import at_hop, forwarded, received_via, response_address
from proxy.core.place import Hop, Listener, Place
from proxy.core.route import Routed
from proxy.sip.fields import parse_via
from proxy.sip.message import parse
from proxy.sip.request import Request
from proxy.sip.uri import parse_uri
from tests.story import field, request

PLACE = Place([Listener(0, "access", "203.0.113.5", 5060, ("203.0.113.5", 5060))])
SOURCE = ("192.0.2.1", 6000)
ODD = (
    b"INVITE sip:1@h SIP/2.0\r\nX-First:  a \r\n\tfolded\r\nv: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nf:<sip:a@h>;tag=1\r\n"
    b'TO: "\xe5\xbc\xa0" <sip:b@h>\r\ni : x\r\nCSEQ:1   INVITE\r\nmax-forwards: 5\r\nRoute: <sip:203.0.113.5;lr>\r\n'
    b"X-Between: 1\r\nRoute: <sip:198.51.100.1;lr>\r\nContent-Length: 4\r\n\r\n\x00\x01\r\n"
)


def sent(data: bytes, routes: list[bytes], record: list[bytes] | None = None, via: bytes = b"") -> bytes:
    asked = Request(parse(data))
    routed = Routed(b"sip:2@h2", routes, asked.uri)
    return forwarded(asked, routed, PLACE, via=via, branch=b"z9hG4bKnew", egress=0, record=record or [])


def test_untouched_octets_stay_in_their_order() -> None:
    assert sent(ODD, [b"<sip:198.51.100.1;lr>"], [b"Record-Route: <sip:203.0.113.5;lr>"]) == (
        b"INVITE sip:2@h2 SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.5:5060;branch=z9hG4bKnew;rport\r\n"
        b"Record-Route: <sip:203.0.113.5;lr>\r\nX-First:  a \r\n\tfolded\r\nv: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
        b'f:<sip:a@h>;tag=1\r\nTO: "\xe5\xbc\xa0" <sip:b@h>\r\ni : x\r\nCSEQ:1   INVITE\r\nMax-Forwards: 4\r\n'
        b"Route: <sip:198.51.100.1;lr>\r\nX-Between: 1\r\nContent-Length: 4\r\n\r\n\x00\x01\r\n"
    )


def test_missing_max_forwards_is_added() -> None:
    assert b"\r\nMax-Forwards: 70\r\n" in sent(request("INVITE", hops=None), [])


@pytest.mark.parametrize(
    ("via", "line", "address"),
    [
        ("SIP/2.0/UDP 192.0.2.1;branch=x", b"", ("192.0.2.1", 5060)),
        ("SIP/2.0/UDP 192.0.2.1:5070;branch=x", b"", ("192.0.2.1", 5070)),
        (
            "SIP/2.0/UDP 192.0.2.1:5070;branch=x;rport",
            b"Via: SIP/2.0/UDP 192.0.2.1:5070;branch=x;rport=6000;received=192.0.2.1",
            SOURCE,
        ),
        (
            "SIP/2.0/UDP pbx.example.cn;branch=x",
            b"Via: SIP/2.0/UDP pbx.example.cn;branch=x;received=192.0.2.1",
            ("192.0.2.1", 5060),
        ),
        (
            "SIP/2.0/UDP 10.0.0.1:5070;received=6.6.6.6;branch=x;rport=9;foo=1",
            b"Via: SIP/2.0/UDP 10.0.0.1:5070;branch=x;foo=1;rport=6000;received=192.0.2.1",
            SOURCE,
        ),
    ],
)
def test_via_says_where_it_came_from(via: str, line: bytes, address: tuple[str, int]) -> None:
    """RFC 3261 §18.2.1 and RFC 3581 §4: only the receiver writes received and rport."""
    read = parse_via(via.encode())

    assert received_via(read, [], SOURCE) == line
    assert response_address(read, SOURCE) == address


def test_values_that_share_the_line_stay() -> None:
    read = parse_via(b"SIP/2.0/UDP h;branch=x")

    assert received_via(read, [b"SIP/2.0/UDP a", b"SIP/2.0/UDP b"], SOURCE) == (
        b"Via: SIP/2.0/UDP h;branch=x;received=192.0.2.1, SIP/2.0/UDP a, SIP/2.0/UDP b"
    )


@pytest.mark.parametrize(
    ("uri", "hop", "there"),
    [
        (b"sip:1@203.0.113.5:5060;user=phone", Hop(("10.0.0.1", 5080), 0), b"sip:1@10.0.0.1:5080;user=phone"),
        (b"sip:203.0.113.5", Hop(("2001:db8::1", 5060), 0), b"sip:[2001:db8::1]:5060"),
        (b"sip:1@203.0.113.5;transport=udp", Hop(("10.0.0.1", 5080), 1, "tcp"), b"sip:1@10.0.0.1:5080;transport=tcp"),
        (b"sip:1@203.0.113.5", Hop(("10.0.0.1", 5061), 1, "tls"), b"sip:1@10.0.0.1:5061;transport=tls"),
    ],
)
def test_at_hop(uri: bytes, hop: Hop, there: bytes) -> None:
    assert at_hop(parse_uri(uri), hop) == there


NUMBERED = request(
    "INVITE", caller="<sip:1;verstat=TN-Validation-Passed@h>;tag=a", fields=("Date: old", "X-Last: 1", "date: older")
)


def marked(data: bytes, marks: Marks, *, outside: bool = True) -> bytes:
    asked = Request(parse(data))
    routed = Routed(b"sip:2@h2", [], asked.uri)
    return forwarded(
        asked, routed, PLACE, via=b"", branch=b"z9hG4bKnew", egress=0, record=[], outside=outside, marks=marks
    )


def test_verstat_of_outside_goes_and_that_of_the_core_stays() -> None:
    assert field(marked(NUMBERED, UNMARKED), "From") == ["<sip:1@h>;tag=a"]
    assert field(marked(NUMBERED, UNMARKED, outside=False), "From") == ["<sip:1;verstat=TN-Validation-Passed@h>;tag=a"]


def test_own_verstat_is_the_only_one() -> None:
    sent = marked(NUMBERED, Marks(verstat="No-TN-Validation"))
    assert field(sent, "From") == ["<sip:1;verstat=No-TN-Validation@h>;tag=a"]


def test_fields_are_added_and_those_that_stand_there_stay() -> None:
    data = request("INVITE", fields=("Identity: theirs", "y: theirs too"))
    sent = marked(data, Marks((("Date", "now"), ("Identity", "ours"))))
    assert (field(sent, "Identity"), field(sent, "y"), field(sent, "Date")) == (["ours", "theirs"], ["theirs too"], ["now"])  # fmt: skip
    assert sent.startswith(b"INVITE sip:2@h2 SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.5:5060")


def test_a_new_date_takes_the_place_of_every_one() -> None:
    """Two readers of two dates would see two."""
    sent = marked(NUMBERED, Marks((("Date", "now"), ("Identity", "ours"))))
    assert field(sent, "Date") == ["now", "now"]
    assert field(sent, "X-Last") == ["1"]
    assert len(parse(sent).lines) == len(parse(marked(NUMBERED, UNMARKED)).lines) + 1


def test_routes_are_taken_off_beside_marks() -> None:
    data = request("INVITE", fields=("Date: old", "Route: <sip:203.0.113.5;lr>", "Route: <sip:198.51.100.1;lr>", "X: 1"))  # fmt: skip
    sent = marked(data, Marks((("Date", "now"),), "No-TN-Validation"))
    assert (field(sent, "Route"), field(sent, "Date"), field(sent, "X")) == ([], ["now"], ["1"])
