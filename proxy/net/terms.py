"""What connections go by: how many there may be, how long they may take, who takes what they bring."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Final

from proxy.core.actions import Address
from proxy.net import connection as stages
from proxy.net.connection import Connection
from proxy.net.tls import TlsContexts
from proxy.sip.errors import ParseError

HANDSHAKE_SECONDS: Final = 5.0
MESSAGE_SECONDS: Final = 5.0  # from its first octet to its last; and for a stranger to say something
IDLE_SECONDS: Final = 600.0
PONG_SECONDS: Final = 10.0
CLOSING_SECONDS: Final = 2.0
WORKER_BITS: Final = 8  # the last ones of a flow's number


def worker_of(flow: int) -> int:
    """The worker that has a connection."""
    return flow & ((1 << WORKER_BITS) - 1)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many connections there may be: in all, from one address, from addresses that are no trunk's."""

    total: int = 4096
    source: int = 256
    strangers: int = 64


@dataclass(frozen=True, slots=True)
class Ears:
    """
    Who takes what connections bring: messages (octets, source, listener, flow, names), streams that cannot be read any
    further (header section and fault first), requests that cannot be sent, and connections that are gone (flow, peer,
    listener). `knows` says whether an address, or names in a certificate, are anybody's; `answers` whether
    somebody else is answered.
    """

    receive: Callable[[bytes, Address, int, int, tuple[str, ...]], None]
    unframed: Callable[[bytes, ParseError, Address, int, int, tuple[str, ...]], None]
    unreachable: Callable[[bytes], None]
    lost: Callable[[int, Address, int], None]
    knows: Callable[[str, tuple[str, ...]], bool]
    answers: Callable[[], bool]


@dataclass(slots=True)
class Peers:
    """What a reload changes: TLS contexts by listener, and the names that the certificates at an address may have."""

    contexts: Mapping[int, TlsContexts] = field(default_factory=dict)
    names: Mapping[Address, tuple[str, ...]] = field(default_factory=dict)

    def expected(self, peer: Address) -> tuple[str, ...]:
        """The names of which the certificate of a peer must have one, before it is sent requests."""
        return (*self.names.get(peer, ()), peer[0])

    def server(self, listener: int) -> SSLContext | None:
        """How a listener takes connections; None where it does not by TLS."""
        contexts = self.contexts.get(listener)
        return None if contexts is None else contexts.server

    def client(self, listener: int) -> SSLContext | None:
        """How a listener opens connections; None where it opens none by TLS."""
        contexts = self.contexts.get(listener)
        return None if contexts is None else contexts.client


def makes_room(strangers: Collection[Connection], ip: str, most: int) -> list[Connection]:
    """
    Which strangers leave before one more from `ip` comes in, none where there is room: whoever came first has had most
    time to say who it is. One address has half of the room: a flood from there drives out its own.
    """
    own = [connection for connection in strangers if connection.peer[0] == ip]
    if own and len(own) >= max(1, most // 2):
        return own[:1]
    return [next(iter(strangers))] if len(strangers) >= most else []


def overdue(connection: Connection, now: float) -> str:
    """Why a connection has had its time, "" while it has not."""
    if connection.state == stages.HANDSHAKE:
        return "handshake" if now - connection.opened_at > HANDSHAKE_SECONDS else ""
    if connection.state == stages.CLOSING:
        return connection.why if now - connection.used_at > CLOSING_SECONDS else ""
    if connection.state != stages.OPEN:
        return ""
    if connection.begun_at is not None and now - connection.begun_at > MESSAGE_SECONDS:
        return "slow"
    if not connection.known and now - connection.opened_at > MESSAGE_SECONDS:
        return "unknown"
    if connection.answers_pings and connection.frames.awaited and now - connection.pinged_at > PONG_SECONDS:
        return "dead"
    return "idle" if now - connection.used_at > IDLE_SECONDS else ""
