"""Responses on their way upstream (RFC 3261 §16.7)."""

from __future__ import annotations

from typing import Final

from proxy.core.actions import Address
from proxy.core.forward import received_via, response_address
from proxy.core.place import MAX_PORT, SIP_PORT, SIPS_PORT, ip_of
from proxy.core.stamp import Stamp
from proxy.sip import build, grammar
from proxy.sip.errors import ParseError
from proxy.sip.fields import Via, parse_via, split_values
from proxy.sip.message import CALL_ID, CSEQ, FROM, MAX_FIELD_OCTETS, TO, VIA, Message, line_value

_ECHOED: Final = (FROM, TO, CALL_ID, CSEQ)


def via_values(response: Message, count: int) -> list[Via]:
    """The first `count` Via values, fewer when there are no more. Raises ParseError."""
    found: list[Via] = []
    for name, line in zip(response.names, response.lines, strict=True):
        if name == VIA:
            found += [parse_via(value) for value in split_values(line_value(line))[: count - len(found)]]
            if len(found) >= count:
                break
    return found


def upstream(via: Via, transport: str = "udp") -> Address | None:
    """Where a response without a transaction goes: by the Via it was sent with (§18.2.2); None for a host name."""
    ip = ip_of(via.received or via.host)
    if ip is None:
        return None
    if transport != "udp":  # rport is where a connection came from that is no more
        return (ip, via.port or (SIPS_PORT if transport == "tls" else SIP_PORT))
    port = int(via.rport) if grammar.PORT.fullmatch(via.rport or b"") and via.rport else 0
    return (ip, port if 0 < port <= MAX_PORT else via.port or SIP_PORT)


def malformed(
    message: Message, error: ParseError, source: Address, stamp: Stamp, transport: str = "udp"
) -> tuple[bytes, Address] | None:
    """
    The answer to a request that cannot be handled, and where it goes; None where a field that an answer needs
    is missing or unreadable. Of a doubled field the first is echoed, and none that is too long or holds control octets.
    """
    names, lines = [], []
    for name, line in zip(message.names, message.lines, strict=True):
        if name == VIA or (name in _ECHOED and name not in names):
            if len(line) > MAX_FIELD_OCTETS or line.translate(None, grammar.PLAIN_OCTETS).replace(b"\r\n", b""):
                return None
            names.append(name)
            lines.append(line)
    if not {VIA, CALL_ID, CSEQ} <= set(names):
        return None
    echo = Message(message.first, names, lines, b"")
    try:
        values = split_values(line_value(lines[names.index(VIA)]))
        via = parse_via(values[0] if values else b"")
    except ParseError:
        return None
    tag = b"" if b"tag=" in echo.value(TO).lower() else stamp.tag(b"malformed", echo.value(CALL_ID))
    data = build.response(echo, received_via(via, values[1:], source), error.status, error.reason, tag)
    return data, response_address(via, source, transport)
