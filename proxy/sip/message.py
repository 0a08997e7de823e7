"""One SIP message over the octets it came in (RFC 3261 §7): found in one pass, nothing decoded, nothing rebuilt."""

from __future__ import annotations

import re
from typing import Final

from proxy.sip import grammar
from proxy.sip.errors import MESSAGE_TOO_LARGE, URI_TOO_LONG, VERSION_NOT_SUPPORTED, ParseError

# Which field a line is. The first eight are counted: each owns seven bits of a sum over all fields, so that
# one addition finds what is missing or doubled. The others need only be told apart; OTHER is never read.
VIA: Final = 1
FROM: Final = 1 << 7
TO: Final = 1 << 14
CALL_ID: Final = 1 << 21
CSEQ: Final = 1 << 28
MAX_FORWARDS: Final = 1 << 35
CONTENT_LENGTH: Final = 1 << 42
CONTENT_TYPE: Final = 1 << 49
ROUTE: Final = 1 << 56
RECORD_ROUTE: Final = 2 << 56
PROXY_REQUIRE: Final = 3 << 56
CONTACT: Final = 4 << 56
P_ASSERTED_IDENTITY: Final = 5 << 56
P_PREFERRED_IDENTITY: Final = 6 << 56
REMOTE_PARTY_ID: Final = 7 << 56
DIVERSION: Final = 8 << 56
HISTORY_INFO: Final = 9 << 56
PRIVACY: Final = 10 << 56
TIMESTAMP: Final = 11 << 56
IDENTITY: Final = 12 << 56
DATE: Final = 13 << 56
RESOURCE_PRIORITY: Final = 14 << 56
PRIORITY: Final = 15 << 56
OTHER: Final = 0

FIELDS: Final = {
    b"via": VIA, b"from": FROM, b"to": TO, b"call-id": CALL_ID, b"cseq": CSEQ, b"max-forwards": MAX_FORWARDS,
    b"content-length": CONTENT_LENGTH, b"content-type": CONTENT_TYPE, b"route": ROUTE, b"record-route": RECORD_ROUTE,
    b"proxy-require": PROXY_REQUIRE, b"contact": CONTACT, b"p-asserted-identity": P_ASSERTED_IDENTITY,
    b"p-preferred-identity": P_PREFERRED_IDENTITY, b"remote-party-id": REMOTE_PARTY_ID, b"diversion": DIVERSION,
    b"history-info": HISTORY_INFO, b"privacy": PRIVACY, b"timestamp": TIMESTAMP, b"identity": IDENTITY, b"date": DATE,
    b"resource-priority": RESOURCE_PRIORITY, b"priority": PRIORITY,
    # compact forms (RFC 3261 §7.3.3, RFC 8224 §4)
    b"v": VIA, b"f": FROM, b"t": TO, b"i": CALL_ID, b"l": CONTENT_LENGTH, b"c": CONTENT_TYPE, b"m": CONTACT,
    b"y": IDENTITY,
}  # fmt: skip
# Fields that are only copied, listed so that their usual spelling costs one look-up.
_COPIED: Final = (
    b"accept", b"accept-encoding", b"accept-language", b"alert-info", b"allow", b"allow-events", b"authorization",
    b"call-info", b"content-disposition", b"content-encoding", b"event", b"expires", b"k",
    b"mime-version", b"min-se", b"organization", b"p-access-network-info", b"p-charging-vector", b"p-early-media",
    b"proxy-authenticate", b"proxy-authorization", b"rack", b"reason", b"refer-to", b"require", b"rseq", b"s",
    b"server", b"session-expires", b"subject", b"supported", b"unsupported", b"user-agent", b"warning",
    b"www-authenticate", b"x",
)  # fmt: skip
_ONCE: Final = {FROM: "From", TO: "To", CALL_ID: "Call-ID", CSEQ: "CSeq"}
_AT_MOST_ONCE: Final = {
    MAX_FORWARDS: "Max-Forwards",
    CONTENT_LENGTH: "Content-Length",
    CONTENT_TYPE: "Content-Type",
}
_LANE: Final = 0x7F
# In the sum: From, To, Call-ID and CSeq stand once, the three others at most once.
_COUNTED: Final = _LANE * (FROM | TO | CALL_ID | CSEQ) | (_LANE - 1) * (MAX_FORWARDS | CONTENT_LENGTH | CONTENT_TYPE)
_AS_IT_SHOULD: Final = FROM | TO | CALL_ID | CSEQ

