"""The node's own addresses, and which listener leads where."""

from __future__ import annotations

import pytest

from proxy.core.place import Hop, Listener, Place, hostport
from proxy.sip.uri import parse_uri

PLACE = Place(
    [
        Listener(0, "access", "203.0.113.5", 5060, ("10.0.0.5", 5060)),
        Listener(1, "core", "10.0.1.5", 5070, ("10.0.1.5", 5070)),
        Listener(2, "six", "2001:db8::5", 5060, ("2001:db8::5", 5060)),
    ],
    leads={("10.0.1.10", "udp"): 1},
)


def test_the_mark_of_a_hop_follows_from_its_address_alone() -> None:
    marks = {Hop(address, 0).mark for address in (("10.0.0.1", 5060), ("10.0.0.1", 5070), ("10.0.0.2", 5060))}
    assert len(marks) == 3
    assert Hop(("10.0.0.1", 5060), 1).mark in marks


@pytest.mark.parametrize(
    ("uri", "index"),
    [
        (b"sip:203.0.113.5", 0),
        (b"sip:1@203.0.113.5:5060;lr", 0),
        (b"sip:10.0.0.5", 0),
        (b"sip:10.0.1.5:5070", 1),
        (b"sip:10.0.1.5", None),
        (b"sip:[2001:DB8::5]", 2),
        (b"sip:192.0.2.1", None),
        (b"tel:+861", None),
    ],
)
def test_own(uri: bytes, index: int | None) -> None:
    assert PLACE.own(parse_uri(uri)) == index


@pytest.mark.parametrize(
    ("sent_by", "own"),
    [
        (b"203.0.113.5:5060", True),
        (b"203.0.113.5", True),
        (b"10.0.1.5", False),
        (b"[2001:db8::5]:5060", True),
        (b"x", False),
    ],
)
def test_own_via(sent_by: bytes, own: bool) -> None:
    assert PLACE.own_via(sent_by) is own


@pytest.mark.parametrize(
    ("ip", "ingress", "egress"),
    [("10.0.1.10", 0, 1), ("192.0.2.1", 1, 1), ("2001:db8::9", 0, 2), ("192.0.2.1", 2, 0)],
)
def test_egress(ip: str, ingress: int, egress: int) -> None:
    assert PLACE.egress(ip, ingress) == egress


def test_no_listener_of_that_family() -> None:
    assert Place([Listener(0, "a", "10.0.0.5", 5060, ("10.0.0.5", 5060))]).egress("::1", 0) is None


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (b"<sip:203.0.113.5:5060;lr;tw=abc>", (0, b"abc")),
        (b"<sip:10.0.1.5:5070;lr;tw=abc>", (1, b"abc")),
        (b"<sip:203.0.113.5:5060;lr>", None),
        (b"<sip:203.0.113.5;lr;tw=abc>", None),
        (b"<sip:192.0.2.1:5060;lr;tw=abc>", None),
        (b"<sip:203.0.113.5:5060;lr;tw=abc", None),
    ],
)
def test_own_record_route(value: bytes, found: tuple[int, bytes] | None) -> None:
    assert PLACE.own_record_route(value) == found


def test_text() -> None:
    assert (hostport("::1", 5060), Hop(("10.0.0.1", 5060), 0).text) == (b"[::1]:5060", "10.0.0.1:5060")
