"""Messages that a worker has read for another one: handed over on a local channel, with where they came from."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from typing import Final

from proxy.core.actions import Address, Send
from proxy.core.owner import Owners
from proxy.core.tally import Tally
from proxy.net.board import Board
from proxy.net.terms import worker_of
from proxy.net.udp import RECEIVE_BUFFER

# listener, flow (0: a datagram), port, when it came on the clock of the day, whether it is to be sent, octets of the
# address and of the certificate's names, both of which stand behind
_HEAD: Final = Struct("=HQHdBBH")
MAX_NAMES: Final = 4096  # octets of names that go along
MAX_MESSAGE: Final = 128 * 1024  # longer than what any transport brings
_SO_SNDBUFFORCE: Final = 32
_SO_RCVBUFFORCE: Final = 33


@dataclass(frozen=True, slots=True)
class Handed:
    """
    A message that another worker has read, as the listener heard it, with the connection that it came by (`flow`) and
    whom the peer's certificate names; or, `outward`, one that is to be sent by a connection of the worker that gets it.
    """

    data: bytes
    source: Address
    listener: int
    came: float
    flow: int = 0
    names: tuple[str, ...] = ()
    outward: bool = False


def put(sock: socket.socket, handed: Handed) -> bool:
    """Write a message; False when nobody reads it, or there is no room for it."""
    host = handed.source[0].encode("ascii")
    names = "\0".join(handed.names).encode()
    if len(names) > MAX_NAMES:  # half a name is somebody else's
        names = names[: max(0, names.rfind(b"\0", 0, MAX_NAMES + 1))]
    sizes = handed.outward, len(host), len(names)
    head = _HEAD.pack(handed.listener, handed.flow, handed.source[1], handed.came, *sizes)
    try:
        sock.send(b"".join((head, host, names, handed.data)))
    except OSError:
        return False
    return True


class Inbox:
    """
    The channel to one worker: everybody may write, it alone reads. A pair of datagram sockets: whole messages, and,
    unlike sockets with a name, bounded by octets alone. What waits here outlives a worker that dies.
    """

    def __init__(self) -> None:
        self.reads, self.writes = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        for sock, force, plain in (
            (self.writes, _SO_SNDBUFFORCE, socket.SO_SNDBUF),
            (self.reads, _SO_RCVBUFFORCE, socket.SO_RCVBUF),
        ):
            sock.setblocking(False)
            try:
                sock.setsockopt(socket.SOL_SOCKET, force, RECEIVE_BUFFER)
            except OSError:
                sock.setsockopt(socket.SOL_SOCKET, plain, RECEIVE_BUFFER)

    def put(self, handed: Handed) -> bool:
        """Hand a message over; False when there is no room for it."""
        return put(self.writes, handed)

    def take(self) -> Handed:
        """The next message. Raises BlockingIOError."""
        data = self.reads.recv(MAX_MESSAGE + MAX_NAMES + 512)
        listener, flow, port, came, outward, length, named = _HEAD.unpack_from(data)
        at = _HEAD.size + length
        host = data[_HEAD.size : at].decode("ascii")
        names = tuple(data[at : at + named].decode().split("\0")) if named else ()
        return Handed(data[at + named :], (host, port), listener, came, flow, names, bool(outward))

    def shut(self) -> None:
        """Refuse what is handed over from now on, whoever else has it open; what has come can still be taken."""
        self.reads.shutdown(socket.SHUT_RD)

    def close(self) -> None:
        """Nobody reads or writes any more."""
        self.reads.close()
        self.writes.close()


class Before:
    """The workers of the process that this one has taken over from, as long as they have calls."""

    def __init__(self, owners: Owners, marks: frozenset[bytes], writes: Sequence[socket.socket]) -> None:
        """`marks` are those of their calls, `writes` lead to their inboxes; `owners` is how they share them out."""
        self._owners = owners
        self._marks = marks
        self._writes = tuple(writes)

    def takes(self, data: bytes, source: Address, listener: int, came: float) -> bool:
        """Hand a datagram over if it is for one of their calls; False when it is not, or when they are gone."""
        mark = self._owners.mark(data)
        if mark not in self._marks:
            return False
        return put(self._writes[self._owners.owner(mark)], Handed(data, source, listener, came))

    def close(self) -> None:
        """They are not needed any more."""
        for sock in self._writes:
            sock.close()


class Crew:
    """The workers of a node as one of them sees them: which calls are its own, and how it reaches the others."""

    def __init__(self, owners: Owners, inboxes: Sequence[Inbox], tally: Tally) -> None:
        """`inboxes` are those of all workers, in their order."""
        self._tally = tally
        self.owners: Final = owners
        self.inbox: Final = inboxes[owners.index]
        self._inboxes = tuple(inboxes)

    def owner(self, data: bytes) -> int:
        """The index of the worker that a message is for."""
        return self.owners.owner(self.owners.mark(data))

    def pass_on(self, owner: int, handed: Handed) -> None:
        """Hand a message over to its owner; where there is no room it is lost, and counted."""
        if not self._inboxes[owner].put(handed):
            self._tally.count["socket_drops_total",] += 1

    def gives_back(self, send: Send, now: float) -> bool:
        """Hand what is to be sent by another worker's connection back to that worker; False when it is not."""
        worker = worker_of(send.flow) if send.flow else self.owners.index
        if worker == self.owners.index:
            return False
        self.pass_on(worker, Handed(send.data, send.to, send.listener, now, send.flow, outward=True))
        return True


@dataclass(frozen=True, slots=True)
class Post:
    """
    Where a worker stands, as the supervisor has made it ready: which of the workers it is, the sockets that all of
    them share, its line to the supervisor, and the channels by which workers hand messages over.
    """

    index: int
    sockets: Sequence[socket.socket]
    line: socket.socket
    board: Board
    inboxes: Sequence[Inbox]
    key: bytes
    config: Path
    before: Before | None = None
    refused: tuple[bytes, ...] = ()
