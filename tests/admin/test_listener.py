"""The server over the wire: TLS and who proves what, clients that are slow, too many, or speak no HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme

from proxy.admin import listener
from proxy.admin.asgi import Receive, Request, Scope, Send, problem, send_answer
from proxy.admin.listener import PROVEN, Listener, open_socket

BIG = 64 * 1024 * 1024


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers 200 where the client has proved who it is, else 404; /big is more than any buffer holds."""
    request = Request(scope, receive)
    detail = "x" * BIG if request.path == "/big" else "here"
    await send_answer(request, problem(200 if scope[PROVEN] else 404, detail), send, last=False)


@contextlib.asynccontextmanager
async def serving(tls: ssl.SSLContext | None = None) -> AsyncIterator[Listener]:
    """A listener that runs, on a free port of loopback."""
    sock = open_socket(("127.0.0.1", 0))
    made = Listener(app, sock, tls)
    task = asyncio.get_running_loop().create_task(made.serve())
    await made.listening.wait()
    try:
        yield made
    finally:
        made.should_exit = True
        await task
        sock.close()


def address(made: Listener) -> tuple[str, int]:
    host, port = made.servers[0].sockets[0].getsockname()
    return host, port


async def until_closed(reader: asyncio.StreamReader) -> bytes:
    with contextlib.suppress(ConnectionError):
        return await asyncio.wait_for(reader.read(), 8)
    return b"reset"


async def say(made: Listener, *parts: bytes, pause: float = 0.0, tls: ssl.SSLContext | None = None) -> bytes:
    """Say the parts, resting between them; what is heard until the server hangs up."""
    reader, writer = await asyncio.open_connection(
        *address(made), ssl=tls, server_hostname="127.0.0.1" if tls else None
    )
    try:
        for part in parts:
            writer.write(part)
            with contextlib.suppress(ConnectionError):
                await writer.drain()
            await asyncio.sleep(pause)
        return await until_closed(reader)
    finally:
        writer.close()


