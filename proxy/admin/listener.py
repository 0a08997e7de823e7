"""uvicorn as the control process uses it: on sockets of ours, with limits for who is slow or too many."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Final

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from proxy.admin.asgi import Receive, Scope, Send, problem

HEAD_SECONDS: Final = 5.0  # to say what is wanted, and for the TLS handshake before it
WRITE_SECONDS: Final = 10.0  # to read an answer that the kernel's buffers cannot hold
IDLE_SECONDS: Final = 15  # between two requests of one connection
GOODBYE_SECONDS: Final = 2  # for answers under way when the process ends
MAX_HEAD: Final = 16 * 1024
MAX_CONNECTIONS: Final = 256
BACKLOG: Final = 128
PROVEN: Final = "trunkward.client_certificate"  # in the scope: whether the client has shown one that is trusted


class Protocol(H11Protocol):
    """One connection."""

    _waiting: asyncio.TimerHandle | None = None
    _stuck: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, unless there are too many; note whether the client has proved who it is."""
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            transport.abort()
            return
        tls = transport.get_extra_info("ssl_object")
        self.app = partial(_marked, self.app, tls is not None and bool(tls.getpeercert()))
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Read on; a head that has begun has to end in time."""
        if self._waiting is None and self.conn.their_state is h11.IDLE:
            self._expect_head()
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._unset_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._unset_waiting()
        self._unset_stuck()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP."""
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.close()
            return
        answer = problem(400, msg)
        headers = [("content-type", answer.kind), ("content-length", str(len(answer.body))), ("connection", "close")]
        head = h11.Response(status_code=400, headers=headers, reason=b"Bad Request")
        for event in (head, h11.Data(data=answer.body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def pause_writing(self) -> None:
        """The client does not read: give it some time."""
        super().pause_writing()
        self._stuck = self.loop.call_later(WRITE_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """It does."""
        self._unset_stuck()
        super().resume_writing()

    def _unset_stuck(self) -> None:
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None

    def _expect_head(self) -> None:
        self._waiting = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _unset_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None


class Listener(uvicorn.Server):
    """
    One address. Signals are the process's matter; TLS can be changed while it listens: connections that are there
    keep theirs until their next answer.
    """

    def __init__(self, app: Any, sock: socket.socket, tls: ssl.SSLContext | None) -> None:
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL + 1)  # who scrapes, and what fails, is no news
        super().__init__(
            uvicorn.Config(
                app,
                loop="asyncio",
                http=Protocol,
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                headers=[("server", "trunkward")],
                timeout_keep_alive=IDLE_SECONDS,
                timeout_graceful_shutdown=GOODBYE_SECONDS,
                h11_max_incomplete_event_size=MAX_HEAD,
            )
        )
        self._socket = sock
        self._tls = tls
        self.listening = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them alone."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        self.servers = [await self._listen()]
        self.started = True
        self.listening.set()

    async def change_tls(self, tls: ssl.SSLContext | None) -> None:
        """Speak TLS in another way from now on."""
        self._tls = tls
        before, self.servers = self.servers, [await self._listen()]
        for server in before:
            server.close()
        for connection in list(self.server_state.connections):
            with suppress(h11.LocalProtocolError):  # it is ending by itself
                connection.shutdown()

    async def _listen(self) -> asyncio.base_events.Server:
        """Listen on a copy of the socket, so that the one before can be closed while this one is open."""
        loop = asyncio.get_running_loop()
        made = partial(Protocol, self.config, self.server_state, {})
        limit = HEAD_SECONDS if self._tls is not None else None
        return await loop.create_server(
            made, sock=self._socket.dup(), ssl=self._tls, ssl_handshake_timeout=limit, backlog=BACKLOG
        )


async def _marked(app: Any, proven: bool, scope: Scope, receive: Receive, send: Send) -> None:
    await app({**scope, PROVEN: proven}, receive, send)


def open_socket(address: tuple[str, int]) -> socket.socket:
    """A socket that listens. Raises OSError."""
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    sock = socket.create_server(address, family=family, backlog=BACKLOG)
    # What is accepted inherits it: asyncio sets it only where `proto` is given, and without it each answer waits 40 ms.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock
