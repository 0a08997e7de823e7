"""The header fields that a proxy reads: Via, From and To, CSeq, Route, and comma-separated values."""

from __future__ import annotations

import re

from proxy.sip import grammar
from proxy.sip.errors import ParseError
from proxy.sip.grammar import MAX_PORT


class Via:
    """
    One Via value (RFC 3261 §20.42). `host` keeps IPv6 brackets; `port` 0 means none given; `branch` b"" if
    absent; `rport` None if absent, b"" for a request for it (RFC 3581), else its value.
    """

    __slots__ = ("branch", "host", "params", "port", "received", "rport", "transport")

    def __init__(self, transport: bytes, host: bytes, port: int, params: bytes) -> None:
        self.transport = transport
        self.host = host
        self.port = port
        self.params = params
        self.branch = b""
        self.rport: bytes | None = None
        self.received = b""

    @property
    def sent_by(self) -> bytes:
        """host or host:port, as it stands."""
        return b"%b:%d" % (self.host, self.port) if self.port else self.host


def parse_via(value: bytes) -> Via:
    """Read one Via value. Raises ParseError."""
    match = grammar.PLAIN_VIA.fullmatch(value)
    return _parse_any_via(value) if match is None else plain_via(match)


def plain_via(match: re.Match[bytes]) -> Via:
    """What nearly every peer sends, by the groups of PLAIN_VIA, which no doubled parameter fits. Raises ParseError."""
    host, digits, params, branch, rport = match.groups()
    via = Via(b"UDP", host, _port(digits), params)
    via.branch = branch
    via.rport = None if rport is None else b""
    return via


def _port(digits: bytes | None) -> int:
    port = int(digits) if digits else 0
    if port > MAX_PORT:
        raise ParseError("via", "Malformed port in Via header field")
    return port


def _parse_any_via(value: bytes) -> Via:
    match = grammar.VIA.fullmatch(value)
    if match is None:
        raise ParseError("via", "Malformed Via header field")
    transport, host, port, params = match.groups()
    via = Via(transport, host, _port(port), params)
    for name, text in reversed(_pairs(params)):  # of a doubled one the first counts, as everywhere
        if name == b"branch":
            via.branch = text
        elif name == b"rport":
            via.rport = text
        elif name == b"received":
            via.received = text
    return via


def _pairs(params: bytes) -> list[tuple[bytes, bytes]]:
    """Header parameters as (lower-case name, value); the grammar has already accepted them."""
    if b'"' in params or b" " in params or b"\t" in params:
        return [(name.lower(), value) for name, value in grammar.PARAM.findall(params)]
    pairs = []
    for item in params.split(b";")[1:]:
        name, _, value = item.partition(b"=")
        pairs.append((name.lower(), value))
    return pairs


def param(params: bytes, name: bytes) -> bytes | None:
    """
    The value of a header parameter, quotes kept; b"" for a flag, None when it is not there.

    `params` is the parameter part alone, as the grammar's patterns give it; names compare in any case.
    """
    if not params:
        return None
    for key, value in _pairs(params):
        if key == name:
            return value
    return None


class NameAddr:
    """A name-addr or addr-spec with its parameters; `display` as on the wire, quotes included."""

    __slots__ = ("display", "params", "uri")

    def __init__(self, display: bytes, uri: bytes, params: bytes) -> None:
        self.display = display
        self.uri = uri
        self.params = params

    @property
    def tag(self) -> bytes:
        """The tag parameter, b"" when there is none."""
        params = self.params
        if params[:5] == b";tag=" and params.find(b";", 5) < 0 and b" " not in params:
            return params[5:]
        return param(self.params, b"tag") or b""


def parse_name_addr(value: bytes, field: str) -> NameAddr:
    """Read one From, To, Route, P-Asserted-Identity … value; `field` names it in the fault. Raises ParseError."""
    match = grammar.NAME_ADDR.fullmatch(value)
    if match is not None:
        quoted, plain, uri, params = match.groups()
        return NameAddr(quoted or (plain or b"").rstrip(b" \t"), uri, params)
    match = grammar.ADDR_SPEC.fullmatch(value)
    if match is None:
        raise ParseError("address", f"Malformed {field} header field")
    return NameAddr(b"", match[1], match[2])


def display_text(display: bytes) -> str:
    """A display name as people read it: quotes off, quoted-pairs undone, UTF-8 (undecodable octets as U+FFFD)."""
    if display.startswith(b'"'):
        display = grammar.QUOTED_PAIR.sub(rb"\1", display[1:-1])
    return display.decode("utf-8", "replace")


def parse_cseq(value: bytes) -> tuple[int, bytes]:
    """Read a CSeq value into number and method (RFC 3261 §20.16). Raises ParseError."""
    match = grammar.CSEQ.fullmatch(value)
    if match is None:
        raise ParseError("cseq", "Malformed CSeq header field")
    number = int(match[1])  # ASCII digits only: the pattern has seen to it
    if number > grammar.MAX_CSEQ:
        raise ParseError("cseq", "CSeq number out of range")
    return number, match[2]


def split_values(value: bytes) -> list[bytes]:
    """The comma-separated values of one field; commas in quotes and angle brackets do not separate."""
    if b"," not in value:
        return [value]
    if b'"' not in value and b"<" not in value:
        return [item for part in value.split(b",") if (item := part.strip(b" \t"))]
    values: list[bytes] = []
    start = 0
    for comma in _separators(value):
        values.append(value[start:comma].strip(b" \t"))
        start = comma + 1
    values.append(value[start:].strip(b" \t"))
    return [item for item in values if item]


def _separators(value: bytes) -> list[int]:
    """Offsets of the commas that separate values."""
    found: list[int] = []
    quoted = escaped = False
    depth = 0
    for offset, octet in enumerate(value):
        if escaped:
            escaped = False
        elif quoted:
            escaped = octet == 0x5C
            quoted = octet != 0x22
        elif octet == 0x22:
            quoted = True
        elif octet == 0x3C:
            depth = 1
        elif octet == 0x3E:
            depth = 0
        elif octet == 0x2C and not depth:
            found.append(offset)
    return found