# Asterisk has been crashed with some fifty; a long INVITE carries about forty. It must fit a seven-bit count.
MAX_FIELDS: Final = 127
# One field: 8 KiB, four times the longest Identity seen; the datagram itself ends at 64 KiB.
MAX_FIELD_OCTETS: Final = 8192


def _spellings() -> dict[bytes, int]:
    """Field names in the spellings that peers use."""
    table: dict[bytes, int] = {}
    for name, field in (FIELDS | dict.fromkeys(_COPIED, OTHER)).items():
        for spelling in (name, name.title(), name.upper(), name.capitalize()):
            table[spelling] = field
    return table | {
        b"Call-ID": CALL_ID,
        b"CSeq": CSEQ,
        b"MIME-Version": OTHER,
        b"RAck": OTHER,
        b"RSeq": OTHER,
    }


_SPELLINGS: Final = _spellings()
_CRLFS: Final = tuple(b"\r\n" * count for count in range(MAX_FIELDS + 1))


class Message:
    """
    A request (`status` 0) or a response (`method` b"").

    `lines` are the header fields as received, without their last CRLF, folds included; `names` says
    which field each line is. `body` is as long as Content-Length says, or all of the datagram's rest
    without it (RFC 3261 §18.3).
    """

    __slots__ = ("body", "first", "lines", "method", "names", "phrase", "status", "uri")

    def __init__(self, first: bytes, names: list[int], lines: list[bytes], body: bytes) -> None:
        self.first = first
        self.names = names
        self.lines = lines
        self.body = body
        self.method = b""
        self.uri = b""
        self.status = 0
        self.phrase = b""

    def value(self, name: int) -> bytes:
        """The value of the first field called `name`, unfolded and stripped; b"" when there is none."""
        names = self.names
        return line_value(self.lines[names.index(name)]) if name in names else b""

    def values(self, name: int) -> list[bytes]:
        """The values of every field called `name`, one per field line, in wire order."""
        names = self.names
        if names.count(name) == 1:
            return [line_value(self.lines[names.index(name)])]
        return [line_value(line) for known, line in zip(names, self.lines, strict=True) if known == name]

    def __repr__(self) -> str:
        return f"Message({self.first!r}, {len(self.lines)} fields, {len(self.body)} octets of body)"


def line_value(line: bytes) -> bytes:
    """The value of one header field line, unfolded and stripped of LWS."""
    value = line.partition(b":")[2]
    if b"\r" in value:  # a pattern for folds would start over at every blank
        return b" ".join([part.strip(b" \t") for part in value.split(b"\r\n")]).strip(b" ")
    return value.strip(b" \t")


def parse(data: bytes) -> Message:
    """
    Read one datagram as a SIP message (RFC 3261 §7, §18.3).

    Raises ParseError; its `message` is what could be read, so that a request can still be answered.
    """
    if data.startswith(b"\r\n"):
        data = data.lstrip(b"\r\n")  # RFC 3261 §7.5: CRLF before the start line is ignored
    head, separator, rest = data.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    breaks = len(lines) - 1
    first = lines.pop(0)
    find = _SPELLINGS.get
    names = [find(line.partition(b":")[0], -1) for line in lines]
    fault = None
    if -1 in names:
        lines = _joined(lines)
        names, fault = _named(lines)
    message = Message(first, names, lines, rest)
    _start(message)
    odd = head.translate(None, grammar.PLAIN_OCTETS)
    if breaks > MAX_FIELDS or len(head) > MAX_FIELD_OCTETS or odd != _CRLFS[breaks]:
        fault = _head_fault(head, breaks, message) or fault
    if not separator:
        fault = ParseError("truncated", "Missing end of header fields")
    fault = fault or _count_fault(names) or _body_fault(message)
    if fault is not None:
        fault.message = message
        raise fault
    return message


def reread(data: bytes) -> Message:
    """
    The fields of octets that have been accepted or made here, without any check: total, and without limits,
    for what goes out may be longer than what may come in.
    """
    head, _, rest = data.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    lines = _joined(lines)
    message = Message(first, _named(lines)[0], lines, rest)
    message.method, _, message.uri = first.rpartition(b" ")[0].partition(b" ")
    return message


def _joined(lines: list[bytes]) -> list[bytes]:
    """Field lines with their continuation lines (RFC 3261 §7.3.1)."""
    joined: list[list[bytes]] = []
    for line in lines:
        if line[:1] in (b" ", b"\t") and joined:
            joined[-1].append(line)
        else:
            joined.append([line])
    return [b"\r\n".join(parts) for parts in joined]


