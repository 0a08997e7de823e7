"""The request as it leaves (RFC 3261 §16.6): the received lines, with only what a proxy must change changed."""

from __future__ import annotations

from proxy.checks.base import UNMARKED, Marks
from proxy.core import replaced, verstat
from proxy.core.actions import Address
from proxy.core.place import SIP_PORT, SIPS_PORT, TRANSPORTS, Hop, Place, hostport
from proxy.core.replaced import Swap
from proxy.core.route import Routed
from proxy.sip import build
from proxy.sip.fields import Via, param
from proxy.sip.grammar import PARAM, URI_PARAM
from proxy.sip.message import CONTENT_LENGTH, DATE, MAX_FORWARDS, ROUTE, Message
from proxy.sip.request import DEFAULT_MAX_FORWARDS, Request
from proxy.sip.uri import Uri


def received_via(via: Via, via_rest: list[bytes], source: Address) -> bytes:
    """
    The top Via line with the address that the request came from (RFC 3261 §18.2.1, RFC 3581 §4): received
    when sent-by is another address or rport asks for it, and rport filled in; b"" when nothing changes.
    `via_rest` are the values that share the line.
    """
    host = source[0].encode()
    if via.rport is None and via.host.strip(b"[]") == host:
        return b""
    if via.params.endswith(b";rport") and not via.received and not via_rest:  # what nearly every PBX sends
        params = via.params[:-6]
    else:
        params = _without(_without(via.params, b"received"), b"rport")  # the receiver alone writes these
    if via.rport is not None:
        params += b";rport=%d" % source[1]
    own = b"SIP/2.0/%b %b%b" % (via.transport, via.host, b":%d" % via.port if via.port else b"")
    return b", ".join([b"Via: " + own + params + b";received=" + host, *via_rest])


def _without(params: bytes, name: bytes) -> bytes:
    """Header parameters without those called `name`, the others as they were."""
    if param(params, name) is None:
        return params
    return b"".join(match[0] for match in PARAM.finditer(params) if match[1].lower() != name)


def response_address(via: Via, source: Address, transport: str = "udp") -> Address:
    """
    Where responses go (RFC 3261 §18.2.2, RFC 3581 §4): over UDP to the source address, its port only with rport; over
    TCP and TLS, once the connection is closed that the request came by, to the port of sent-by.
    """
    if transport == "udp":
        return source if via.rport is not None else (source[0], via.port or SIP_PORT)
    return (source[0], via.port or (SIPS_PORT if transport == "tls" else SIP_PORT))


def at_hop(uri: Uri, hop: Hop) -> bytes:
    """A Request-URI that named this proxy, naming the next hop and its transport instead; user and parameters stay."""
    user = uri.user + b"@" if uri.user else b""
    params = uri.params
    if uri.param(b"transport") is not None:
        params = b"".join(match[0] for match in URI_PARAM.finditer(params) if match[1].lower() != b"transport")
    return b"%b:%b%b%b%b" % (uri.scheme, user, hostport(*hop.address), params, TRANSPORTS[hop.transport])


def forwarded(
    request: Request,
    routed: Routed,
    place: Place,
    *,
    via: bytes,
    branch: bytes,
    egress: int,
    record: list[bytes],
    outside: bool = False,
    marks: Marks = UNMARKED,
    swap: Swap | None = None,
) -> bytes:
    """
    The octets to send. `via` is the received top Via line as it must read now (b"": as it came), `record`
    the Record-Route lines to add; what comes from `outside` loses its verstat, and `marks` are put on; `swap` is a
    From or To that reads otherwise there.
    """
    message: Message = request.message
    lines = message.lines.copy()
    if outside:
        lines = verstat.stripped(message, lines)
    if marks.verstat:
        lines = verstat.told(message, lines, marks.verstat.encode("ascii"))
    if via:
        lines[request.via_index] = via
    own = [place.listeners[egress].via + branch + b";rport", *record]
    if request.max_forwards >= 0:
        lines[message.names.index(MAX_FORWARDS)] = b"Max-Forwards: %d" % (request.max_forwards - 1)
    else:
        own.append(b"Max-Forwards: %d" % DEFAULT_MAX_FORWARDS)
    if place.listeners[egress].is_stream and CONTENT_LENGTH not in message.names:
        # a datagram does without; on a stream its body would be read as the next message (RFC 3261 §18.3)
        own.append(b"Content-Length: %d" % len(message.body))
    if swap is not None:
        lines[message.names.index(swap.field)] = swap.line
    if marks.replacement is not None:
        own += replaced.fields(message, lines, marks.replacement, place.listeners[egress])
    if marks.fields:
        own += _added(message, lines, marks)
    if ROUTE in message.names:
        lines = _rerouted(message, lines, routed.routes)
    if marks.replacement is not None:
        lines = [line for line in lines if line]
    return build.join(b"%b %b SIP/2.0" % (message.method, routed.uri), own + lines, message.body)


def _added(message: Message, lines: list[bytes], marks: Marks) -> list[bytes]:
    """The lines of the fields that are added; a Date takes the place of any that stands in `lines`."""
    added: list[bytes] = []
    for name, value in marks.fields:
        line = f"{name}: {value}".encode("ascii")
        if name == "Date" and DATE in message.names:
            lines[:] = [line if known == DATE else own for known, own in zip(message.names, lines, strict=True)]
        else:
            added.append(line)
    return added


def _rerouted(message: Message, lines: list[bytes], routes: list[bytes]) -> list[bytes]:
    """The lines with `routes` in place of the Route fields, where the first of them stood."""
    first = message.names.index(ROUTE)
    if not routes and message.names.count(ROUTE) == 1:
        del lines[first]
        return lines
    kept = [line for name, line in zip(message.names[first:], lines[first:], strict=True) if name != ROUTE]
    return [*lines[:first], *(b"Route: " + route for route in routes), *kept]
