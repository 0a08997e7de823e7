"""Messages out of a stream of octets, cut by Content-Length (RFC 3261 §18.3). No socket and no clock."""

from __future__ import annotations

import re
from typing import Final

from proxy.sip import grammar
from proxy.sip.errors import MESSAGE_TOO_LARGE, URI_TOO_LONG, ParseError

# As much as a datagram holds, so that neither transport lets in what the other does not.
MAX_HEAD: Final = 65535
MAX_MESSAGE: Final = 65535

_END: Final = b"\r\n\r\n"
# What a start line can begin with: a token. TLS, HTTP/2 and other strangers are told by their first octet.
_FIRST: Final = re.compile(rb"[A-Za-z0-9\-.!%*_+`'~]")
# What there must be in one; the rest of it is for `parse` to judge.
_VERSION: Final = re.compile(rb"(?:[^\r\n]* )?SIP/[0-9]", re.IGNORECASE)
MAX_START_LINE: Final = 8192
# Every field that may be taken for the length, in any spelling: the name in any case or short, white space before the
# colon, the value perhaps folded. One that is no plain number has an empty group.
_LENGTH: Final = re.compile(
    rb"\r\n(?:content-length|l)[ \t]*:(?:[ \t]|\r\n[ \t])*+(?:([0-9]{1,9})(?:[ \t]|\r\n[ \t])*+(?=\r\n))?",
    re.IGNORECASE,
)


class Frames:
    """
    The messages of one connection, in whatever pieces they come.

    `fault` is why nothing more can be read from it, None while all is well; `broken` is then the header section at
    fault, b"" where not even one has come. `pings` are the keep-alives that ask for an answer and have none yet
    (CRLF CRLF, RFC 5626 §4.4.1), `awaited` those of ours that have none yet, `answered` whether one has come;
    `begun` whether a part of a message is waiting for its rest.
    """

    __slots__ = ("_body", "_buffer", "_half", "_searched", "answered", "awaited", "broken", "fault", "pings")

    def __init__(self) -> None:
        self.fault: ParseError | None = None
        self.broken = b""
        self.pings = 0
        self._buffer = bytearray()
        self._searched = 0  # so far no end of the header section
        self._body = 0  # where the message ends, 0 until its header section is whole
        self._half = False
        self.awaited = 0
        self.answered = False

    @property
    def begun(self) -> bool:
        """Whether a message has begun and is not whole."""
        return bool(self._buffer)

    def asked(self) -> None:
        """A ping has been sent: the next single CRLF is its answer."""
        self.awaited += 1

    def feed(self, data: bytes) -> list[bytes]:
        """Take what has been read; returns the messages that are whole now. Nothing is read after a fault."""
        found: list[bytes] = []
        if self.fault is not None:
            return found
        buffer = self._buffer
        buffer += data
        while buffer:
            if not self._body:
                self._skip()
                if not buffer or not self._head():
                    break
            end = self._body
            if len(buffer) < end:
                break
            found.append(bytes(buffer[:end]))
            del buffer[:end]
            self._searched = self._body = 0
        return found

    def _skip(self) -> None:
        """Take off the CRLFs before a message; two in a row are a ping, unless one is the answer to ours."""
        buffer = self._buffer
        start = 0
        while buffer.startswith(b"\r\n", start):
            start += 2
            if self.awaited:
                self.awaited -= 1
                self.answered = True
            elif self._half:
                self._half = False
                self.pings += 1
            else:
                self._half = True
        if start:
            del buffer[:start]
            self._searched = 0
        if buffer and buffer[0] != 0x0D:
            self._half = False

    def _head(self) -> bool:
        """Look for the end of the header section, and for the message's in it; False while it is not there."""
        buffer = self._buffer
        if len(buffer) == 1 and buffer[0] == 0x0D:
            return False  # half a CRLF
        if not self._searched and not _FIRST.match(buffer):
            return self._fail("start_line", "Malformed start line", 0, b"")
        end = buffer.find(_END, max(self._searched - 3, 0))
        if end < 0:
            self._searched = len(buffer)
            line = buffer.find(b"\r\n", 0, MAX_START_LINE + 2)
            if line < 0 and len(buffer) > MAX_START_LINE + 1:
                return self._fail("too_large", "Request-URI Too Long", URI_TOO_LONG, b"")
            if line >= 0 and not _VERSION.match(buffer, 0, line):
                return self._fail("start_line", "Malformed start line", 0, b"")
            if len(buffer) > MAX_HEAD:
                return self._fail("too_large", "Header section too long", MESSAGE_TOO_LARGE, b"")
            return False
        return self._measure(bytes(buffer[: end + 4]))

    def _measure(self, head: bytes) -> bool:
        """Read the one Content-Length of a header section, which a stream cannot do without."""
        line = head.find(b"\r\n")
        if line > MAX_START_LINE:
            return self._fail("too_large", "Request-URI Too Long", URI_TOO_LONG, head)
        if not _VERSION.match(head, 0, line):
            return self._fail("start_line", "Malformed start line", 0, b"")
        if len(head) > MAX_HEAD:
            return self._fail("too_large", "Header section too long", MESSAGE_TOO_LARGE, head)
        lengths = _LENGTH.findall(head, 0, len(head) - 2)
        if not lengths:
            return self._fail("content_length", "Missing Content-Length header field", 400, head)
        if len(lengths) > 1:
            return self._fail("duplicate_field", "Duplicate Content-Length header field", 400, head)
        if not grammar.CONTENT_LENGTH.fullmatch(lengths[0]):
            return self._fail("content_length", "Malformed Content-Length", 400, head)
        self._body = len(head) + int(lengths[0])
        if self._body > MAX_MESSAGE:
            return self._fail("too_large", "Message too large", MESSAGE_TOO_LARGE, head)
        return True

    def _fail(self, kind: str, reason: str, status: int, head: bytes) -> bool:
        """Where one message ends and the next begins is not known any more: what follows may be anything."""
        self.fault = ParseError(kind, reason, status)
        self.broken = head
        self._buffer.clear()
        return False
