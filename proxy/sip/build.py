"""Messages that the proxy itself makes: responses, and the CANCEL and ACK of its client transactions."""

from __future__ import annotations

from typing import Final

from proxy.sip.message import CALL_ID, CSEQ, FROM, ROUTE, TIMESTAMP, TO, VIA, Message, reread

PHRASES: Final = {
    100: "Trying", 200: "OK", 302: "Moved Temporarily", 400: "Bad Request", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout", 414: "Request-URI Too Long", 416: "Unsupported URI Scheme", 420: "Bad Extension",
    433: "Anonymity Disallowed", 478: "Unresolvable Destination", 480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist", 482: "Loop Detected", 483: "Too Many Hops", 487: "Request Terminated",
    500: "Server Internal Error", 503: "Service Unavailable", 505: "Version Not Supported", 513: "Message Too Large",
    603: "Decline", 607: "Unwanted", 608: "Rejected",
}  # fmt: skip


def join(first: bytes, lines: list[bytes], body: bytes) -> bytes:
    """One message from its start line, field lines and body."""
    return b"%b\r\n%b\r\n\r\n%b" % (first, b"\r\n".join(lines), body)


def addressed(name: bytes, uri: bytes, params: bytes = b"") -> bytes:
    """A field line that names a URI, without a display name; `params` begins with ";" or is empty."""
    return b"%b: <%b>%b" % (name, uri, params)


def response(
    request: Message,
    top_via: bytes,
    status: int,
    phrase: str = "",
    to_tag: bytes = b"",
    extra: tuple[bytes, ...] = (),
) -> bytes:
    """
    A response to `request` (RFC 3261 §8.2.6): its Via, From, To, Call-ID and CSeq fields as they came,
    the first Via line replaced by `top_via`, `to_tag` added to a To without one, `extra` field lines.
    """
    lines: list[bytes] = []
    for name, line in zip(request.names, request.lines, strict=True):
        if name == VIA:
            lines.append(top_via or line)
            top_via = b""
        elif name in (FROM, CALL_ID, CSEQ):
            lines.append(line)
        elif name == TO:
            lines.append(line + b";tag=" + to_tag if to_tag else line)
        elif name == TIMESTAMP and status == 100:
            lines.append(line)
    lines.extend(extra)
    lines.append(b"Content-Length: 0")
    text = phrase or PHRASES.get(status, "Unknown")
    return join(b"SIP/2.0 %d %b" % (status, text.encode("ascii", "replace")), lines, b"")


def companion(method: bytes, sent: bytes, answer: bytes = b"") -> bytes:
    """
    The CANCEL (RFC 3261 §9.1) or the non-2xx ACK (§17.1.1.3) of a request that the proxy `sent`: the same
    Request-URI, top Via, From, Call-ID, Route fields and CSeq number; To as the `answer` has it.
    """
    request, answered = reread(sent), reread(answer)
    to_line = answered.lines[answered.names.index(TO)] if TO in answered.names else b""
    lines = [request.lines[0], b"Max-Forwards: 70"]  # the proxy's own Via stands first in what it sends
    for name, line in zip(request.names, request.lines, strict=True):
        if name in (ROUTE, FROM, CALL_ID):
            lines.append(line)
        elif name == TO:
            lines.append(to_line or line)
        elif name == CSEQ:
            number = line.partition(b":")[2].split()[0]
            lines.append(b"CSeq: %b %b" % (number, method))
    lines.append(b"Content-Length: 0")
    return join(b"%b %b SIP/2.0" % (method, request.uri), lines, b"")
