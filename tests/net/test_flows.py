"""Connections over real sockets: taken, opened, bounded, proved by certificates, and told about when they are gone."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Self

import pytest
import structlog
import trustme

from proxy.core.actions import Address, Send
from proxy.core.place import Listener
from proxy.core.tally import Tally
from proxy.net.connection import MAX_UNSENT, open_listener
from proxy.net.flows import Flows
from proxy.net.terms import HANDSHAKE_SECONDS, MESSAGE_SECONDS, Bounds, Ears, Peers
from proxy.net.tls import TlsContexts, TlsFiles, contexts_of
from tests.story import request, response

BYE = request("BYE")
OK = response(BYE, "200 OK")
TRUNK, STRANGER = "127.0.0.2", "127.0.0.9"
LOG = structlog.make_filtering_bound_logger(50)(structlog.PrintLogger(), [], {})


class Authority:
    """A CA, and certificates of it as files."""

    def __init__(self, directory: Path) -> None:
        self.ca = trustme.CA()
        self.directory = directory
        self.pem = self.ca.cert_pem.bytes()

    def files(self, *names: str) -> TlsFiles:
        """Certificate and key for some names; peers have to show certificates of this CA."""
        made, stem = self.ca.issue_cert(*names), self.directory / f"{names[0]}-{len(list(self.directory.iterdir()))}"
        stem.with_suffix(".pem").write_bytes(made.cert_chain_pems[0].bytes())
        stem.with_suffix(".key").write_bytes(made.private_key_pem.bytes())
        return TlsFiles(stem.with_suffix(".pem"), stem.with_suffix(".key"), self.pem, self.pem)

    def contexts(self, *names: str) -> TlsContexts:
        """How somebody of these names speaks TLS."""
        return contexts_of(self.files(*names))

    def client(self, *names: str) -> ssl.SSLContext:
        """A client that shows a certificate."""
        found = self.contexts(*names).client
        assert found is not None
        return found


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


class Scene:
    """Flows behind one listener at 127.0.0.1, and what they told."""

    def __init__(self, tls: TlsContexts | None = None, bounds: Bounds | None = None, *, answers: bool = False) -> None:
        self.tls = tls
        self.bounds = bounds
        self.answers = answers
        self.heard: list[tuple[bytes, Address, int, tuple[str, ...]]] = []
        self.faults: list[str] = []
        self.unreachable: list[bytes] = []
        self.lost: list[Address] = []
        self.known = {TRUNK, "pbx.example"}
        self.tally = Tally()
        self.clients: list[asyncio.StreamWriter] = []
        self.servers: list[asyncio.Server] = []

    async def __aenter__(self) -> Self:
        sock = open_listener("127.0.0.1", 0)
        self.address: Address = sock.getsockname()
        listener = Listener(0, "x", *self.address, self.address, "tcp" if self.tls is None else "tls")
        ears = Ears(
            receive=lambda data, source, index, flow, names: self.heard.append((data, source, flow, names)),
            unframed=lambda head, fault, source, index, flow, names: self.faults.append(fault.kind),
            unreachable=self.unreachable.append,
            lost=lambda flow, to, index: self.lost.append(to),
            knows=lambda ip, names: bool(self.known & {ip, *names}),
            answers=lambda: self.answers,
        )
        peers = Peers({} if self.tls is None else {0: self.tls}, {})
        self.flows = Flows([listener], {0: sock}, ears, tally=self.tally, log=LOG, peers=peers, bounds=self.bounds)
        self.flows.start(asyncio.get_running_loop())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.flows.stop()
        for writer in self.clients:
            writer.transport.abort()
        for server in self.servers:
            server.close()
        await asyncio.sleep(0)

    async def opens(self, context: ssl.SSLContext | None = None, host: str = TRUNK, port: int = 0) -> Client:
        """A client that connects from some address."""
        client = Client(*await asyncio.open_connection(*self.address, local_addr=(host, port), ssl=context))
        self.clients.append(client.writer)
        return client

    def closed(self, why: str) -> int:
        return self.tally.count["connections_closed_total", "tcp" if self.tls is None else "tls", why]

    def refused(self, why: str) -> int:
        return self.tally.count["connections_refused_total", "tcp" if self.tls is None else "tls", why]


class Client:
    """The other end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @property
    def address(self) -> Address:
        host, port = self.writer.get_extra_info("sockname")
        return host, port

    async def ended(self) -> bool:
        """Whether the connection has been closed by the node, without a word."""
        try:
            return await self.reader.read(1) == b""
        except (ConnectionError, ssl.SSLError):
            return True


