"""Chains kept with their verdict: how long each holds, what it waits for, and that what is trusted can change."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from stirshaken.certificate import Validated
from stirshaken.certificates import Certificates, Options, Trust
from stirshaken.fetch import Reason
from stirshaken.findings import Check, Result, Rule
from stirshaken.repository import Bounds
from tests.stirshaken.chains import DAY, NOW, anchors, ca, distribution, leaf, pem, revocations
from tests.stirshaken.places import Clock, Net, settle
from tests.stirshaken.test_references import BY_REFERENCE, CRL, LISTED, NUMBERS

X5U = "https://cert.example/a.pem"
ROOT = ca("Root")
CA = ca("CA", ROOT)
PLAIN = leaf(CA)
LEAF = leaf(CA, extra=(distribution(CRL),))
REVOKED = revocations(CA, LEAF.certificate.serial_number)
TRUST = Trust(anchors(ROOT))
STRANGE = Trust(anchors(ca("Stranger")))
REQUIRED = Options(require_revocation=True)
OTHERS = Options()


class Scene:
    """A keeper of certificates, the net that it asks, and the time."""

    def __init__(self, places: dict[str, bytes | Reason], trust: Trust, options: Options, bounds: Bounds) -> None:
        self.net, self.clock = Net({X5U: pem(LEAF, CA), CRL: revocations(CA), **places}), Clock()
        self.kept = Certificates(self.net, trust, self.clock, bounds, options=options)

    def look(self, later: float = 0.0) -> Validated | str | None:
        self.clock.now = NOW + later
        return self.kept.lookup(X5U, self.clock.now)

    async def get(self, later: float = 0.0, owner: str = "") -> Validated | str:
        self.clock.now = NOW + later
        return await self.kept.get(X5U, self.clock.now, owner)

    async def verdict(self, later: float = 0.0) -> Validated:
        found = await self.get(later)
        assert isinstance(found, Validated)
        return found


Story = Callable[[Scene], Awaitable[None]]
DESIGNED = Bounds()


def tell(
    story: Story,
    places: dict[str, bytes | Reason] | None = None,
    *,
    trust: Trust = TRUST,
    options: Options = OTHERS,
    bounds: Bounds = DESIGNED,
) -> None:
    async def run() -> None:
        scene = Scene(places or {}, trust, options, bounds)
        async with scene.kept:
            await story(scene)

    asyncio.run(run())


def revocation(found: Validated | str | None) -> Check:
    assert isinstance(found, Validated)
    return next(each for each in found.checks if each.name == "revocation")


def test_unknown_then_known_for_a_day() -> None:
    async def story(scene: Scene) -> None:
        assert scene.look() is None
        found = await scene.verdict()
        assert (found.result, revocation(found)) == (Result.PASSED, Check("revocation", True))
        assert scene.look(DAY - 400) is found
        assert scene.net.asked == [X5U, CRL]
        assert scene.kept.statistics.fetches == {"loaded": 1}
        assert scene.kept.list_statistics.fetches == {"loaded": 1}

    tell(story, {CRL: revocations(CA, end=NOW + 30 * DAY)})


@pytest.mark.parametrize(
    ("places", "trust", "options", "result", "rule"),
    [
        pytest.param({}, STRANGE, OTHERS, Result.FAILED, Rule.UNTRUSTED, id="untrusted"),
        pytest.param({CRL: REVOKED}, TRUST, OTHERS, Result.FAILED, Rule.REVOKED, id="revoked"),
        pytest.param({CRL: Reason.TIMEOUT}, TRUST, REQUIRED, Result.UNKNOWN, None, id="unknown"),
    ],
)
def test_one_that_is_not_passed_is_forgotten_soon(
    places: dict[str, bytes | Reason], trust: Trust, options: Options, result: Result, rule: Rule | None
) -> None:
    async def story(scene: Scene) -> None:
        found = await scene.verdict()
        assert (found.result, {each.rule for each in found.findings}) == (result, {rule} if rule else set())
        assert scene.look(59) is found
        assert scene.look(61) is None
        scene.net.places |= {X5U: pem(PLAIN, CA), CRL: revocations(CA)}
        scene.kept.replace(TRUST)
        better = await scene.verdict(61)
        assert scene.net.asked.count(X5U) == 2
        assert better.path[0] == PLAIN.certificate

    tell(story, places, trust=trust, options=options)


def test_chains_that_fail_drive_out_none_that_is_good() -> None:
    async def story(scene: Scene) -> None:
        good = await scene.verdict()
        for number in range(20):
            url = f"https://cert.example/{number}.pem"
            scene.net.places[url] = pem(leaf(ca("Stranger")))
            assert isinstance(await scene.kept.get(url, NOW), Validated)
        assert scene.look() is good

    tell(story, bounds=Bounds(entries=2, failures=2))


@pytest.mark.parametrize("reason", [Reason.TIMEOUT, Reason.REFUSED_URL, Reason.STATUS])
def test_no_chain(reason: Reason) -> None:
    async def story(scene: Scene) -> None:
        assert await scene.get() == str(reason)
        assert scene.look() == str(reason)

    tell(story, {X5U: reason})


def test_what_stands_at_x5u_is_no_chain_or_over() -> None:
    async def story(scene: Scene) -> None:
        assert await scene.get() == "unusable"
        scene.net.places[X5U] = pem(leaf(CA, end=NOW - 1), CA)
        assert await scene.get(61) == "expired"

    tell(story, {X5U: b"<html>"})


def test_a_slow_list_holds_up_no_call_that_does_not_need_it() -> None:
    async def story(scene: Scene) -> None:
        scene.net.held[CRL] = asyncio.Event()
        assert revocation(await scene.get()).ok is None
        scene.net.held[CRL].set()
        await settle()
        scene.look(1)
        await settle()
        assert revocation(scene.look(2)).ok is True

    tell(story, options=Options(patience=0.02))


def test_a_required_list_is_waited_for() -> None:
    async def story(scene: Scene) -> None:
        scene.net.held[CRL] = asyncio.Event()
        waiting = asyncio.gather(*(scene.get(owner=str(n)) for n in range(5)))
        await asyncio.sleep(0.05)
        assert (waiting.done(), scene.look()) == (False, None)
        scene.net.held[CRL].set()
        found = await waiting
        assert [each is found[0] for each in found] == [True] * 5
        assert revocation(found[0]).ok is True
        assert scene.net.asked == [X5U, CRL]

    tell(story, options=Options(require_revocation=True, patience=0.02))


def test_who_stops_waiting_takes_nothing_down() -> None:
    async def story(scene: Scene) -> None:
        scene.net.held[CRL] = asyncio.Event()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(scene.get(), 0.02)
        scene.net.held[CRL].set()
        await settle()
        assert revocation(scene.look()).ok is True
        assert scene.net.asked == [X5U, CRL]

    tell(story, options=REQUIRED)


def test_numbers_at_a_url() -> None:
    async def story(scene: Scene) -> None:
        found = await scene.verdict()
        assert found.result is Result.PASSED
        assert found.authority is not None
        assert found.authority.covers("15551234500")
        assert scene.look(200) is found
        scene.net.places[NUMBERS] = LISTED.replace(b"4500", b"4599")
        scene.look(280)
        await settle()
        scene.look(281)
        await settle()
        renewed = scene.look(282)
        assert isinstance(renewed, Validated)
        assert renewed.authority is not None
        assert renewed.authority.covers("15551234599")

    tell(story, {X5U: pem(leaf(CA, entries=(), extra=(BY_REFERENCE,)), CA), NUMBERS: LISTED})


@pytest.mark.parametrize("answer", [Reason.TIMEOUT, b"\x30\x00", b"", LISTED + b"\x00"], ids=str)
def test_numbers_at_a_url_cannot_be_had(answer: bytes | Reason) -> None:
    async def story(scene: Scene) -> None:
        found = await scene.verdict()
        assert (found.result, found.authority) == (Result.UNKNOWN, None)
        assert scene.look(61) is None

    tell(story, {X5U: pem(leaf(CA, entries=(), extra=(BY_REFERENCE,)), CA), NUMBERS: answer})


def test_what_is_trusted_changes_at_once() -> None:
    async def story(scene: Scene) -> None:
        assert (await scene.verdict()).result is Result.PASSED
        scene.kept.replace(STRANGE)
        assert scene.look() is None
        assert (await scene.verdict()).result is Result.FAILED
        scene.kept.replace(TRUST)
        assert (await scene.verdict()).result is Result.PASSED
        assert scene.net.asked == [X5U, CRL]  # the chain is the same

    tell(story)


def test_a_verdict_under_way_is_by_what_is_trusted_at_its_end() -> None:
    async def story(scene: Scene) -> None:
        scene.net.held[CRL] = asyncio.Event()
        waiting = asyncio.gather(scene.get())
        await settle()
        scene.kept.replace(STRANGE)
        scene.net.held[CRL].set()
        (found,) = await waiting
        assert isinstance(found, Validated)
        assert found.result is Result.FAILED

    tell(story)


def test_another_chain_at_the_same_place_is_judged_before_it_is_used() -> None:
    async def story(scene: Scene) -> None:
        first = await scene.verdict()
        assert scene.look(DAY - 200) is first  # begins the fetch
        await settle()
        assert scene.look(DAY - 199) is first  # the same chain again
        scene.net.places[X5U] = pem(PLAIN, CA)
        scene.look(2 * DAY - 400)
        await settle()
        assert scene.look(2 * DAY - 400) is None
        assert (await scene.verdict(2 * DAY - 400)).path[0] == PLAIN.certificate

    tell(story, {CRL: revocations(CA, end=NOW + 9 * DAY)})


def test_a_new_chain_does_not_wait_for_the_verdict_on_the_old_one() -> None:
    async def story(scene: Scene) -> None:
        scene.net.held[CRL] = asyncio.Event()
        old = asyncio.gather(scene.get())
        await settle()
        scene.net.places[X5U] = pem(PLAIN, CA)
        scene.look(DAY - 199)  # begins to fetch the chain again
        await settle()
        new = await asyncio.wait_for(scene.get(DAY - 198), 5)
        assert isinstance(new, Validated)
        assert new.path[0] == PLAIN.certificate
        scene.net.held[CRL].set()
        (found,) = await old
        assert isinstance(found, Validated)
        assert found.path[0] == LEAF.certificate

    tell(story, options=Options(patience=9))


def test_closed() -> None:
    async def story(scene: Scene) -> None:
        scene.net.held[CRL] = asyncio.Event()
        waiting = asyncio.gather(scene.get())
        await settle()
        await scene.kept.aclose()
        assert await waiting == ["closed"]
        assert await scene.get(DAY * 2) == "closed"

    tell(story, options=REQUIRED)


def test_verdicts_are_bounded() -> None:
    async def story(scene: Scene) -> None:
        for number in range(9):
            url = f"https://cert.example/{number}.pem"
            scene.net.places[url] = pem(PLAIN, CA)
            await scene.kept.get(url, NOW)
            bad = f"https://cert.example/bad{number}.pem"
            scene.net.places[bad] = pem(leaf(ca("Stranger")))
            await scene.kept.get(bad, NOW)
        assert (len(scene.kept._passed), len(scene.kept._others)) == (3, 2)

    tell(story, bounds=Bounds(entries=3, failures=2))


def test_an_answer_from_memory_costs_little() -> None:
    async def story(scene: Scene) -> None:
        await scene.verdict()
        began = time.perf_counter()
        for _ in range(10_000):
            scene.look()
        assert time.perf_counter() - began < 2.0  # some 30 ms; the bound is for a busy machine

    tell(story)
