"""The connections of a node: accepted and opened, read and written, bounded in number and in time."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import count
from time import monotonic, monotonic_ns
from typing import Final

from structlog.typing import FilteringBoundLogger

from proxy.core.actions import Address, Send
from proxy.core.place import Listener
from proxy.core.tally import Tally
from proxy.net import connection as stages
from proxy.net.connection import MAX_UNSENT, Connection, allow_files, begin_connect, tune
from proxy.net.door import Door
from proxy.net.terms import WORKER_BITS, Bounds, Ears, Peers, makes_room, overdue
from proxy.net.tls import names_of, proves

CONNECT_SECONDS: Final = 1.5  # shorter than a next hop may be silent
PING_SECONDS: Final = 90.0  # RFC 5626 §4.4.1: at most 120 over TCP
MAX_PONGS: Final = 64  # answers to one reading's pings: what is never read must not pile up
_PING: Final = b"\r\n\r\n"
_PONG: Final = b"\r\n"


class Flows:
    """Every connection of one worker; the last eight bits of a flow's number are the worker's own."""

    def __init__(
        self,
        listeners: Sequence[Listener],
        sockets: Mapping[int, socket.socket],
        ears: Ears,
        *,
        tally: Tally,
        log: FilteringBoundLogger,
        peers: Peers | None = None,
        bounds: Bounds | None = None,
        worker: int = 0,
    ) -> None:
        """`sockets` are those that listen, by the index of their listener."""
        self.peers = peers or Peers()
        self._listeners = tuple(listeners)
        self._doors = {index: Door(sock, partial(self._came, index), log) for index, sock in sockets.items()}
        self._ears = ears
        self._tally = tally
        self._log = log
        self._bounds = bounds or Bounds()
        self._worker = worker
        # never those of a worker that stood here before: others still have answers for its connections
        self._serial = count(monotonic_ns() // 1000)
        self._open: dict[int, Connection] = {}
        self._to: dict[tuple[int, Address], Connection] = {}
        self._sources: Counter[tuple[str, bool]] = Counter()  # by address, and whether opened from here
        self._strangers: dict[int, Connection] = {}
        self._dirty: dict[int, Connection] = {}

    def __len__(self) -> int:
        return len(self._open)

    def __contains__(self, listener: int) -> bool:
        return listener in self._doors

    def count_by_transport(self) -> Mapping[str, int]:
        """How many connections there are of each transport."""
        found = {self._listeners[index].transport: 0 for index in self._doors}
        for connection in self._open.values():
            found[self._listeners[connection.listener].transport] += 1
        return found

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to accept."""
        self._loop = loop
        allow_files(self._bounds.total)
        for door in self._doors.values():
            door.open(loop)

    def shut(self) -> None:
        """Accept nobody any more."""
        for door in self._doors.values():
            door.close()

    def stop(self) -> None:
        """Close everything."""
        self.shut()
        self._flush()
        for connection in list(self._open.values()):
            self._close(connection, "stopped", tell=False)

    def send(self, send: Send) -> None:
        """Send by the connection asked for, by one that leads there, or by a new one; at the end of this turn."""
        found = self._open.get(send.flow) if send.flow else None
        if found is None or found.state in (stages.CLOSING, stages.CLOSED):
            found = self._to.get((send.listener, send.to)) or self._connect(send.listener, send.to)
        if found is None:
            self._loop.call_soon(self._ears.unreachable, send.data)
            return
        if found.state != stages.OPEN:
            found.unsent.append(send.data)
        found.asked = found.asked or not send.data.startswith(b"SIP/2.0 ")
        self._put(found, send.data)
        if not found.known:
            self._leave(found, "unknown")  # it has had its answer

    def _put(self, connection: Connection, data: bytes) -> None:
        if len(connection.out) + len(data) > MAX_UNSENT:
            self._close(connection, "slow")
            return
        connection.out += data
        connection.used_at = monotonic()
        if not self._dirty:
            self._loop.call_soon(self._flush)
        self._dirty[connection.flow] = connection

    def _flush(self) -> None:
        """One call to the kernel for all that a turn of the loop has to say to a peer."""
        dirty, self._dirty = self._dirty, {}
        for connection in dirty.values():
            if connection.state in (stages.OPEN, stages.CLOSING):
                self._write(connection)

    def _write(self, connection: Connection) -> None:
        try:
            done = connection.write()
        except OSError:
            self._close(connection, "reset")
            return
        if done and connection.state == stages.CLOSING:
            self._close(connection, connection.why)
        elif done == connection.wants_write:
            connection.wants_write = not done
            self._watch(connection)

    def _watch(self, connection: Connection) -> None:
        """Be told when a connection can be written, while something waits for that."""
        if connection.wants_write:
            self._loop.add_writer(connection.sock.fileno(), self._writable, connection)
        else:
            self._loop.remove_writer(connection.sock.fileno())

    def _writable(self, connection: Connection) -> None:
        if connection.state == stages.CONNECTING:
            self._connected(connection)
        elif connection.state == stages.HANDSHAKE:
            self._shake_hands(connection)
        else:
            self._write(connection)

    # --- opening

    def _connect(self, listener: int, to: Address) -> Connection | None:
        """Open a connection; None where that fails at once."""
        mine = self._listeners[listener]
        if mine.transport == "tls" and self.peers.client(listener) is None:
            self._log.warning("connection.failed", transport="tls", error="no CAs for the certificates of servers")
            return None
        if self._sources[to[0], True] >= self._bounds.source:  # answers go to whatever port a Via names
            self._tally.count["connections_refused_total", mine.transport, "source"] += 1
            return None
        try:
            sock = begin_connect(mine.bound[0], to)
        except (OSError, OverflowError) as error:
            self._log.warning("connection.failed", transport=mine.transport, error=str(error))
            return None
        connection = self._keep(sock, listener, to, outbound=True)
        connection.state = stages.CONNECTING
        connection.expected = self.peers.expected(to)
        self._to[listener, to] = connection
        connection.wants_write = True
        self._watch(connection)
        self._loop.call_later(CONNECT_SECONDS, self._too_late, connection)
        return connection

    def _too_late(self, connection: Connection) -> None:
        if connection.state == stages.CONNECTING:
            self._close(connection, "connect")

    def _connected(self, connection: Connection) -> None:
        if connection.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._close(connection, "connect")
            return
        connection.wants_write = False
        self._watch(connection)
        if self._listeners[connection.listener].transport == "tls":
            self._begin_tls(connection, self.peers.client(connection.listener))
        else:
            self._ready(connection)

    def _begin_tls(self, connection: Connection, context: ssl.SSLContext | None) -> None:
        connection.state = stages.HANDSHAKE
        connection.opened_at = monotonic()
        try:
            connection.wrap(context)
        except OSError:
            self._close(connection, "handshake")
            return
        self._listen(connection)
        self._shake_hands(connection)

    def _shake_hands(self, connection: Connection) -> None:
        wanted = connection.wants_write
        try:
            done = connection.shake_hands()
        except OSError as error:
            reason = getattr(error, "reason", None) or type(error).__name__
            self._log.info("tls.failed", outbound=connection.outbound, reason=reason)
            self._close(connection, "handshake")
            return
        if done:
            self._proved(connection)
        elif wanted != connection.wants_write:
            self._watch(connection)

    def _proved(self, connection: Connection) -> None:
        """The handshake is done: who is it?"""
        connection.names = names_of(connection.certificate())
        if connection.outbound and not proves(connection.names, connection.expected):
            self._log.warning("tls.wrong_name", names=connection.names, expected=connection.expected)
            self._close(connection, "name")
            return
        if not connection.outbound and proves(connection.names, self.peers.expected(connection.peer)):
            self._to.setdefault((connection.listener, connection.peer), connection)
        connection.wants_write = False
        self._watch(connection)
        self._ready(connection)

    def _ready(self, connection: Connection) -> None:
        """Messages may come and go."""
        now = monotonic()
        connection.state = stages.OPEN
        connection.opened_at = connection.used_at = connection.pinged_at = now
        connection.unsent = []
        if not connection.outbound:
            known = self._ears.knows(connection.peer[0], connection.names)
            if known:
                self._strangers.pop(connection.flow, None)
            elif not self._ears.answers():
                self._close(connection, "unknown")
                return
            connection.known = known
        self._listen(connection)
        if connection.out:
            self._write(connection)
        if connection.pending:
            self._readable(connection)

    def _listen(self, connection: Connection) -> None:
        self._loop.add_reader(connection.sock.fileno(), self._readable, connection)

    # --- accepting

    def _came(self, index: int, sock: socket.socket, peer: Address) -> None:
        why = self._reason_to_refuse(index, peer[0])
        if not why:
            self._take(sock, index, peer)
            return
        self._tally.count["connections_refused_total", self._listeners[index].transport, why] += 1
        sock.close()

    def _reason_to_refuse(self, index: int, ip: str) -> str:
        if len(self._open) >= self._bounds.total:
            return "total"
        if self._sources[ip, False] >= self._bounds.source:
            return "source"
        context = self.peers.server(index)
        may_prove = context is not None and context.verify_mode == ssl.CERT_REQUIRED
        return "" if self._ears.knows(ip, ()) or may_prove or self._ears.answers() else "unknown"

    def _take(self, sock: socket.socket, index: int, peer: Address) -> None:
        try:
            sock.setblocking(False)
            tune(sock)
        except OSError:
            sock.close()
            return
        connection = self._keep(sock, index, peer)
        if not self._ears.knows(peer[0], ()):
            for stranger in makes_room(self._strangers.values(), peer[0], self._bounds.strangers):
                self._close(stranger, "strangers")
            self._strangers[connection.flow] = connection
        if self._listeners[index].transport == "tls":
            self._begin_tls(connection, self.peers.server(index))
        else:
            self._to.setdefault((index, peer), connection)  # over TLS it has to prove first that it is who is meant
            self._ready(connection)

    def _keep(self, sock: socket.socket, index: int, peer: Address, *, outbound: bool = False) -> Connection:
        flow = next(self._serial) << WORKER_BITS | self._worker
        connection = Connection(sock, flow, index, peer, monotonic())
        connection.outbound = outbound
        self._open[flow] = connection
        self._sources[peer[0], outbound] += 1
        return connection

    # --- reading

    def _readable(self, connection: Connection) -> None:
        if connection.state == stages.HANDSHAKE:
            self._shake_hands(connection)
            return
        if connection.state != stages.OPEN:
            return
        try:
            data = connection.read()
        except OSError:
            self._close(connection, "reset")
            return
        if data is None:
            return
        if not data:
            self._close(connection, "peer")
            return
        self._heard(connection, data)
        if connection.state == stages.OPEN and connection.pending:
            self._loop.call_soon(self._readable, connection)

    def _heard(self, connection: Connection, data: bytes) -> None:
        frames, now = connection.frames, monotonic()
        found = frames.feed(data)
        for message in found:
            connection.used_at = now
            self._ears.receive(message, connection.peer, connection.listener, connection.flow, connection.names)
            if connection.state != stages.OPEN:
                return
        if not frames.begun:
            connection.begun_at = None
        elif found or connection.begun_at is None:
            connection.begun_at = now
        if frames.answered:
            connection.answers_pings, connection.pinged_at = True, now
            frames.answered = False
        if frames.pings:
            self._put(connection, _PONG * min(frames.pings, MAX_PONGS))
            frames.pings = 0
        if frames.fault is not None:
            where = connection.peer, connection.listener, connection.flow, connection.names
            self._ears.unframed(frames.broken, frames.fault, *where)
            self._leave(connection, "framing")

    # --- ending

    def tick(self) -> None:
        """Once a second: end what takes too long, and keep alive what is used."""
        now = monotonic()
        for connection in list(self._open.values()):
            why = overdue(connection, now)
            if why:
                self._close(connection, why)
            elif connection.outbound and connection.state == stages.OPEN and now - connection.pinged_at > PING_SECONDS:
                used = connection.used_at
                connection.pinged_at = now
                connection.frames.asked()
                self._put(connection, _PING)
                connection.used_at = used

    def _leave(self, connection: Connection, why: str) -> None:
        """Close once all has been written."""
        if connection.state != stages.OPEN:
            return
        self._loop.remove_reader(connection.sock.fileno())
        connection.state, connection.why, connection.used_at = stages.CLOSING, why, monotonic()
        if not connection.out:
            self._close(connection, why)

    def _close(self, connection: Connection, why: str, *, tell: bool = True) -> None:
        if connection.state == stages.CLOSED:
            return
        came_about = connection.state in (stages.OPEN, stages.CLOSING)
        connection.state = stages.CLOSED
        self._loop.remove_reader(connection.sock.fileno())
        self._loop.remove_writer(connection.sock.fileno())
        connection.sock.close()
        transport = self._listeners[connection.listener].transport
        self._tally.count["connections_closed_total", transport, why] += 1
        self._forget(connection)
        if not tell:
            return
        if not came_about:
            for data in connection.unsent:
                self._loop.call_soon(self._ears.unreachable, data)
        elif connection.asked:
            self._loop.call_soon(self._ears.lost, connection.flow, connection.peer, connection.listener)

    def _forget(self, connection: Connection) -> None:
        self._open.pop(connection.flow, None)
        self._strangers.pop(connection.flow, None)
        self._dirty.pop(connection.flow, None)
        if self._to.get((connection.listener, connection.peer)) is connection:
            del self._to[connection.listener, connection.peer]
        source = connection.peer[0], connection.outbound
        self._sources[source] -= 1
        if not self._sources[source]:
            del self._sources[source]
