"""A request with the fields that every request must have, read once (RFC 3261 §8.1.1, §16.3 step 1)."""

from __future__ import annotations

import re
from typing import Final

from proxy.sip import grammar
from proxy.sip.errors import ParseError
from proxy.sip.fields import NameAddr, Via, parse_cseq, parse_name_addr, parse_via, plain_via, split_values
from proxy.sip.message import CALL_ID, CSEQ, FROM, MAX_FORWARDS, TO, VIA, Message, line_value
from proxy.sip.uri import Uri, parse_uri

DEFAULT_MAX_FORWARDS: Final = 70


class Request:
    """
    `via` is the top Via value and `via_rest` the values that share its line; `max_forwards` -1 when the
    field is missing (RFC 2543); tags are b"" when missing; `from_`/`to` are name-addrs.
    """

    __slots__ = (
        "call_id", "cseq", "from_", "from_tag", "max_forwards", "message", "method", "to", "to_tag", "uri", "via",
        "via_index", "via_rest",
    )  # fmt: skip

    def __init__(self, message: Message) -> None:
        """Read `message`, a request. Raises ParseError (400, or 416 for the scheme of its Request-URI)."""
        names, lines = message.names, message.lines
        self.message = message
        self.method = message.method
        self.via_index = names.index(VIA)
        self.via_rest: list[bytes] = []
        self.via: Via = self._top_via(lines[self.via_index])
        self.call_id = _call_id(lines[names.index(CALL_ID)])
        self.cseq, method = _cseq(lines[names.index(CSEQ)])
        if method != message.method:
            raise ParseError("cseq", "CSeq method does not match request")
        self.from_, self.from_tag = _address(grammar.FROM_LINE, lines[names.index(FROM)], "From")
        self.to, self.to_tag = _address(grammar.TO_LINE, lines[names.index(TO)], "To")
        self.max_forwards = _max_forwards(lines[names.index(MAX_FORWARDS)]) if MAX_FORWARDS in names else -1
        self.uri: Uri = parse_uri(message.uri)
        if self.uri.headers:
            raise ParseError("uri", "Header fields in Request-URI")

    def _top_via(self, line: bytes) -> Via:
        match = grammar.VIA_LINE.fullmatch(line)
        if match is not None:
            return plain_via(match)
        top = line_value(line)
        if b"," in top:
            top, *self.via_rest = split_values(top) or [b""]
        return parse_via(top)


# Each of these reads the usual spelling of its line in one match, and any other by its value.


def _call_id(line: bytes) -> bytes:
    match = grammar.CALL_ID_LINE.fullmatch(line)
    if match is not None:
        return match[1]
    value = line_value(line)
    if not grammar.CALL_ID.fullmatch(value):
        raise ParseError("call_id", "Malformed Call-ID header field")
    return value


def _cseq(line: bytes) -> tuple[int, bytes]:
    match = grammar.CSEQ_LINE.fullmatch(line)
    return parse_cseq(line_value(line)) if match is None else (int(match[1]), match[2])


def _address(usual: re.Pattern[bytes], line: bytes, field: str) -> tuple[NameAddr, bytes]:
    """A From or To line and its tag."""
    match = usual.fullmatch(line)
    if match is None:
        address = parse_name_addr(line_value(line), field)
        return address, address.tag
    quoted, plain, uri, params, tag = match.groups()
    return NameAddr(quoted or (plain or b"").rstrip(b" \t"), uri, params or b""), tag or b""


_HOPS: Final = {b"Max-Forwards: %d" % hops: hops for hops in range(256)}


def _max_forwards(line: bytes) -> int:
    known = _HOPS.get(line)
    if known is not None:
        return known
    value = line_value(line)
    number = int(value) if grammar.MAX_FORWARDS.fullmatch(value) else 256
    if number > 255:
        raise ParseError("max_forwards", "Malformed Max-Forwards header field")
    return number
