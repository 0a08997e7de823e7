"""The shell: real sockets, a real core, and one timer."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import pytest
import structlog

from proxy.call.model import Call
from proxy.checks.base import Verdict
from proxy.core.actions import Report
from proxy.core.admit import Admission
from proxy.core.place import Hop, Listener, Place
from proxy.core.proxy import Network, ProxyCore
from proxy.core.tally import Tally
from proxy.net.node import Node
from proxy.net.udp import open_socket
from tests.story import KEY, PASS, TODAY, directory, network, request, response

LOG = structlog.make_filtering_bound_logger(50)(structlog.PrintLogger(), [], {})


async def later(call: Call) -> Verdict:
    """A verdict whose facts take a moment."""
    await asyncio.sleep(0.05)
    return PASS


class Scene:
    """A node on loopback, a caller at 127.0.0.2 and a callee at 127.0.0.1."""

    def __init__(self) -> None:
        self.socket = open_socket("127.0.0.1", 0)
        self.caller = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.caller.bind(("127.0.0.2", 0))
        self.callee = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.callee.bind(("127.0.0.1", 0))
        for sock in (self.caller, self.callee):
            sock.setblocking(False)
        here = self.socket.getsockname()
        place = Place([Listener(0, "access", *here, here)])
        base = network(directory()).admission
        admission = Admission(base.directory, base.candidates("127.0.0.1")[0], ["127.0.0.1"])
        self.tally = Tally()
        self.reports: list[Report] = []
        core = ProxyCore(
            Network(place, admission, Hop(self.callee.getsockname(), 0)),
            key=KEY,
            tally=self.tally,
            today=TODAY,
        )
        self.node = Node(
            core, [self.socket], judge=lambda call: PASS, judge_in_time=later,
            report=self.reports.append, new_day=lambda day: None, today=lambda: TODAY, tally=self.tally, log=LOG,
        )  # fmt: skip

    def play(self, script: Callable[[Scene], object]) -> None:
        async def run() -> None:
            self.node.start(asyncio.get_running_loop())
            try:
                await asyncio.wait_for(script(self), 10)  # type: ignore[arg-type]
            finally:
                self.node.stop()
                self.caller.close()
                self.callee.close()

        asyncio.run(run())

    async def hear(self, sock: socket.socket) -> bytes:
        return await asyncio.get_running_loop().sock_recv(sock, 65535)

    def send(self, data: bytes) -> None:
        self.caller.sendto(data, self.socket.getsockname())


def invite(scene: Scene) -> bytes:
    host, port = scene.caller.getsockname()
    return request("INVITE", via=f"SIP/2.0/UDP {host}:{port};branch=z9hG4bK-1")


def test_a_call_goes_through() -> None:
    async def script(scene: Scene) -> None:
        scene.send(invite(scene))
        assert (await scene.hear(scene.caller)).startswith(b"SIP/2.0 100")
        sent = await scene.hear(scene.callee)
        scene.callee.sendto(response(sent, "486 Busy Here"), scene.socket.getsockname())
        assert (await scene.hear(scene.caller)).startswith(b"SIP/2.0 486")
        assert (await scene.hear(scene.callee)).startswith(b"ACK")
        assert [type(report).__name__ for report in scene.reports] == ["Decided", "Ended"]

    Scene().play(script)


def test_the_timer_fires() -> None:
    async def script(scene: Scene) -> None:
        scene.send(invite(scene))
        first = await scene.hear(scene.callee)
        assert await scene.hear(scene.callee) == first  # timer A, half a second later

    Scene().play(script)


def test_a_defect_of_ours_is_counted_and_the_next_call_goes_on() -> None:
    async def script(scene: Scene) -> None:
        def broken(call: object) -> object:
            raise RuntimeError("a defect")

        judge, scene.node.judge = scene.node.judge, broken  # type: ignore[assignment]
        scene.send(invite(scene))
        assert (await scene.hear(scene.caller)).startswith(b"SIP/2.0 100")
        await asyncio.sleep(0.05)
        scene.node.judge = judge
        scene.send(invite(scene).replace(b"z9hG4bK-1", b"z9hG4bK-2").replace(b"call-1", b"call-2"))
        assert (await scene.hear(scene.callee)).startswith(b"INVITE")
        assert scene.tally.count["parse_errors_total", "internal"] == 1

    Scene().play(script)


def test_more_than_one_batch_is_drained() -> None:
    async def script(scene: Scene) -> None:
        for index in range(200):
            scene.send(
                request(
                    "OPTIONS",
                    "sip:127.0.0.1",
                    call_id=f"o-{index}",
                    via=f"SIP/2.0/UDP 127.0.0.2;branch=z9hG4bK-{index}",
                )
            )
        while scene.tally.count["messages_total", "in", "udp", "OPTIONS"] < 200:
            await asyncio.sleep(0.01)

    Scene().play(script)


@pytest.mark.parametrize("to", [("0.0.0.1", 5060)])
def test_what_cannot_be_sent_fails_its_transaction_at_once(to: tuple[str, int]) -> None:
    async def script(scene: Scene) -> None:
        state = scene.node.core._state
        state.next_hop = Hop(to, 0)
        scene.send(invite(scene))
        assert (await scene.hear(scene.caller)).startswith(b"SIP/2.0 100")
        assert (await scene.hear(scene.caller)).startswith(b"SIP/2.0 503")

    Scene().play(script)
