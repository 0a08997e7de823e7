"""Where the node itself is, and where requests go: listeners, hops, and what counts as the node's own address."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import ip_address
from typing import Final
from zlib import crc32

from proxy.core.actions import Address
from proxy.core.tally import message_kinds
from proxy.sip.uri import Uri

SIP_PORT: Final = 5060
SIPS_PORT: Final = 5061
# What tells a transport in a URI (RFC 3261 §19.1.1, RFC 5630 §3.1.4: transport=tls is deprecated, and what all write).
TRANSPORTS: Final = {"udp": b"", "tcp": b";transport=tcp", "tls": b";transport=tls"}
TRANSPORT_NAMES: Final = {b"UDP": "udp", b"TCP": "tcp", b"TLS": "tls"}
MAX_PORT: Final = 65535


class Listener:
    """
    One socket of `transport` "udp", "tcp" or "tls". `host` and `port` are what peers are told (the advertised address,
    IPv6 without brackets); `sent_by` is the sent-by of its Via, `via` that field up to its branch, `route` how its
    Record-Route begins; `is_ipv6` is which family it speaks, `is_stream` whether its messages come by connections;
    `heard` and `sent` are the tally keys of its messages.
    """

    __slots__ = (
        "bound", "heard", "host", "index", "is_ipv6", "is_stream", "name", "port", "route", "sent", "sent_by",
        "transport", "via",
    )  # fmt: skip

    def __init__(self, index: int, name: str, host: str, port: int, bound: Address, transport: str = "udp") -> None:
        self.index: Final = index
        self.name: Final = name
        self.host: Final = host
        self.port: Final = port
        self.bound: Final = bound
        self.is_ipv6: Final = ":" in bound[0]
        self.sent_by: Final = hostport(host, port)
        self.transport: Final = transport
        self.is_stream: Final = transport != "udp"
        self.via: Final = b"Via: SIP/2.0/%b %b;branch=" % (transport.upper().encode(), self.sent_by)
        self.route: Final = b"<sip:" + self.sent_by + TRANSPORTS[transport]
        self.heard: Final = message_kinds("in", transport)
        self.sent: Final = message_kinds("out", transport)


class Hop:
    """
    A peer that requests are sent to: its address, the listener that they leave from, and "ip:port" for records, with
    ";transport=…" where that is not UDP. `flow` is the connection to prefer, 0 for none; `fixed` says that a request
    must not change over to TCP, however long it is.
    """

    __slots__ = ("_mark", "address", "fixed", "flow", "listener", "text", "transport")

    def __init__(
        self, address: Address, listener: int, transport: str = "udp", *, flow: int = 0, fixed: bool = False
    ) -> None:
        self.address: Final = address
        self.listener: Final = listener
        self.transport: Final = transport
        self.flow: Final = flow
        self.fixed: Final = fixed
        self.text: Final = show(address) if transport == "udp" else f"{show(address)};transport={transport}"
        self._mark = b""

    def by(self, listener: int, transport: str) -> Hop:
        """The same peer by another transport; what it has had by the one it knows again by the other."""
        hop = Hop(self.address, listener, transport)
        hop._mark = self.mark
        return hop

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


@lru_cache(maxsize=4096)
def is_private(ip: str) -> bool:
    """Whether an IP address is one that means nothing elsewhere (RFC 1918 and the like)."""
    return ip_address(ip).is_private


def hostport(host: str, port: int) -> bytes:
    """host:port as SIP writes it, IPv6 in brackets."""
    return (f"[{host}]:{port}" if ":" in host else f"{host}:{port}").encode("ascii")


def show(address: Address) -> str:
    """ "ip:port" for people, IPv6 in brackets."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def transport_of(uri: Uri) -> str:
    """The transport that a URI asks for; "" where it says nothing, or one that is not spoken here."""
    if uri.scheme == b"sips":
        return "tls"
    named = uri.param(b"transport") if uri.params else None
    return "" if named is None else TRANSPORT_NAMES.get(named.upper(), "")


def port_of(uri: Uri) -> int:
    """The port that a URI means (RFC 3261 §19.1.2)."""
    return uri.port or (SIPS_PORT if transport_of(uri) == "tls" else SIP_PORT)


class Place:
    """The node's listeners, and which of them leads where (`leads`: IP address and transport → listener index)."""

    __slots__ = ("_own", "_sent_by", "leads", "listeners", "record_routes", "streams")

    def __init__(self, listeners: Iterable[Listener], leads: Mapping[tuple[str, str], int] | None = None) -> None:
        self.listeners = tuple(listeners)
        self.leads = dict(leads or {})
        self.streams = frozenset(listener.index for listener in self.listeners if listener.is_stream)
        self.record_routes = {listener.route: listener.index for listener in reversed(self.listeners)}
        self._sent_by: set[bytes] = set()
        self._own: dict[tuple[bytes, int, str], int] = {}
        for listener in reversed(self.listeners):
            for host, port in (listener.bound, (listener.host, listener.port)):
                name = host.lower().encode()
                self._own[name, port, listener.transport] = self._own[name, port, ""] = listener.index
                self._sent_by.add(hostport(host.lower(), port))
                if port == (SIPS_PORT if listener.transport == "tls" else SIP_PORT):
                    self._sent_by.add(hostport(host.lower(), port).rpartition(b":")[0])

    def own_record_route(self, value: bytes) -> tuple[int, bytes] | None:
        """Listener and cookie of a Route value that is the node's own Record-Route, letter for letter; else None."""
        start, separator, cookie = value.partition(b";lr;tw=")
        index = self.record_routes.get(start)
        whole = separator and cookie.endswith(b">") and cookie[:-1].isalnum()
        return (index, cookie[:-1]) if whole and index is not None else None

    def own(self, uri: Uri) -> int | None:
        """The index of the listener that a URI names, None when it is not the node's own address."""
        name, port = uri.host.lower().strip(b"[]"), port_of(uri)
        usual: int | None = self._own.get((name, port, ""))
        if usual is None:
            return None
        return self._own.get((name, port, transport_of(uri)), usual)

    def own_via(self, sent_by: bytes) -> bool:
        """Whether a Via's sent-by (host or host:port) is the node's own."""
        return sent_by.lower() in self._sent_by

    def egress(self, ip: str, ingress: int, transport: str = "udp") -> int | None:
        """The listener that a request to `ip` leaves from; None when none speaks its family and transport."""
        known = self.leads.get((ip, transport))
        if known is not None:
            return known
        if self.speaks(ingress, ip, transport):
            return ingress
        return next((each.index for each in self.listeners if self.speaks(each.index, ip, transport)), None)

    def speaks(self, index: int, ip: str, transport: str) -> bool:
        """Whether a listener speaks this transport to the family of `ip`."""
        listener = self.listeners[index]
        return listener.is_ipv6 == (":" in ip) and listener.transport == transport
