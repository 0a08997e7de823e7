"""The header fields that a proxy reads: Via, From and To, CSeq, Route, and comma-separated values."""

from __future__ import annotations

from proxy.sip import grammar
from proxy.sip.errors import ParseError


class Via:
    """One Via value (RFC 3261 §20.42). `host` keeps IPv6 brackets; `port` 0 means none given; `branch` b"" if absent."""

    __slots__ = ("branch", "host", "params", "port", "transport")

    def __init__(self, transport: bytes, host: bytes, port: int, params: bytes, branch: bytes) -> None:
        self.transport = transport
        self.host = host
        self.port = port
        self.params = params
        self.branch = branch


def parse_via(value: bytes) -> Via:
    """Read one Via value. Raises ParseError."""
    match = grammar.VIA.fullmatch(value)
    if match is None:
        raise ParseError("via", "Malformed Via header field")
    transport, host, port, params = match.groups()
    number = int(port) if port else 0
    if number > 65535:
        raise ParseError("via", "Malformed port in Via header field")
    return Via(transport, host, number, params, param(params, b"branch") or b"")


def param(params: bytes, name: bytes) -> bytes | None:
    """
    The value of a header parameter, quotes kept; b"" for a flag, None when it is not there.

    `params` is the parameter part alone, as the grammar's patterns give it; names compare in any case.
    """
    if not params:
        return None
    for key, value in grammar.PARAM.findall(params):
        if key.lower() == name:
            return bytes(value)
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
    number = int(match[1])
    if number > grammar.MAX_CSEQ:
        raise ParseError("cseq", "CSeq number out of range")
    return number, match[2]


def split_values(value: bytes) -> list[bytes]:
    """The comma-separated values of one field; commas in quotes and angle brackets do not separate."""
    if b"," not in value:
        return [value]
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
