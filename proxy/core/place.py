"""Where the node itself is, and where requests go: listeners, hops, and what counts as the node's own address."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import ip_address
from typing import Final
from zlib import crc32

from proxy.core.actions import Address
from proxy.sip.uri import Uri

SIP_PORT: Final = 5060
MAX_PORT: Final = 65535


class Listener:
    """
    One socket. `host` and `port` are what peers are told (the advertised address, IPv6 without brackets);
    `sent_by` is the sent-by of its Via and the hostport of its Record-Route, `is_ipv6` which family it speaks.
    """

    __slots__ = ("bound", "host", "index", "is_ipv6", "name", "port", "sent_by")

    def __init__(self, index: int, name: str, host: str, port: int, bound: Address) -> None:
        self.index: Final = index
        self.name: Final = name
        self.host: Final = host
        self.port: Final = port
        self.bound: Final = bound
        self.is_ipv6: Final = ":" in bound[0]
        self.sent_by: Final = hostport(host, port)


class Hop:
    """A peer that requests are sent to: its address, the listener that they leave from, and "ip:port" for records."""

    __slots__ = ("_mark", "address", "listener", "text")

    def __init__(self, address: Address, listener: int) -> None:
        self.address: Final = address
        self.listener: Final = listener
        self.text: Final = show(address)
        self._mark = b""

    @property
    def mark(self) -> bytes:
        """What tells the branch to this peer from those to others."""
        if not self._mark:
            self._mark = b"%08x" % crc32(self.text.encode())
        return self._mark


@lru_cache(maxsize=4096)
def ip_of(host: bytes) -> str | None:
    """
    The IP address that a host is, in its usual spelling and without brackets; None for a name. What only
    looks like an address (999.1.1.1, 1.2) is a name: a socket call would ask a resolver for it, and wait.
    """
    try:
        return str(ip_address(host.strip(b"[]").decode("ascii")))
    except ValueError:
        return None


def hostport(host: str, port: int) -> bytes:
    """host:port as SIP writes it, IPv6 in brackets."""
    return (f"[{host}]:{port}" if ":" in host else f"{host}:{port}").encode("ascii")


def show(address: Address) -> str:
    """ "ip:port" for people, IPv6 in brackets."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class Place:
    """The node's listeners, and which of them leads to which peer (`leads`: IP address → listener index)."""

    __slots__ = ("_own", "_sent_by", "leads", "listeners", "record_routes")

    def __init__(self, listeners: Iterable[Listener], leads: Mapping[str, int] | None = None) -> None:
        self.listeners = tuple(listeners)
        self.leads = dict(leads or {})
        self.record_routes = {b"<sip:" + listener.sent_by: listener.index for listener in reversed(self.listeners)}
        self._sent_by: set[bytes] = set()
        self._own: dict[tuple[bytes, int], int] = {}
        for listener in reversed(self.listeners):
            for host, port in (listener.bound, (listener.host, listener.port)):
                self._own[host.lower().encode(), port] = listener.index
                self._sent_by.add(hostport(host.lower(), port))
                if port == SIP_PORT:
                    self._sent_by.add(hostport(host.lower(), port).rpartition(b":")[0])

    def own_record_route(self, value: bytes) -> tuple[int, bytes] | None:
        """Listener and cookie of a Route value that is the node's own Record-Route, letter for letter; else None."""
        start, separator, cookie = value.partition(b";lr;tw=")
        index = self.record_routes.get(start)
        whole = separator and cookie.endswith(b">") and cookie[:-1].isalnum()
        return (index, cookie[:-1]) if whole and index is not None else None

    def own(self, uri: Uri) -> int | None:
        """The index of the listener that a URI names, None when it is not the node's own address."""
        return self._own.get((uri.host.lower().strip(b"[]"), uri.port or SIP_PORT))

    def own_via(self, sent_by: bytes) -> bool:
        """Whether a Via's sent-by (host or host:port) is the node's own."""
        return sent_by.lower() in self._sent_by

    def egress(self, ip: str, ingress: int) -> int | None:
        """The listener that a request to `ip` leaves from; None when none speaks its family."""
        known = self.leads.get(ip)
        if known is not None:
            return known
        wanted = ":" in ip
        if self.listeners[ingress].is_ipv6 == wanted:
            return ingress
        return next((listener.index for listener in self.listeners if listener.is_ipv6 == wanted), None)
