"""SIP, SIPS and tel URIs (RFC 3261 §19.1, RFC 3966), read without changing an octet."""

from __future__ import annotations

from proxy.sip import grammar
from proxy.sip.errors import UNSUPPORTED_URI_SCHEME, ParseError
from proxy.sip.grammar import MAX_PORT


class Uri:
    """
    A URI in its parts, all as on the wire. `scheme` is lower case; `user` is the subscriber of a tel
    URI; `host` keeps IPv6 brackets; `port` 0 means none; `params` starts with ";" or is empty.
    """

    __slots__ = ("headers", "host", "params", "port", "scheme", "user")

    def __init__(self, scheme: bytes, user: bytes, host: bytes, port: int, params: bytes, headers: bytes) -> None:
        self.scheme = scheme
        self.user = user
        self.host = host
        self.port = port
        self.params = params
        self.headers = headers

    def param(self, name: bytes) -> bytes | None:
        """The value of a URI parameter, b"" for a flag, None when it is not there; names compare in any case."""
        if not self.params:
            return None
        for key, value in grammar.URI_PARAM.findall(self.params):
            if key.lower() == name:
                return bytes(value)
        return None

    @property
    def host_text(self) -> str:
        """The host without IPv6 brackets, as socket calls take it."""
        return self.host.decode("ascii").strip("[]")

    def __repr__(self) -> str:
        return f"Uri({self.scheme!r}, {self.user!r}, {self.host!r}, {self.port})"


def parse_uri(data: bytes) -> Uri:
    """Read a sip, sips, tel or emergency service URI (RFC 5031). Raises ParseError: 416 for other schemes, or 400."""
    match = grammar.PLAIN_SIP_URI.fullmatch(data)
    if match is not None:
        user, host, port = match.groups()
        number = int(port) if port else 0
        if number <= MAX_PORT:
            return Uri(b"sip", user or b"", host, number, b"", b"")
    match = grammar.SIP_URI.fullmatch(data)
    if match is not None:
        scheme, user, _, host, port, params, headers = match.groups()
        number = int(port) if port else 0
        if number > MAX_PORT:
            raise ParseError("uri", "Malformed port in URI")
        return Uri(scheme.lower(), user or b"", host, number, params, headers or b"")
    match = grammar.TEL_URI.fullmatch(data)
    if match is not None:
        return Uri(b"tel", match[2], b"", 0, match[3], b"")
    match = grammar.SOS_URN.fullmatch(data)
    if match is not None:
        return Uri(b"urn", match[1].lower(), b"", 0, b"", b"")
    scheme_match = grammar.SCHEME.match(data)
    if scheme_match is None or scheme_match[1].lower() in (b"sip", b"sips", b"tel"):
        raise ParseError("uri", "Malformed URI")
    raise ParseError("uri", "Unsupported URI Scheme", UNSUPPORTED_URI_SCHEME)


def unescape(data: bytes) -> bytes | None:
    """Undo %-escapes (RFC 3261 §19.1.2); None where a "%" starts no escape."""
    if b"%" not in data:
        return data
    plain = grammar.ESCAPE.sub(lambda match: bytes.fromhex(match[1].decode()), data)
    return plain if data.count(b"%") == len(grammar.ESCAPE.findall(data)) else None
