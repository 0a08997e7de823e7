"""The URL of a certificate (x5u, info), read once and strictly: what is checked here is what is connected to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final

from stirshaken.errors import MalformedError

# ATIS-1000074 §5.3.1: 443 (or none) or 8443.
HTTPS_PORT: Final = 443
PORTS: Final = frozenset({HTTPS_PORT, 8443})
HTTP_PORT: Final = 80
# The longest of 17,839 URLs seen in traffic has about a hundred characters.
MAX_URL: Final = 1024
# RFC 1035 §2.3.4, without the root's dot.
MAX_NAME: Final = 253

#   unreserved, gen-delims, sub-delims, "%"  (RFC 3986 §2): no control, space, backslash, quote or non-ASCII
_URL: Final = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
#   authority  =  host [ ":" port ]     no userinfo; a port is written in one way only
_AUTHORITY: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.\-]+)(?::([1-9][0-9]{0,4}))?")
#   path  =  *( "/" *pchar )     without ";", which begins a path parameter
_PATH: Final = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,=:@/]|%[0-9A-Fa-f]{2})*")
#   name  =  *( label "." ) top     letters, digits, hyphens (RFC 1123 §2.1); no top-level domain begins with a
# digit, but every other way to write an IPv4 address (127.1, 0x7f.0.0.1, 2130706433) has a last part that does.
_LABEL: Final = r"[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?"
_NAME: Final = re.compile(rf"(?:{_LABEL}\.)*(?=[a-z]){_LABEL}")
_QUAD: Final = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")


@dataclass(frozen=True, slots=True)
class Allowed:
    """
    What a laboratory permits beyond the rule; the empty one permits nothing.

    `endpoints` are (host, port) pairs, whose port may be any; `suffixes` are domains ("lab.example" covers itself
    and what is below it) on the ports of the rule. Hosts are in lower case, IPv6 without brackets. `private` lets
    them, and only them, have private and loopback addresses.
    """

    endpoints: frozenset[tuple[str, int]] = frozenset()
    suffixes: tuple[str, ...] = ()
    private: bool = False
    plain: bool = False

    def covers(self, host: str, port: int) -> bool:
        """Whether the list names this host at this port."""
        return (host, port) in self.endpoints or (
            port in PORTS and any(host == suffix or host.endswith(f".{suffix}") for suffix in self.suffixes)
        )


NOTHING: Final = Allowed()
_PORT: Final = {"https": HTTPS_PORT, "http": HTTP_PORT}


@dataclass(frozen=True, slots=True)
class X5u:
    """
    A URL that obeys the rule. `host` is in lower case, an IPv6 address in its short form without brackets;
    `path` is at least "/"; `text` is what was read, octet by octet.
    """

    host: str
    port: int
    path: str
    text: str
    scheme: str = "https"

    @property
    def authority(self) -> str:
        """Host and port as in a Host header field (RFC 9110 §7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORT[self.scheme] else f"{host}:{self.port}"


def parse(url: str, allowed: Allowed = NOTHING) -> X5u:
    """
    Read an x5u (ATIS-1000074 §5.3.1, RFC 3986): https, port 443 or 8443, no userinfo, query, fragment or path
    parameter. A host that is an address is let through: stirshaken.addresses says whether it may be connected to.

    Raises MalformedError.
    """
    _check_characters(url)
    scheme, _, rest = url.partition("://")
    scheme = scheme.lower()
    if scheme != "https" and not (allowed.plain and scheme == "http"):
        raise MalformedError("scheme is not https")
    authority, slash, path = rest.partition("/")
    host, port = _authority(authority, _PORT[scheme])
    if port not in (PORTS if scheme == "https" else (HTTP_PORT,)) and (host, port) not in allowed.endpoints:
        raise MalformedError("port is neither 443 nor 8443" if scheme == "https" else "port is not 80")
    return X5u(host, port, _path(slash + path), url, scheme)


def _check_characters(url: str) -> None:
    if not 0 < len(url) <= MAX_URL:
        raise MalformedError("URL is empty or too long")
    if not _URL.fullmatch(url):
        raise MalformedError("character that no URL has")
    for mark, part in (("?", "query"), ("#", "fragment"), (";", "path parameter")):
        if mark in url:
            raise MalformedError(f"URL has a {part}")


def _authority(text: str, port: int) -> tuple[str, int]:
    if "@" in text:
        raise MalformedError("URL has a userinfo")
    match = _AUTHORITY.fullmatch(text)
    if match is None:
        raise MalformedError("malformed host or port")
    return _host(match[1]), int(match[2] or port)


def _host(text: str) -> str:
    """A host in its one form: an address as `ipaddress` writes it, or a name in lower case."""
    try:
        if text.startswith("["):
            return str(IPv6Address(text[1:-1]))
        if _QUAD.fullmatch(text):
            return str(IPv4Address(text))
    except AddressValueError:
        raise MalformedError("malformed address in URL") from None
    name = text.lower()
    if len(name) > MAX_NAME or not _NAME.fullmatch(name):
        raise MalformedError("malformed host name")
    return name


def _path(text: str) -> str:
    if not _PATH.fullmatch(text):
        raise MalformedError("malformed path")
    return text or "/"
