"""One connection, of TCP or TLS: a socket that never waits, the messages on it, and what is still to be written."""

from __future__ import annotations

import resource
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from proxy.core.actions import Address
from proxy.sip.frame import Frames

# What may wait to be written. A peer that does not read what it is sent is closed before it takes more than that.
MAX_UNSENT: Final = 256 * 1024
# What is read at a time; TLS has records of 16 KiB, and gives one at a time.
CHUNK: Final = 65536
TLS_RECORDS: Final = 4
# Octets that have been sent and that nobody acknowledges: for so long a connection may look alive (RFC 5482), in ms.
USER_TIMEOUT: Final = 10_000
KEEP_ALIVE_SECONDS: Final = 60
OTHER_FILES: Final = 256  # descriptors that are no connection's

CONNECTING: Final = "connecting"
HANDSHAKE: Final = "handshake"
OPEN: Final = "open"
CLOSING: Final = "closing"
CLOSED: Final = "closed"

_AGAIN: Final = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Connection:
    """
    `flow` is its number, `listener` the index of the listener that it belongs to, `peer` the address at its other end,
    `outbound` whether it was opened from here. `names` are those that the peer's certificate has proved, `expected`
    those of which it must have one. `begun_at` is since when a message waits for its rest (None: none does), `used_at`
    when the last message came or went, `pinged_at` when the last keep-alive was sent, `answers_pings` whether one has
    ever been answered; `asked` are requests that went by it. `unsent` are the messages to give back where it does not
    come about.
    """

    __slots__ = (
        "answers_pings", "asked", "begun_at", "expected", "flow", "frames", "known", "listener", "names", "opened_at",
        "out", "outbound", "peer", "pinged_at", "sock", "state", "unsent", "used_at", "wants_write", "why",
    )  # fmt: skip

    def __init__(self, sock: socket.socket, flow: int, listener: int, peer: Address, now: float) -> None:
        self.sock = sock
        self.flow: Final = flow
        self.listener: Final = listener
        self.peer: Final = peer
        self.frames: Final = Frames()
        self.out = bytearray()
        self.state = OPEN
        self.outbound = False
        self.known = True
        self.names: tuple[str, ...] = ()
        self.expected: tuple[str, ...] = ()
        self.opened_at = now
        self.used_at = now
        self.pinged_at = 0.0
        self.answers_pings = False
        self.begun_at: float | None = None
        self.asked = False
        self.unsent: list[bytes] = []
        self.wants_write = False
        self.why = ""

    def read(self) -> bytes | None:
        """What has come; b"" at the end of the stream, None when nothing has. Raises OSError (ssl.SSLError too)."""
        if not isinstance(self.sock, ssl.SSLSocket):
            try:
                return self.sock.recv(CHUNK)
            except (BlockingIOError, InterruptedError):
                return None
        parts: list[bytes] = []
        for _ in range(TLS_RECORDS):
            try:
                part = self.sock.recv(CHUNK)
            except _AGAIN:
                break
            except ssl.SSLEOFError:
                part = b""
            if not part:
                return b"".join(parts)
            parts.append(part)
        return b"".join(parts) if parts else None

    @property
    def pending(self) -> bool:
        """Whether there is more to read that no event will tell of."""
        return isinstance(self.sock, ssl.SSLSocket) and self.state == OPEN and self.sock.pending() > 0

    def write(self) -> bool:
        """Write what waits; False while some is left. Raises OSError (ssl.SSLError too)."""
        out = self.out
        while out:
            try:
                with memoryview(out) as view:
                    sent = self.sock.send(view)
            except _AGAIN:
                return False
            del out[:sent]
        return True

    def wrap(self, context: ssl.SSLContext | None) -> None:
        """Begin TLS. Raises OSError (ssl.SSLError too), as well where a reload has taken the context away."""
        if context is None:  # nothing is said in the clear instead
            raise ssl.SSLError("no certificates")
        # no address is sent as a server's name (RFC 6066 §3)
        named = next((each for each in self.expected if not each[-1:].isdigit() and ":" not in each), None)
        self.sock = context.wrap_socket(
            self.sock, server_side=not self.outbound, do_handshake_on_connect=False, server_hostname=named
        )

    def certificate(self) -> Mapping[str, object] | None:
        """The peer's certificate; None where it has shown none, or one with names in no readable encoding."""
        try:
            return self.sock.getpeercert() if isinstance(self.sock, ssl.SSLSocket) else None
        except ValueError:  # UnicodeDecodeError, whoever the CA was that signed this
            return None

    def shake_hands(self) -> bool:
        """Go on with the TLS handshake; False while it is not done. Raises OSError (ssl.SSLError too)."""
        if not isinstance(self.sock, ssl.SSLSocket):
            return True
        try:
            self.sock.do_handshake()
        except ssl.SSLWantWriteError:
            self.wants_write = True
            return False
        except ssl.SSLWantReadError:
            self.wants_write = False
            return False
        return True


def open_listener(host: str, port: int) -> socket.socket:
    """A non-blocking TCP socket that listens on an IP address. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((host, port))
        sock.listen(1024)
    except OSError:
        sock.close()
        raise
    sock.setblocking(False)
    return sock


def begin_connect(source: str, to: Address) -> socket.socket:
    """A socket on its way to an address, from an address of ours. Raises OSError."""
    sock = socket.socket(socket.AF_INET6 if ":" in to[0] else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        tune(sock)
        if source not in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
            sock.setsockopt(socket.IPPROTO_IP, getattr(socket, "IP_BIND_ADDRESS_NO_PORT", 24), 1)
            sock.bind((source, 0))
        with suppress(BlockingIOError):  # it is under way
            sock.connect(to)
    except BaseException:
        sock.close()
        raise
    return sock


def allow_files(connections: int) -> None:
    """Let this process have a file descriptor for each of so many connections, and its others, as far as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def tune(sock: socket.socket) -> None:
    """No waiting for more to send, and an end to connections whose other end is gone."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEP_ALIVE_SECONDS)
