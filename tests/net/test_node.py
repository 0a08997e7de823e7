"""The shell: real sockets, a real core, and one timer."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable

import pytest
import structlog
import trustme

from proxy.call.model import Call
from proxy.call.trunk import IdentityTerms
from proxy.checks.base import Verdict
from proxy.checks.policy import effective
from proxy.core.actions import Decided, Ended, News
from proxy.core.admit import Admission
from proxy.core.hops import Hops, HopTerms
from proxy.core.place import Listener, Place
from proxy.core.proxy import Network, ProxyCore
from proxy.core.quarantine import digest_of
from proxy.core.tally import Tally
from proxy.net.node import Node
from proxy.net.udp import open_socket
from proxy.settings.identity_model import Identity
from proxy.sources.identity_files import IdentityFiles
from proxy.sources.identity_services import verifier_of
from proxy.sources.judge import Judge, Rules
from tests.sources.identity import Clock, pem
from tests.stirshaken.https import context, hangs, serving
from tests.stirshaken.scene import hierarchy, party
from tests.story import KEY, PASS, REJECT, TODAY, directory, field, hops, network, request, response

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
        self.reports: list[News] = []
        core = ProxyCore(
            Network(place, admission, hops(self.callee.getsockname())),
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


def test_a_message_in_quarantine_is_not_read() -> None:
    async def script(scene: Scene) -> None:
        scene.node.refused.add(digest_of(invite(scene)))
        scene.send(invite(scene))
        scene.send(invite(scene).replace(b"branch=z9hG4bK-1", b"branch=z9hG4bK-2"))
        assert b"branch=z9hG4bK-2" in await scene.hear(scene.caller)
        assert scene.tally.count["packets_shed_total", "quarantine"] == 1

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
        state.hops = Hops(hops(to), {}, HopTerms())
        scene.send(invite(scene))
        assert (await scene.hear(scene.caller)).startswith(b"SIP/2.0 100")
        assert (await scene.hear(scene.caller)).startswith(b"SIP/2.0 503")

    Scene().play(script)


class Pending:
    """Verdicts that come when they are told to; those of calls to `slow` numbers are waited for."""

    def __init__(self, scene: Scene) -> None:
        self.asked: list[str] = []
        self.futures: dict[str, asyncio.Future[Verdict]] = {}
        self.cancelled: list[str] = []
        scene.node.judge = lambda call: None if call.call_id.startswith("slow") else PASS
        scene.node.judge_in_time = self.in_time

    async def in_time(self, call: Call) -> Verdict:
        self.asked.append(call.call_id)
        self.futures[call.call_id] = asyncio.get_running_loop().create_future()
        try:
            return await self.futures[call.call_id]
        except asyncio.CancelledError:
            self.cancelled.append(call.call_id)
            raise

    async def waits(self, *calls: str) -> None:
        """Until these calls wait for a verdict."""
        while not set(calls) <= self.futures.keys():
            await asyncio.sleep(0.001)


def named(scene: Scene, call_id: str, method: str = "INVITE") -> bytes:
    host, port = scene.caller.getsockname()
    return request(method, via=f"SIP/2.0/UDP {host}:{port};branch=z9hG4bK-{call_id}", call_id=call_id)


async def status(scene: Scene, call_id: str) -> int:
    """The next response to a call other than 100."""
    while True:
        data = await scene.hear(scene.caller)
        if b"Call-ID: " + call_id.encode() in data and not data.startswith(b"SIP/2.0 100"):
            return int(data[8:11])


def test_a_call_that_waits_delays_no_other() -> None:
    async def script(scene: Scene) -> None:
        pending = Pending(scene)
        for index in range(20):
            scene.send(named(scene, f"slow-{index}"))
        scene.send(named(scene, "quick"))
        assert b"Call-ID: quick" in await scene.hear(scene.callee)
        await pending.waits(*(f"slow-{index}" for index in range(20)))
        pending.futures["slow-7"].set_result(REJECT)
        assert await status(scene, "slow-7") == 403
        pending.futures["slow-3"].set_result(PASS)
        while b"Call-ID: slow-3" not in await scene.hear(scene.callee):
            pass
        assert sorted(report.call.call_id for report in scene.reports if isinstance(report, Decided)) == ["quick", "slow-3", "slow-7"]  # fmt: skip

    Scene().play(script)


def test_a_retransmission_while_it_waits_asks_nothing_again() -> None:
    async def script(scene: Scene) -> None:
        pending = Pending(scene)
        for _ in range(3):
            scene.send(named(scene, "slow"))
            assert (await scene.hear(scene.caller)).startswith(b"SIP/2.0 100")
        await pending.waits("slow")
        pending.futures["slow"].set_result(REJECT)
        assert (await status(scene, "slow"), pending.asked) == (403, ["slow"])

    Scene().play(script)


def test_a_caller_who_hangs_up_while_it_waits() -> None:
    async def script(scene: Scene) -> None:
        pending = Pending(scene)
        scene.send(named(scene, "slow"))
        await pending.waits("slow")
        scene.send(named(scene, "slow", "CANCEL"))
        assert (await status(scene, "slow"), await status(scene, "slow")) == (200, 487)
        pending.futures["slow"].set_result(PASS)
        await asyncio.sleep(0.02)
        scene.send(named(scene, "quick"))
        assert b"Call-ID: quick" in await scene.hear(scene.callee)  # and nothing of the other before
        assert [report.status for report in scene.reports if isinstance(report, Ended)] == [487]
        assert scene.node._waiting == set()

    Scene().play(script)


def test_a_timer_set_by_a_late_verdict_fires() -> None:
    async def script(scene: Scene) -> None:
        pending = Pending(scene)
        scene.send(named(scene, "slow"))
        await pending.waits("slow")
        pending.futures["slow"].set_result(PASS)
        first = await scene.hear(scene.callee)
        assert await asyncio.wait_for(scene.hear(scene.callee), 1) == first  # timer A

    Scene().play(script)


@pytest.mark.parametrize("late", [False, True])
def test_a_verdict_that_raises_is_counted_and_answered(late: bool) -> None:
    async def script(scene: Scene) -> None:
        pending = Pending(scene)
        if not late:
            scene.node.judge = broken
        scene.send(named(scene, "slow"))
        if late:
            await pending.waits("slow")
            pending.futures["slow"].set_exception(RuntimeError("a defect"))
        assert await status(scene, "slow") == 500
        assert scene.tally.count["parse_errors_total", "internal"] == 1
        scene.node.judge = lambda call: PASS
        scene.send(named(scene, "quick"))
        assert b"Call-ID: quick" in await scene.hear(scene.callee)

    def broken(call: Call) -> Verdict | None:
        raise RuntimeError("a defect")

    Scene().play(script)


def test_a_node_that_stops_leaves_nobody_waiting() -> None:
    kept: list[Pending] = []

    async def script(scene: Scene) -> None:
        kept.append(Pending(scene))
        scene.send(named(scene, "slow-1"))
        scene.send(named(scene, "slow-2"))
        await kept[0].waits("slow-1", "slow-2")
        scene.node.stop()
        scene.node._sockets = ()  # closed; the scene will stop the node once more
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert (sorted(kept[0].cancelled), scene.node._waiting) == (["slow-1", "slow-2"], set())
        assert scene.tally.count["parse_errors_total", "internal"] == 0

    Scene().play(script)


def test_a_repository_that_hangs_costs_its_own_calls_the_deadline_and_no_other_anything() -> None:
    async def script(scene: Scene) -> None:
        ca = trustme.CA()
        async with serving(context(ca, "127.0.0.1"), hangs) as seen:
            settings = Identity.model_validate(
                {"deadline": "1s", "repositories": {"allow": [f"127.0.0.1:{seen.port}"], "private": True}}
            )
            files = IdentityFiles((pem(hierarchy().root.certificate),), ca=ca.cert_pem.bytes())
            service = verifier_of(settings, files, Clock())
            rules = Rules(effective({}, {}), IdentityTerms("when-present", "", "pass", False), "block")
            judge = Judge(directory(), {"acme-1": rules}, rules, lambda: TODAY, service)
            scene.node.judge, scene.node.judge_in_time = judge.at_once, judge.in_time
            claims = {"orig": {"tn": "862488880001"}, "dest": {"tn": ["8613800138000"]}}
            token = party().value(claims, x5u=f"https://127.0.0.1:{seen.port}/sp.pem")
            for index in range(10):
                signed = named(scene, f"slow-{index}").replace(
                    b"Content-Length", b"Identity: " + token + b"\r\nContent-Length"
                )
                scene.send(signed)
                scene.send(named(scene, f"quick-{index}"))
                assert b"Call-ID: quick" in await scene.hear(scene.callee)
            assert len(scene.reports) == 10  # of those that did not wait
            while len(scene.reports) < 20:
                await asyncio.sleep(0.01)
            late = [each for each in scene.reports if isinstance(each, Decided) and each.verdict.findings]
            assert [[item.rule for item in each.verdict.findings] for each in late] == [["identity.unreachable"]] * 10
            assert (min(each.elapsed for each in late) >= 0.9, seen.connections) == (True, 1)
            assert service is not None
            await service.aclose()

    Scene().play(script)


def test_a_queue_that_stands_sheds_new_calls_and_no_emergencies() -> None:
    """The measure is the kernel's: whoever is too slow for what comes finds that datagrams have waited long."""

    async def script(scene: Scene) -> None:
        def slow(call: Call) -> Verdict:
            time.sleep(0.01)
            return PASS

        scene.node.judge = slow
        host, port = scene.caller.getsockname()
        for number in range(400):
            called = "110" if number % 20 == 0 else "13800138000"
            via = f"SIP/2.0/UDP {host}:{port};branch=z9hG4bK-{number}"
            scene.send(request("INVITE", f"sip:{called}@127.0.0.1:5060", via=via, call_id=f"c{number}"))
        heard = [await scene.hear(scene.callee)]
        while scene.tally.count["requests_shed_total", "acme-1", "overload"] + len(heard) < 400:
            with contextlib.suppress(TimeoutError):
                heard.append(await asyncio.wait_for(scene.hear(scene.callee), 0.1))
            heard = list({field(data, "Call-ID")[0]: data for data in heard}.values())  # timer A sends them again
        emergencies = sum(data.startswith(b"INVITE sip:110@") for data in heard)
        assert (emergencies, 20 < len(heard) < 400) == (20, True)
        scene.node.judge = lambda call: PASS
        scene.send(request("INVITE", via=f"SIP/2.0/UDP {host}:{port};branch=z9hG4bK-after", call_id="after"))
        while not any(field(data, "Call-ID") == ["after"] for data in heard):
            heard.append(await scene.hear(scene.callee))
        assert scene.node.core._state.pressure == 0

    Scene().play(script)
