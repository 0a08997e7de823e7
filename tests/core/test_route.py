"""Route sets: own entries, loose and strict routers, double Record-Route."""

from __future__ import annotations

import pytest

from proxy.core.place import Listener, Place
from proxy.core.route import read_routes, record_route
from proxy.sip.errors import ParseError
from proxy.sip.message import parse
from proxy.sip.request import Request
from tests.story import request

PLACE = Place(
    [
        Listener(0, "access", "203.0.113.5", 5060, ("203.0.113.5", 5060)),
        Listener(1, "core", "10.0.1.5", 5060, ("10.0.1.5", 5060)),
    ]
)
OWN, OTHER_SIDE = "<sip:203.0.113.5:5060;lr;tw=c00kie>", "<sip:10.0.1.5:5060;lr;tw=c00kie>"
LOOSE, STRICT, LAST = "<sip:198.51.100.1;lr>", "<sip:198.51.100.2>", "<sip:198.51.100.3;lr>"


@pytest.mark.parametrize(
    ("uri", "routes", "sent_uri", "left", "target", "cookie", "egress"),
    [
        pytest.param("sip:b@h", [], b"sip:b@h", [], b"h", b"", None, id="none"),
        pytest.param("sip:b@h", [OWN], b"sip:b@h", [], b"h", b"c00kie", 0, id="own alone"),
        pytest.param(
            "sip:b@h",
            [OWN, OTHER_SIDE],
            b"sip:b@h",
            [],
            b"h",
            b"c00kie",
            1,
            id="own twice: the last names the egress",
        ),
        pytest.param(
            "sip:b@h",
            [OWN + ", " + LOOSE],
            b"sip:b@h",
            [LOOSE],
            b"198.51.100.1",
            b"c00kie",
            0,
            id="then a loose router",
        ),
        pytest.param("sip:b@h", [LOOSE], b"sip:b@h", [LOOSE], b"198.51.100.1", b"", None, id="a foreign one"),
        pytest.param(
            "sip:b@h",
            [OWN, STRICT, LAST],
            b"sip:198.51.100.2",
            [LAST, "<sip:b@h>"],
            b"198.51.100.2",
            b"c00kie",
            0,
            id="then a strict router",
        ),
        pytest.param(
            "sip:203.0.113.5:5060;lr;tw=c00kie",
            [LOOSE, "<sip:b@h>"],
            b"sip:b@h",
            [LOOSE],
            b"198.51.100.1",
            b"c00kie",
            0,
            id="from a strict router",
        ),
        pytest.param("sip:b@h;x=1", [OWN], b"sip:b@h;x=1", [], b"h", b"c00kie", 0, id="URI parameters"),
        pytest.param("sip:b@h", ["<sip:203.0.113.5;lr>"], b"sip:b@h", [], b"h", b"", 0, id="own without cookie"),
    ],
)
def test_read_routes(
    uri: str,
    routes: list[str],
    sent_uri: bytes,
    left: list[str],
    target: bytes,
    cookie: bytes,
    egress: int | None,
) -> None:
    routed = read_routes(Request(parse(request("BYE", uri, fields=tuple(f"Route: {item}" for item in routes)))), PLACE)

    assert (routed.uri, routed.routes) == (sent_uri, [item.encode() for item in left])
    assert (routed.target.host, routed.cookie, routed.egress) == (target, cookie, egress)


@pytest.mark.parametrize("route", ["nonsense", "<tel:+861;lr>", "<http://h>"])
def test_what_is_no_route(route: str) -> None:
    with pytest.raises(ParseError):
        read_routes(Request(parse(request("BYE", fields=(f"Route: {route}",)))), PLACE)


def test_record_route() -> None:
    assert record_route(PLACE, 0, 0, b"c") == [b"Record-Route: <sip:203.0.113.5:5060;lr;tw=c>"]
    assert record_route(PLACE, 0, 1, b"c") == [
        b"Record-Route: <sip:10.0.1.5:5060;lr;tw=c>",
        b"Record-Route: <sip:203.0.113.5:5060;lr;tw=c>",
    ]
