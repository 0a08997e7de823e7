"""Route information of a request (RFC 3261 §16.4, §16.5, §16.6 step 6)."""

from __future__ import annotations

from typing import Final

from proxy.core.place import Place
from proxy.sip.errors import ParseError
from proxy.sip.fields import parse_name_addr, split_values
from proxy.sip.message import ROUTE, TO, reread
from proxy.sip.request import Request
from proxy.sip.uri import Uri, parse_uri

COOKIE_PARAM = b"tw"


class Routed:
    """
    A request after its route set has been read: the Request-URI to send, the Route values that remain,
    the URI that names the next hop, the cookie of the node's own entry (b"" when there was none), and
    the listener that the last own entry names (None when there was none).
    """

    __slots__ = ("cookie", "egress", "routes", "target", "uri")

    def __init__(
        self, uri: bytes, routes: list[bytes], target: Uri, cookie: bytes = b"", egress: int | None = None
    ) -> None:
        self.uri: Final = uri
        self.routes: Final = routes
        self.target: Final = target
        self.cookie: Final = cookie
        self.egress: Final = egress

    @property
    def is_own(self) -> bool:
        """Whether the request came by the node's own Record-Route."""
        return self.egress is not None


def read_routes(request: Request, place: Place) -> Routed:
    """Take the node's own entries off the route set. Raises ParseError."""
    message = request.message
    count = message.names.count(ROUTE)
    if not count and request.uri.param(COOKIE_PARAM) is None:
        return Routed(message.uri, [], request.uri)
    if count == 1 and not request.uri.params:
        known = place.own_record_route(message.value(ROUTE))
        if known is not None:  # what nearly every in-dialog request carries: our own entry alone
            return Routed(message.uri, [], request.uri, known[1], known[0])
    routes = [item for value in message.values(ROUTE) for item in split_values(value)]
    uri, target = message.uri, request.uri
    cookie, egress = b"", None
    own = place.own(target)
    if own is not None and routes and target.param(COOKIE_PARAM) is not None:
        # A strict router put our Record-Route value into the Request-URI; the true one is the last Route (§16.4).
        cookie, egress = target.param(COOKIE_PARAM) or b"", own
        uri = parse_name_addr(routes.pop(), "Route").uri
        target = parse_uri(uri)
    while routes:
        entry = parse_uri(parse_name_addr(routes[0], "Route").uri)
        own = place.own(entry)
        if own is None:
            return _next(uri, routes, entry, cookie, egress)
        cookie, egress = cookie or entry.param(COOKIE_PARAM) or b"", own
        del routes[0]
    return Routed(uri, [], target, cookie, egress)


def _next(uri: bytes, routes: list[bytes], entry: Uri, cookie: bytes, egress: int | None) -> Routed:
    """The next hop is the first Route; one without lr is a strict router and wants its URI in front (§16.6 step 6)."""
    if entry.scheme == b"tel":
        raise ParseError("uri", "Malformed Route header field")
    if entry.param(b"lr") is not None:
        return Routed(uri, routes, entry, cookie, egress)
    first = parse_name_addr(routes[0], "Route").uri
    return Routed(first, [*routes[1:], b"<" + uri + b">"], entry, cookie, egress)


def record_route(place: Place, ingress: int, egress: int, cookie: bytes) -> list[bytes]:
    """
    The Record-Route lines of a forwarded INVITE, topmost first (RFC 3261 §16.6 step 4); two where it
    leaves by another listener than it came in (RFC 5658 §3.3).
    """
    crossed = [egress] if egress == ingress else [egress, ingress]
    return [b"Record-Route: %b;lr;%b=%b>" % (place.listeners[index].route, COOKIE_PARAM, cookie) for index in crossed]


def rerecorded(place: Place, record: list[bytes], ingress: int, egress: int) -> list[bytes]:
    """The Record-Route lines of a request that leaves by another listener than it was made for."""
    return record_route(place, ingress, egress, record[0].rpartition(b"=")[2][:-1]) if record else record


def names_tag(answer: bytes, tag: bytes) -> bool:
    """Whether the To of a response has this tag."""
    marked = b";tag=" + tag
    if marked + b"\r" in answer or marked + b";" in answer:
        return True
    try:  # an unusual spelling, or another tag
        return parse_name_addr(reread(answer).value(TO), "To").tag == tag
    except ParseError:
        return False
