"""A repository of certificates on loopback that behaves as a test wants it: slow, huge, lying, dead."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import trustme

HOST = "cert.lab.example"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nCache-Control: max-age=7\r\n\r\nchain"

Writer = asyncio.StreamWriter
Behaviour = Callable[[Writer], Awaitable[None]]


@dataclass
class Seen:
    """What the server saw, and where it listens."""

    port: int = 0
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)


def context(ca: trustme.CA, *names: str, **certificate: object) -> ssl.SSLContext:
    """A server's context with a certificate for the names."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(*(names or (HOST,)), **certificate).configure_cert(server)  # type: ignore[arg-type]
    return server


def trusting(*cas: trustme.CA) -> ssl.SSLContext:
    """A client's context as `ssl.create_default_context()` makes it, with other roots."""
    client = ssl.create_default_context(cadata=cas[0].cert_pem.bytes().decode())
    for ca in cas[1:]:
        ca.configure_trust(client)
    return client


def says(*parts: bytes, pause: float = 0.0) -> Behaviour:
    """Write the parts, resting between them; then hang up."""

    async def behave(writer: Writer) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)

    return behave


def endless(head: bytes, part: bytes) -> Behaviour:
    """Write the head, then the part for as long as someone reads."""

    async def behave(writer: Writer) -> None:
        writer.write(head)
        while not writer.is_closing():
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0)  # drain() alone lets nobody else know that the other side has gone

    return behave


async def hangs(writer: Writer) -> None:
    """Never answer."""
    await asyncio.sleep(30)


def resets(after: bytes) -> Behaviour:
    """Write, then reset the connection."""

    async def behave(writer: Writer) -> None:
        writer.write(after)
        await writer.drain()
        await asyncio.sleep(0.02)
        linger = struct.pack("ii", 1, 0)  # closing sends RST
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()

    return behave


@contextlib.asynccontextmanager
async def serving(
    tls: ssl.SSLContext | None,
    behave: Behaviour | dict[str, Behaviour],
    *,
    host: str = "127.0.0.1",
    port: int = 0,
) -> AsyncIterator[Seen]:
    """Serve on loopback; a dict chooses by path. Without `tls` it does not even speak it."""
    seen = Seen()

    async def serve(reader: asyncio.StreamReader, writer: Writer) -> None:
        seen.connections += 1
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            request = await reader.readuntil(b"\r\n\r\n") if tls else await reader.read(1)
            seen.requests.append(request)
            chosen = behave if callable(behave) else behave[request.split(b" ")[1].decode()]
            await chosen(writer)
        writer.close()

    if tls is not None:
        tls.sni_callback = lambda _socket, name, _context: seen.names.append(name)
    server = await asyncio.start_server(serve, host, port, ssl=tls)
    seen.port = server.sockets[0].getsockname()[1]
    before = asyncio.all_tasks()
    try:
        yield seen
    finally:
        server.close()
        for task in asyncio.all_tasks() - before:
            if task.get_coro().__name__ == "serve":  # type: ignore[union-attr]
                task.cancel()
        await asyncio.sleep(0)
