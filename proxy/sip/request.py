"""A request with the fields that every request must have, read once (RFC 3261 §8.1.1, §16.3 step 1)."""

from __future__ import annotations

from typing import Final

from proxy.sip import grammar
from proxy.sip.errors import ParseError
from proxy.sip.fields import Via, parse_cseq, parse_name_addr, parse_via, split_values
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
        self.message = message
        self.method = message.method
        self.via_index = message.names.index(VIA)
        self.via_rest: list[bytes] = []
        top = line_value(message.lines[self.via_index])
        if b"," in top:
            top, *self.via_rest = split_values(top) or [b""]
        self.via: Via = parse_via(top)
        value = message.value
        self.call_id = value(CALL_ID)
        if not grammar.CALL_ID.fullmatch(self.call_id):
            raise ParseError("call_id", "Malformed Call-ID header field")
        self.cseq, method = parse_cseq(value(CSEQ))
        if method != message.method:
            raise ParseError("cseq", "CSeq method does not match request")
        self.from_ = parse_name_addr(value(FROM), "From")
        self.from_tag = self.from_.tag
        self.to = parse_name_addr(value(TO), "To")
        self.to_tag = self.to.tag
        self.max_forwards = _max_forwards(value(MAX_FORWARDS)) if MAX_FORWARDS in message.names else -1
        self.uri: Uri = parse_uri(message.uri)
        if self.uri.headers:
            raise ParseError("uri", "Header fields in Request-URI")


_HOPS: Final = {b"%d" % hops: hops for hops in range(256)}


def _max_forwards(value: bytes) -> int:
    if value in _HOPS:
        return _HOPS[value]
    number = int(value) if grammar.MAX_FORWARDS.fullmatch(value) else 256
    if number > 255:
        raise ParseError("max_forwards", "Malformed Max-Forwards header field")
    return number
