"""A response as a proxy reads it: the top Via and the CSeq; all its other octets go upstream as they came."""

from __future__ import annotations

from typing import Final

from proxy.sip import build, grammar
from proxy.sip.errors import ParseError
from proxy.sip.fields import parse_via, split_values
from proxy.sip.message import CSEQ, VIA, Message, line_value, parse

_STATUS_END: Final = len(b"SIP/2.0 200")
_TEXTS: Final = {
    text.encode(): text for text in ("100 Trying", "180 Ringing", "183 Session Progress", "200 OK", "486 Busy Here")
}
_STATUSES: Final = {b"%d " % status: status for status in range(100, 700)}


class Response:
    """
    `sent_by` (as it stands: host, or host:port) and `branch` are those of the top Via value, `method` is
    CSeq's; `text` status and reason phrase for people;
    `upstream` the octets without the top Via value (RFC 3261 §16.7 step 3); `data` all octets.
    """

    __slots__ = ("branch", "data", "method", "sent_by", "status", "text", "upstream")

    def __init__(
        self,
        data: bytes,
        status: int,
        text: str,
        sent_by: bytes,
        branch: bytes,
        method: bytes,
        upstream: bytes,
    ) -> None:
        self.data = data
        self.status = status
        self.text = text
        self.sent_by = sent_by
        self.branch = branch
        self.method = method
        self.upstream = upstream

    def message(self) -> Message:
        """The whole response, read field by field. Raises ParseError."""
        return parse(self.data)


def read_response(data: bytes) -> Response:
    """
    Read one datagram that starts with "SIP/2.0 ". Raises ParseError.

    The usual shape (Via first, names in their usual spelling, a Content-Length
    that is the rest of the datagram) is cut at two places; every other one is read field by field.
    """
    return _usual(data) or _whole(data)


def _usual(data: bytes) -> Response | None:
    start = data.find(b"\r\n")
    end = data.find(b"\r\n", start + 2)
    head_end = data.find(b"\r\n\r\n", start)
    cseq = data.find(b"\r\nCSeq:", start, head_end)
    length = data.find(b"\r\nContent-Length:", start, head_end)
    if head_end < 0 or cseq < 0 or length < 0 or data[start + 2 : start + 6] != b"Via:" or data[end + 2] in b" \t":
        return None
    odd = data[:head_end].translate(None, grammar.PLAIN_OCTETS)
    via = grammar.PLAIN_VIA_OF_RESPONSE.fullmatch(data, start + 6, end)
    number = grammar.SHORT_CSEQ.fullmatch(data, cseq + 7, data.find(b"\r\n", cseq + 2))
    digits = data[length + 17 : data.find(b"\r\n", length + 2)].strip(b" \t")
    status = _STATUSES.get(data[8 : _STATUS_END + 1])
    if (
        odd.count(b"\r\n") * 2 != len(odd)
        or via is None
        or number is None
        or not digits.isdigit()  # ASCII: these are octets
        or len(digits) > 9
        or int(digits) != len(data) - head_end - 4
        or status is None
    ):
        return None
    line = data[8:start]
    text = _TEXTS.get(line) or line.decode("utf-8", "replace")
    rest = via[3]  # SIPp and others write several values in one field
    upstream = data[:start] + data[end:] if rest is None else data[: start + 2] + b"Via: " + rest + data[end:]
    return Response(data, status, text, via[1], via[2], number[1], upstream)


def _whole(data: bytes) -> Response:
    message = parse(data)
    index = message.names.index(VIA)
    line = message.lines[index]
    values = split_values(line_value(line))
    match = grammar.CSEQ.fullmatch(message.value(CSEQ))
    if not values or match is None or int(match[1]) > grammar.MAX_CSEQ:
        raise ParseError("via" if not values else "cseq", "Malformed response", 0, message)
    lines = message.lines.copy()
    if len(values) > 1:
        lines[index] = b"Via: " + b", ".join(values[1:])
    else:
        del lines[index]
    upstream = build.join(message.first, lines, message.body)
    via = parse_via(values[0])
    text = f"{message.status} {message.phrase.decode('utf-8', 'replace')}"
    return Response(data, message.status, text, via.sent_by, via.branch, match[2], upstream)
