"""A response as a proxy reads it: the top Via and the CSeq; all its other octets go upstream as they came."""

from __future__ import annotations

from typing import Final

from proxy.sip import build, grammar
from proxy.sip.errors import ParseError
from proxy.sip.fields import parse_via, split_values
from proxy.sip.message import CONTENT_LENGTH, CSEQ, VIA, Message, line_value, parse

_TEXTS: Final = {
    text.encode(): text for text in ("100 Trying", "180 Ringing", "183 Session Progress", "200 OK", "486 Busy Here")
}


class Response:
    """
    `sent_by` (as it stands: host, or host:port) and `branch` are those of the top Via value, `method` is
    CSeq's; `text` status and reason phrase for people;
    `upstream` the octets without the top Via value (RFC 3261 §16.7 step 3), with a Content-Length in any case; `data`
    all octets.
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
    top = grammar.USUAL_RESPONSE.match(data)
    head_end = data.find(b"\r\n\r\n")
    if top is None or head_end < 0:
        return None
    line, sent_by, branch, rest = top.groups()
    start, end = top.end(1), top.end() - 2
    cseq = data.find(b"\r\nCSeq:", end, head_end)
    length = data.find(b"\r\nContent-Length:", end, head_end)
    if cseq < 0 or length < 0:
        return None
    odd = data[:head_end].translate(None, grammar.PLAIN_OCTETS)
    number = grammar.SHORT_CSEQ.match(data, cseq + 7)
    octets = grammar.SHORT_LENGTH.match(data, length + 17)
    if (
        len(odd) != 2 * data.count(b"\r\n", 0, head_end)
        or number is None
        or octets is None
        or int(octets[1]) != len(data) - head_end - 4
    ):
        return None
    text = _TEXTS.get(line) or line.decode("utf-8", "replace")
    # SIPp and others write several values in one field
    upstream = data[:start] + data[end:] if rest is None else data[: start + 2] + b"Via: " + rest + data[end:]
    return Response(data, int(line[:3]), text, sent_by, branch, number[1], upstream)


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
    if CONTENT_LENGTH not in message.names:  # it may go on by a stream, which cannot do without (RFC 3261 §18.3)
        lines.append(b"Content-Length: %d" % len(message.body))
    upstream = build.join(message.first, lines, message.body)
    via = parse_via(values[0])
    text = f"{message.status} {message.phrase.decode('utf-8', 'replace')}"
    return Response(data, message.status, text, via.sent_by, via.branch, match[2], upstream)