async def until(condition: Callable[[], object]) -> None:
    while not condition():
        await asyncio.sleep(0.005)


def play(script: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await asyncio.wait_for(script(), 20)

    asyncio.run(run())


def test_a_message_comes_and_its_answer_goes_back_by_the_same_connection() -> None:
    async def script() -> None:
        async with Scene() as scene:
            client = await scene.opens()
            client.writer.write(BYE + b"\r\n\r\n" + BYE)
            await until(lambda: len(scene.heard) == 2)
            data, source, flow, names = scene.heard[0]
            assert (data, source, names) == (BYE, client.address, ())
            assert await client.reader.readexactly(2) == b"\r\n"  # the answer to the keep-alive
            scene.flows.send(Send(OK, ("127.0.0.2", 9), 0, flow))
            assert await client.reader.readexactly(len(OK)) == OK
            assert scene.flows.count_by_transport() == {"tcp": 1}
            client.writer.close()
            await until(lambda: not len(scene.flows))
            assert scene.closed("peer") == 1
            assert scene.lost == []  # nothing was asked over it

    play(script)


class Server:
    """A peer that listens, and keeps what it hears."""

    def __init__(self) -> None:
        self.data: list[bytes] = []
        self.clients: list[asyncio.StreamWriter] = []

    async def listen(self, scene: Scene, context: ssl.SSLContext | None = None) -> Address:
        self.server = await asyncio.start_server(self._take, "127.0.0.1", 0, ssl=context)
        scene.servers.append(self.server)
        host, port = self.server.sockets[0].getsockname()
        return host, port

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.clients.append(writer)
        while data := await reader.read(65536):
            self.data.append(data)
        writer.close()


def test_requests_share_one_connection_and_hear_when_it_is_gone() -> None:
    async def script() -> None:
        async with Scene() as scene:
            server = Server()
            to = await server.listen(scene)
            scene.flows.send(Send(BYE, to, 0))
            scene.flows.send(Send(BYE, to, 0))
            await until(lambda: b"".join(server.data) == BYE + BYE)
            scene.flows.send(Send(BYE, to, 0))
            await until(lambda: b"".join(server.data) == 3 * BYE)
            assert len(server.clients) == 1
            server.clients[0].close()
            await until(lambda: scene.lost)
            assert scene.lost == [to]
            scene.flows.send(Send(BYE, to, 0))
            await until(lambda: b"".join(server.data) == 4 * BYE)
            assert len(server.clients) == 2

    play(script)


def test_what_cannot_be_sent_comes_back() -> None:
    async def script() -> None:
        async with Scene() as scene:
            with socket.create_server(("127.0.0.1", 0)) as gone:
                to: Address = gone.getsockname()
            scene.flows.send(Send(BYE, to, 0))
            await until(lambda: scene.unreachable)
            assert scene.unreachable == [BYE]
            scene.flows.send(Send(BYE, ("192.0.2.1", 99999), 0))
            await until(lambda: len(scene.unreachable) == 2)
            assert scene.closed("connect") == 1

    play(script)


def test_who_does_not_read_is_closed() -> None:
    async def script() -> None:
        async with Scene() as scene:
            client = await scene.opens()
            client.reader._transport.pause_reading()  # type: ignore[attr-defined]
            client.writer.write(BYE)
            await until(lambda: scene.heard)
            flow, sent = scene.heard[0][2], 0
            while not scene.closed("slow"):
                scene.flows.send(Send(OK * 10, client.address, 0, flow))
                sent += len(OK) * 10
                if sent % (100 * len(OK)) == 0:
                    await asyncio.sleep(0)
                assert sent < 100 * MAX_UNSENT
            assert len(scene.flows) == 0

    play(script)


def test_strangers_are_closed_at_once() -> None:
    async def script() -> None:
        async with Scene() as scene:
            client = await scene.opens(host=STRANGER)
            assert await client.ended()
            assert scene.refused("unknown") == 1

    play(script)


def test_strangers_are_closed_after_the_refusal_where_they_get_one() -> None:
    async def script() -> None:
        async with Scene(answers=True, bounds=Bounds(strangers=2)) as scene:
            client = await scene.opens(host=STRANGER)
            client.writer.write(BYE)
            await until(lambda: scene.heard)
            scene.flows.send(Send(OK, client.address, 0, scene.heard[0][2]))
            assert await client.reader.read(65536) == OK
            assert await client.ended()
            first = await scene.opens(host=STRANGER)
            await scene.opens(host=STRANGER)  # one address has half of the room
            assert await first.ended()
            assert (scene.closed("unknown"), scene.closed("strangers")) == (1, 1)

    play(script)


@pytest.mark.parametrize(("bounds", "why"), [(Bounds(total=2), "total"), (Bounds(source=2), "source")])
def test_there_are_only_so_many(bounds: Bounds, why: str) -> None:
    async def script() -> None:
        async with Scene(bounds=bounds) as scene:
            first = await scene.opens()
            await scene.opens()
            third = await scene.opens()
            assert await third.ended()
            assert scene.refused(why) == 1
            first.writer.close()
            await until(lambda: len(scene.flows) == 1)
            fourth = await scene.opens()
            fourth.writer.write(BYE)
            await until(lambda: scene.heard)

    play(script)


def test_so_many_are_opened_to_one_address() -> None:
    """Answers go to the port that a Via names: nobody has the node open connections without end."""

    async def script() -> None:
        async with Scene(bounds=Bounds(source=2)) as scene:
            servers = [await Server().listen(scene) for _ in range(3)]
            for to in servers:
                scene.flows.send(Send(OK, to, 0))
            assert (len(scene.flows), scene.refused("source")) == (2, 1)
            client = await scene.opens(host="127.0.0.1")  # what is opened from there is counted for itself
            assert await client.ended()
            assert scene.refused("unknown") == 1

    play(script)


def test_numbers_of_connections_are_never_used_again() -> None:
    """Other workers may have answers for connections of one that has died."""
    flows: list[int] = []

    async def script() -> None:
        async with Scene() as scene:
            (await scene.opens()).writer.write(BYE)
            await until(lambda: scene.heard)
            flows.append(scene.heard[0][2])

    play(script)
    play(script)
    assert flows[0] < flows[1] < 1 << 63


def test_a_stream_that_cannot_be_cut_ends() -> None:
    async def script() -> None:
        async with Scene() as scene:
            client = await scene.opens()
            client.writer.write(BYE.replace(b"Content-Length: 0\r\n", b"") + BYE)
            assert await client.ended()
            assert scene.faults == ["content_length"]
            assert scene.heard == []

    play(script)


def test_a_message_without_an_end_is_not_waited_for() -> None:
    async def script() -> None:
        async with Scene() as scene:
            client = await scene.opens()
            client.writer.write(BYE[:30])
            await until(lambda: [each for each in scene.flows._open.values() if each.begun_at])
            (connection,) = scene.flows._open.values()
            assert connection.begun_at is not None
            connection.begun_at = began = connection.begun_at - MESSAGE_SECONDS
            client.writer.write(BYE[30:40])
            await asyncio.sleep(0.05)
            assert connection.begun_at == began  # another piece is no new beginning
            scene.flows.tick()
            assert await client.ended()
            assert scene.closed("slow") == 1

    play(script)


# --- TLS


def test_the_certificate_of_a_client_says_who_it_is(authority: Authority) -> None:
    async def script() -> None:
        async with Scene(authority.contexts("127.0.0.1")) as scene:
            client = await scene.opens(authority.client("pbx.example"), STRANGER)
            client.writer.write(BYE)
            await until(lambda: scene.heard)
            data, _, flow, names = scene.heard[0]
            assert (data, names) == (BYE, ("pbx.example",))
            scene.flows.send(Send(OK, client.address, 0, flow))
            assert await client.reader.readexactly(len(OK)) == OK

    play(script)


def test_nobody_without_the_right_certificate(authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    other = Authority(tmp_path / "b")
    forged = other.client("pbx.example")
    forged.load_verify_locations(cadata=authority.pem.decode())
    bare = ssl.create_default_context(cadata=authority.pem.decode())
    bare.check_hostname = False

    async def script() -> None:
        async with Scene(authority.contexts("127.0.0.1")) as scene:
            for context in (forged, bare):
                client = await scene.opens(context)
                client.writer.write(BYE)
                assert await client.ended()
            assert scene.closed("handshake") == 2
            nobody = await scene.opens(authority.client("nobody.example"), STRANGER)
            nobody.writer.write(BYE)
            assert await nobody.ended()
            assert scene.closed("unknown") == 1
            plain = await scene.opens()
            plain.writer.write(BYE)
            assert await plain.ended()
            assert scene.heard == []

    play(script)


@pytest.mark.parametrize(("name", "expected", "good"), [("127.0.0.1", (), True), ("sbc.example", ("sbc.example",), True),
                                                        ("evil.example", ("sbc.example",), False)])  # fmt: skip
def test_the_certificate_of_a_server_has_the_name_expected(
    authority: Authority, name: str, expected: tuple[str, ...], good: bool
) -> None:
    async def script() -> None:
        async with Scene(authority.contexts("127.0.0.1")) as scene:
            server = Server()
            to = await server.listen(scene, authority.contexts(name).server)
            scene.flows.peers = Peers(scene.flows.peers.contexts, {to: expected})
            scene.flows.send(Send(BYE, to, 0))
            await until(lambda: server.data or scene.unreachable)
            assert (server.data == [BYE], scene.unreachable == [BYE]) == (good, not good)

    play(script)


@pytest.mark.parametrize(("name", "shared"), [("pbx.example", False), ("sbc.example", True)])
def test_a_connection_from_there_is_used_for_requests_when_it_proves_the_name(
    authority: Authority, name: str, shared: bool
) -> None:
    """Who comes from the address of a next hop is not yet the next hop: another trunk may stand behind the same NAT."""

    async def script() -> None:
        async with Scene(authority.contexts("127.0.0.1")) as scene:
            scene.known.add("sbc.example")
            with socket.create_server((TRUNK, 0)) as free:
                there: Address = free.getsockname()
            scene.flows.peers = Peers(scene.flows.peers.contexts, {there: ("sbc.example",)})
            client = await scene.opens(authority.client(name), *there)
            client.writer.write(BYE)
            await until(lambda: scene.heard)
            scene.flows.send(Send(BYE, there, 0))
            if shared:
                assert await client.reader.readexactly(len(BYE)) == BYE
            else:
                await until(lambda: scene.unreachable)
                assert scene.unreachable == [BYE]

    play(script)


def test_nothing_is_said_in_the_clear_when_a_reload_takes_the_certificates_away(authority: Authority) -> None:
    async def script() -> None:
        async with Scene(authority.contexts("127.0.0.1")) as scene:
            server = Server()
            to = await server.listen(scene)
            scene.flows.send(Send(BYE, to, 0))
            scene.flows.peers = Peers()
            await until(lambda: server.data or scene.unreachable)
            assert (server.data, scene.unreachable) == ([], [BYE])
            client = await scene.opens()
            client.writer.write(BYE)
            assert await client.ended()
            assert scene.heard == []

    play(script)


def test_new_certificates_are_for_new_connections(authority: Authority) -> None:
    async def script() -> None:
        async with Scene(authority.contexts("127.0.0.1")) as scene:
            mine = authority.client("pbx.example")
            old = await scene.opens(mine)
            before = old.writer.get_extra_info("ssl_object").getpeercert()["serialNumber"]
            scene.flows.peers = Peers({0: authority.contexts("127.0.0.1")}, {})
            new = await scene.opens(mine)
            assert new.writer.get_extra_info("ssl_object").getpeercert()["serialNumber"] != before
            for number, client in enumerate((old, new), 1):
                client.writer.write(BYE)
                await until(lambda number=number: len(scene.heard) == number)

    play(script)


def test_a_handshake_that_does_not_end(authority: Authority) -> None:
    async def script() -> None:
        async with Scene(authority.contexts("127.0.0.1")) as scene:
            client = await scene.opens()
            await until(lambda: len(scene.flows))
            (connection,) = scene.flows._open.values()
            connection.opened_at -= HANDSHAKE_SECONDS + 0.1
            scene.flows.tick()
            assert await client.ended()
            assert scene.closed("handshake") == 1

    play(script)