def _named(lines: list[bytes]) -> tuple[list[int], ParseError | None]:
    """Which field each line is, in any spelling; HCOLON lets white space stand before the colon."""
    names: list[int] = []
    fault = None
    for line in lines:
        text, colon, _ = line.partition(b":")
        text = text.rstrip(b" \t")
        if colon and grammar.TOKEN.fullmatch(text):
            names.append(FIELDS.get(text.lower(), OTHER))
        else:
            names.append(OTHER)
            fault = ParseError("header", "Malformed header field name")
    return names, fault


def _start(message: Message) -> None:
    """Read the start line into `message`; a line that is neither raises at once: nobody can be answered."""
    first = message.first
    request = grammar.REQUEST_LINE.fullmatch(first)
    if request is not None:
        message.method, message.uri, version = request.groups()
        if version != b"SIP/2.0" and version.upper() != b"SIP/2.0":
            raise ParseError("version", "Version Not Supported", VERSION_NOT_SUPPORTED, message)
        return
    response = grammar.STATUS_LINE.fullmatch(first)
    if response is not None:
        message.status = int(response[1])
        message.phrase = response[2] or b""
        return
    method = first.partition(b" ")[0]
    if first.upper().startswith(b"SIP/") or not grammar.TOKEN.fullmatch(method) or b" " not in first:
        raise ParseError("start_line", "Malformed start line", 0)
    message.method = method
    raise ParseError("start_line", "Malformed Request-Line", message=message)


def _head_fault(head: bytes, breaks: int, message: Message) -> ParseError | None:
    """Faults of a head that is long or has odd octets: limits, bare CR or LF, control octets."""
    if breaks > MAX_FIELDS:
        return ParseError("too_large", "Too many header fields", MESSAGE_TOO_LARGE)
    if len(head) > MAX_FIELD_OCTETS:
        if len(message.first) > MAX_FIELD_OCTETS:
            return ParseError("too_large", "Request-URI Too Long", URI_TOO_LONG)
        if max(map(len, message.lines)) > MAX_FIELD_OCTETS:
            return ParseError("too_large", "Header field too long", MESSAGE_TOO_LARGE)
    if head.count(b"\r") != breaks or head.count(b"\n") != breaks:
        return ParseError("line_break", "Bare CR or LF in header")
    return (
        ParseError("control", "Control character in header") if _has_control([message.first, *message.lines]) else None
    )


def _has_control(lines: list[bytes]) -> bool:
    """Whether control octets stand anywhere but in a quoted-pair of a quoted string (RFC 3261 §25.1)."""
    bare = b"".join(grammar.QUOTED_OR_OPEN.sub(_without_pairs, line) for line in lines)
    return bool(bare.translate(None, grammar.PLAIN_OCTETS + b"\r\n"))


def _without_pairs(quoted: re.Match[bytes]) -> bytes:
    return grammar.QUOTED_PAIR.sub(b"", quoted[0]) if quoted[1] else quoted[0]


def _count_fault(names: list[int]) -> ParseError | None:
    """Fields that must stand exactly once, at most once, or at least once (RFC 3261 §8.1.1, §20)."""
    total = sum(names)
    if total & _COUNTED == _AS_IT_SHOULD and total & _LANE:
        return None
    for name, title in _ONCE.items():
        if name not in names:
            return ParseError("missing_field", f"Missing {title} header field")
    for name, title in (_ONCE | _AT_MOST_ONCE).items():
        if names.count(name) > 1:
            return ParseError("duplicate_field", f"Duplicate {title} header field")
    return ParseError("missing_field", "Missing Via header field")


def _body_fault(message: Message) -> ParseError | None:
    """Cut the body to Content-Length; more than the datagram holds is a fault (RFC 3261 §18.3)."""
    names = message.names
    if CONTENT_LENGTH not in names:
        return None
    line = message.lines[names.index(CONTENT_LENGTH)]
    value = line[16:] if line.startswith(b"Content-Length: ") else line_value(line)
    if not value.isdigit() or len(value) > 9:  # ASCII digits: these are octets
        value = line_value(line)
        if not grammar.CONTENT_LENGTH.fullmatch(value):
            return ParseError("content_length", "Malformed Content-Length")
    length = int(value)
    if length > len(message.body):
        return ParseError("content_length", "Content-Length larger than message")
    if length < len(message.body):
        message.body = message.body[:length]
    return None
