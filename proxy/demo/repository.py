"""The demo's certificate repository: a few pages over HTTPS on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping

LONGEST = 8192  # octets of a request's head
PATIENCE = 5.0  # seconds


@contextlib.asynccontextmanager
async def serving(host: str, tls: ssl.SSLContext, pages: Mapping[str, bytes]) -> AsyncIterator[int]:
    """Serve `pages` by path on a free port, which is given; one request a connection."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
            writer.write(_page(head, pages))
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, host, 0, ssl=tls, limit=LONGEST)
    async with server:
        yield server.sockets[0].getsockname()[1]


def _page(head: bytes, pages: Mapping[str, bytes]) -> bytes:
    path = head.partition(b" ")[2].partition(b" ")[0].decode("ascii", "replace")
    body = pages.get(path, b"")
    status = b"200 OK" if body else b"404 Not Found"
    fields = b"Content-Type: application/pem-certificate-chain\r\nContent-Length: %d\r\n" % len(body)
    return b"HTTP/1.1 %b\r\n%bConnection: close\r\n\r\n%b" % (status, fields, body)
