"""Just enough SIP for two phones on loopback, read independently of the proxy's own parser."""

from __future__ import annotations

from dataclasses import dataclass

MEDIA = (
    "v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\nm=audio 9 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
)


@dataclass(frozen=True, slots=True)
class Heard:
    """A message as a phone hears it: start line, and fields as (lower-case name, value) in wire order."""

    start: str
    fields: tuple[tuple[str, str], ...]

    @property
    def method(self) -> str:
        """The method of a request, "" for a response."""
        return "" if self.start.startswith("SIP/") else self.start.partition(" ")[0]

    @property
    def status(self) -> int:
        """The status of a response, 0 for a request."""
        code = self.start.split(" ", 2)[1]
        return int(code) if not self.method and code.isascii() and code.isdigit() else 0

    @property
    def phrase(self) -> str:
        """The reason phrase of a response."""
        return self.start.split(" ", 2)[-1]

    def every(self, name: str) -> list[str]:
        """Give the values of all fields of that name."""
        return [value for known, value in self.fields if known == name.lower()]

    def first(self, name: str) -> str:
        """Give the value of the first field of that name, "" for none."""
        return next(iter(self.every(name)), "")


def read(data: bytes) -> Heard | None:
    """Read one datagram; None for what is no SIP message that a phone would answer."""
    head, _, _ = data.decode("utf-8", "replace").partition("\r\n\r\n")
    start, *lines = head.split("\r\n")
    if len(start.split(" ", 2)) < 3 or "SIP/2.0" not in start:
        return None
    pairs = (line.partition(":") for line in lines)
    return Heard(start, tuple((name.strip().lower(), value.strip()) for name, _, value in pairs))


def write(start: str, fields: list[tuple[str, str]], body: str = "") -> bytes:
    """Write one message; Content-Length is added."""
    typed = [("Content-Type", "application/sdp")] if body else []
    lines = [f"{name}: {value}" for name, value in [*fields, *typed, ("Content-Length", str(len(body.encode())))]]
    return "\r\n".join([start, *lines, "", body]).encode()


def bare_uri(value: str) -> str:
    """Give the URI of a name-addr or addr-spec."""
    _, bracket, rest = value.partition("<")
    return rest.partition(">")[0] if bracket else value.partition(";")[0]