GET = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little patience, for the tests that try it."""
    monkeypatch.setattr(listener, "HEAD_SECONDS", 0.5)
    monkeypatch.setattr(listener, "WRITE_SECONDS", 0.5)


def test_an_answer() -> None:
    async def main() -> bytes:
        async with serving() as made:
            return await say(made, GET)

    head, _, body = asyncio.run(main()).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 404 Not Found\r\n")
    assert b"\r\nserver: trunkward" in head
    assert b"uvicorn" not in head
    assert body.endswith(b'"detail": "here"}\n')


def test_requests_of_one_connection() -> None:
    async def main() -> bytes:
        async with serving() as made:
            keep = GET.replace(b"Connection: close\r\n", b"")
            return await say(made, keep, keep + keep, GET, pause=0.3)

    assert asyncio.run(main()).count(b"HTTP/1.1 404") == 4


@pytest.mark.parametrize(
    "garbage", [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"SIP/2.0 200 OK\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nA: " + b"a" * 70_000]
)  # fmt: skip
def test_what_is_no_http(garbage: bytes) -> None:
    async def main() -> tuple[bytes, bytes]:
        async with serving() as made:
            return await say(made, garbage), await say(made, GET)

    heard, after = asyncio.run(main())
    assert heard == b"reset" or heard.startswith(
        b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\n"
    )
    assert after.startswith(b"HTTP/1.1 404")


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([], id="nothing"),
        pytest.param([bytes([octet]) for octet in GET[:-1]], id="octet-by-octet"),
    ],
)
@pytest.mark.usefixtures("short")
def test_a_slow_head_is_cut_off(parts: list[bytes]) -> None:
    async def main() -> tuple[bytes, float]:
        async with serving() as made:
            loop = asyncio.get_running_loop()
            before = loop.time()
            return await say(made, *parts, pause=0.05), loop.time() - before

    heard, seconds = asyncio.run(main())
    assert heard in (b"", b"reset")
    assert seconds < 3.5


@pytest.mark.usefixtures("short")
def test_the_second_head_of_a_connection_may_be_no_slower() -> None:
    async def main() -> tuple[bytes, float]:
        async with serving() as made:
            loop = asyncio.get_running_loop()
            before = loop.time()
            keep = GET.replace(b"Connection: close\r\n", b"")
            heard = await say(made, keep, *[bytes([octet]) for octet in keep[:40]], pause=0.05)
            return heard, loop.time() - before

    heard, seconds = asyncio.run(main())
    assert heard == b"reset" or heard.count(b"HTTP/1.1 404") == 1
    assert seconds < 3.5


@pytest.mark.usefixtures("short")
def test_between_two_requests_a_client_may_rest() -> None:
    async def main() -> bytes:
        async with serving() as made:
            return await say(made, GET.replace(b"Connection: close\r\n", b""), GET, pause=0.8)

    assert asyncio.run(main()).count(b"HTTP/1.1 404") == 2


@pytest.mark.usefixtures("short")
def test_a_client_that_does_not_read_is_cut_off() -> None:
    async def main() -> int:
        async with serving() as made:
            with socket.create_connection(address(made)) as client:
                client.sendall(GET.replace(b"/ ", b"/big ", 1))
                await asyncio.sleep(0.2)
                assert len(made.server_state.connections) == 1
                loop = asyncio.get_running_loop()
                before = loop.time()
                while made.server_state.connections and loop.time() < before + 8:
                    await asyncio.sleep(0.05)
                return len(made.server_state.connections)

    assert asyncio.run(main()) == 0


def test_there_are_so_many_connections_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "MAX_CONNECTIONS", 3)

    async def main() -> tuple[bytes, bytes]:
        async with serving() as made:
            idle = [await asyncio.open_connection(*address(made)) for _ in range(3)]
            await asyncio.sleep(0.1)
            refused = await say(made, GET)
            for _, writer in idle:
                writer.close()
            await asyncio.sleep(0.1)
            return refused, await say(made, GET)

    refused, after = asyncio.run(main())
    assert refused in (b"", b"reset")
    assert after.startswith(b"HTTP/1.1 404")


# --- TLS --------------------------------------------------------------------------------------------------


def server_tls(ca: trustme.CA, clients: trustme.CA | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    if clients is not None:
        clients.configure_trust(context)
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


def client_tls(ca: trustme.CA, certificate: trustme.LeafCert | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=ca.cert_pem.bytes().decode())
    if certificate is not None:
        certificate.configure_cert(context)
    return context


def test_who_has_shown_a_certificate() -> None:
    ca, clients = trustme.CA(), trustme.CA()

    async def main() -> list[bytes]:
        heard = []
        async with serving(server_tls(ca, clients)) as made:
            for certificate in (None, clients.issue_cert("sbc.example"), trustme.CA().issue_cert("sbc.example")):
                try:
                    heard.append(await say(made, GET, tls=client_tls(ca, certificate)))
                except ssl.SSLError:
                    heard.append(b"refused")
        return heard

    nothing, good, stranger = asyncio.run(main())
    assert nothing.startswith(b"HTTP/1.1 404")
    assert good.startswith(b"HTTP/1.1 200")
    assert stranger in (b"refused", b"reset", b"")


@pytest.mark.usefixtures("short")
def test_a_handshake_that_does_not_end_is_cut_off() -> None:
    ca = trustme.CA()

    async def main() -> bytes:
        async with serving(server_tls(ca)) as made:
            reader, writer = await asyncio.open_connection(*address(made))  # says nothing
            heard = await asyncio.wait_for(until_closed(reader), 3)
            writer.close()
            return heard

    assert asyncio.run(main()) in (b"", b"reset")


def test_tls_changes_while_it_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "HEAD_SECONDS", 30.0)  # not what ends the open one
    old, new = trustme.CA(), trustme.CA()

    async def main() -> tuple[bytes, bytes, bool]:
        async with serving(server_tls(old)) as made:
            reader, writer = await asyncio.open_connection(*address(made), ssl=client_tls(old))
            await made.change_tls(server_tls(new, new))
            idle = await until_closed(reader)  # an open one ends
            writer.close()
            after = await say(made, GET, tls=client_tls(new, new.issue_cert("sbc.example")))
            try:
                await say(made, GET, tls=client_tls(old))
            except ssl.SSLError:
                return idle, after, True
            return idle, after, False

    idle, after, refused = asyncio.run(main())
    assert (idle, after[:12], refused) == (b"", b"HTTP/1.1 200", True)


def test_an_address_that_is_taken(tmp_path: Path) -> None:
    with open_socket(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        open_socket(taken.getsockname())
    with open_socket(("::1", 0)) as six:
        assert six.family == socket.AF_INET6
