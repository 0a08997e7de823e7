"""The verification service: what is in memory, what is waited for, and tokens that have been used."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from proxy.call.model import Call
from proxy.call.signed import signed_call
from proxy.sources.verification import Retired, Verifier
from stirshaken.certificates import Certificates, Trust
from stirshaken.findings import Result
from stirshaken.replay import Replays
from stirshaken.verify import Verification
from tests.checks.signed import signed
from tests.sources.identity import Clock, Web, chain, verifier
from tests.stirshaken.scene import (
    CALLED,
    GOOD,
    OTHER_X5U,
    SECOND,
    STALE,
    THIRD,
    UNSUPPORTED,
    X5U,
    div,
    hierarchy,
    party,
    rules,
)

CALL = signed(GOOD)
ELSEWHERE = party().value(x5u=OTHER_X5U)


def play(script: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(5):
            await script()

    asyncio.run(limited())


async def asked(service: Verifier, call: Call, lowest: str = "") -> Verification:
    return service.at_once(call, signed_call(call), lowest) or await service.in_time(call, signed_call(call), lowest)


def test_the_first_call_waits_and_the_second_does_not() -> None:
    async def script() -> None:
        web, other = Web(), signed(party().value({"iat": 1_800_000_001}))
        service = verifier(web, Clock())
        assert service.at_once(CALL, signed_call(CALL), "") is None
        assert (await service.in_time(CALL, signed_call(CALL), "")).result == "passed"
        found = service.at_once(other, signed_call(other), "")
        assert (found.result if found else None, web.asked) == ("passed", [X5U])
        assert service.statistics.fetches == {"loaded": 1}
        await service.aclose()

    play(script)


@pytest.mark.parametrize("values", [(), (b"x",), (UNSUPPORTED,)])
def test_nothing_is_fetched_for_tokens_that_cannot_be_valid(values: tuple[bytes, ...]) -> None:
    async def script() -> None:
        web, call = Web(), signed(*values)
        found = verifier(web, Clock()).at_once(call, signed_call(call), "")
        assert (found.result if found else None, web.asked) == ("failed", [])

    play(script)


def test_an_emergency_call_never_waits() -> None:
    async def script() -> None:
        web, call = Web(), replace(CALL, emergency=True)
        found = verifier(web, Clock()).at_once(call, signed_call(call), "")
        assert (found.result if found else None, web.asked) == ("unknown", [])

    play(script)


def test_a_deadline_ends_the_call_and_not_the_fetch() -> None:
    async def script() -> None:
        web = Web()
        web.wait = asyncio.Event()
        service = verifier(web, Clock(), deadline=0.02)
        found = await service.in_time(CALL, signed_call(CALL), "")
        assert (found.result, [item.detail for item in found.findings]) == ("unknown", ["no certificate: deadline"])
        web.wait.set()
        await asyncio.sleep(0.01)
        assert ((await asked(service, CALL)).result, web.asked) == ("passed", [X5U])  # it is there by now
        await service.aclose()

    play(script)


def test_one_repository_that_hangs_leaves_the_other_token_its_chance() -> None:
    async def script() -> None:
        web = Web({X5U: chain(party())})
        call = signed(ELSEWHERE, GOOD)

        async def fetch(url: str) -> Any:
            return await (asyncio.sleep(60) if url == OTHER_X5U else web.fetch(url))

        clock = Clock()
        service = Verifier(
            Certificates(fetch, Trust(hierarchy().anchors), clock), clock, max_age=60, deadline=0.05, spc_suffices=True
        )
        assert (await service.in_time(call, signed_call(call), "")).result == "passed"
        await service.aclose()

    play(script)


@pytest.mark.parametrize(
    ("bodies", "result", "found"),
    [
        pytest.param({}, "unknown", {"unreachable"}, id="nobody-there"),
        pytest.param({X5U: b"no certificate"}, "failed", {"untrusted"}, id="no-certificate"),
        pytest.param({X5U: chain(party(trusted=False))}, "failed", {"untrusted", "invalid"}, id="untrusted"),
    ],
)
def test_what_repositories_say(bodies: dict[str, bytes], result: str, found: set[str]) -> None:
    async def script() -> None:
        service = verifier(Web(bodies), Clock())
        verification = await asked(service, CALL)
        assert (verification.result, rules(verification)) == (result, found)
        await service.aclose()

    play(script)


def test_a_defect_in_a_fetch_is_a_certificate_that_could_not_be_had() -> None:
    async def script() -> None:
        async def broken(url: str) -> Any:
            raise RuntimeError("a defect")

        clock = Clock()
        certificates = Certificates(broken, Trust(hierarchy().anchors), clock)
        service = Verifier(certificates, clock, max_age=60, deadline=1, spc_suffices=True)
        assert rules(await asked(service, CALL)) == {"unreachable"}

    play(script)


def test_terms_are_handed_on() -> None:
    async def script() -> None:
        service = verifier(Web(), Clock(), max_age=200.0)
        assert (await asked(service, signed(STALE))).result == "passed"
        partial = signed(party().value({"attest": "B"}))
        assert rules(await asked(service, partial, "A")) == {"attestation"}

    play(script)


DIVERTED = party().value({"dest": {"tn": [SECOND.value]}})
TWICE = party().value({"dest": {"tn": [THIRD.value]}})
LINK = div(CALLED, SECOND)
OTHER_LINK = div(CALLED, SECOND, iat=1_800_000_001)


@pytest.mark.parametrize(
    ("calls", "results"),
    [
        pytest.param([("1", (GOOD,)), ("1", (GOOD,))], ["passed", "passed"], id="forked-or-retried"),
        pytest.param([("1", (GOOD,)), ("2", (GOOD,))], ["passed", "failed"], id="another-call"),
        pytest.param([("1", (STALE,)), ("2", (STALE,))], ["failed", "failed"], id="an-invalid-one-is-not-remembered"),
        pytest.param([("1", (GOOD,)), ("2", (GOOD, party().value({"attest": "B"})))], ["passed", "passed"], id="beside-a-fresh-one"),
        pytest.param([("1", (DIVERTED, LINK)), ("1", (DIVERTED, LINK))], ["passed", "passed"], id="diverted-and-retried"),
        pytest.param([("1", (DIVERTED, LINK)), ("2", (DIVERTED, LINK))], ["passed", "failed"], id="diverted-and-replayed"),
        pytest.param([("1", (DIVERTED, LINK)), ("2", (DIVERTED, OTHER_LINK))], ["passed", "passed"], id="diverted-here-twice"),
        pytest.param([("1", (DIVERTED, LINK)), ("2", (DIVERTED, LINK, OTHER_LINK))], ["passed", "passed"], id="one-fresh-link-will-do"),
        pytest.param([("1", (GOOD,)), ("2", (DIVERTED, LINK))], ["passed", "passed"], id="called-and-diverted-here"),
        pytest.param([("1", (TWICE, div(SECOND, THIRD), LINK)), ("2", (TWICE, div(SECOND, THIRD), LINK))], ["passed", "failed"], id="diverted-over-two"),
        pytest.param([("1", (DIVERTED, LINK)), ("2", (DIVERTED, LINK, GOOD))], ["passed", "passed"], id="a-direct-one-beside-a-replayed-diversion"),
    ],
)  # fmt: skip
def test_used_tokens(calls: list[tuple[str, tuple[bytes, ...]]], results: list[str]) -> None:
    async def script() -> None:
        service = verifier(Web(), Clock())
        found = [await asked(service, replace(signed(*values), call_id=call_id)) for call_id, values in calls]
        assert [each.result for each in found] == results
        if results == ["passed", "failed"]:
            assert rules(found[1]) == {"replayed"}
            assert found[1].checks[-1].name == "replayed"

    play(script)


def test_a_token_on_its_way_through_the_core_to_who_diverts_is_not_used_up() -> None:
    """SECOND is called, and diverts to CALLED: the same token comes again in another call, with the diversion."""

    async def script() -> None:
        service = verifier(Web(), Clock())
        there = replace(signed(DIVERTED, to=f"sip:+{SECOND.value}@h"), call_id="1")
        assert (await asked(service, there)).result == "passed"
        assert (await asked(service, replace(signed(DIVERTED, LINK), call_id="2"))).result == "passed"
        assert (await asked(service, replace(there, call_id="3"))).result == "failed"

    play(script)


def test_a_token_is_forgotten_when_it_is_stale() -> None:
    async def script() -> None:
        clock = Clock()
        service = verifier(Web(), clock)
        await asked(service, CALL)
        clock.now += 61
        assert rules(await asked(service, replace(CALL, call_id="2"))) == {"stale"}
        assert len(service.replays) == 1

    play(script)


@pytest.mark.parametrize("seen", [0, 1])
def test_a_memory_is_handed_on_even_when_it_is_empty(seen: int) -> None:
    async def script() -> None:
        replays = Replays()
        for n in range(seen):
            replays.take(bytes(64), b"%d" % n, 2e9, 1e9)
        first, second = verifier(Web(), Clock(), replays=replays), verifier(Web(), Clock(), replays=replays)
        assert (await asked(first, CALL)).result == "passed"
        assert (await asked(second, replace(CALL, call_id="2"))).result == "failed"

    play(script)


@pytest.mark.parametrize(
    ("trunks", "last", "doubts"),
    [
        pytest.param(("a", "b"), "unknown", {"clock": True, "anchors": False}, id="all-trunks"),
        pytest.param(("a",), "failed", {"clock": False, "anchors": False}, id="one-of-two"),
    ],
)
def test_a_wrong_clock_of_our_own_proves_nothing_against_calls(
    trunks: tuple[str, ...], last: str, doubts: dict[str, bool]
) -> None:
    """Both trunks were good; then the tokens of `trunks` are 400 s behind our clock, those of others are right."""

    async def script() -> None:
        steady, clock = Clock(), Clock()
        service = Verifier(
            Certificates(Web({X5U: chain(party())}).fetch, Trust(hierarchy().anchors), clock),
            clock,
            max_age=60,
            deadline=1.0,
            spc_suffices=True,
            steady=steady,
        )

        async def hear(trunk: str, iat: float, number: int) -> str:
            call = signed(party().value({"iat": int(iat)}))
            call = replace(call, call_id=f"{trunk}-{number}", trunk=replace(call.trunk, id=trunk))
            return str((await asked(service, call)).result)

        for number in range(3):
            assert {await hear(trunk, clock.now + number, number) for trunk in ("a", "b")} == {"passed"}
        steady.now += 400
        clock.now += 400
        found = ""
        for number in range(3, 8):
            steady.now += 2
            for trunk in ("a", "b"):
                late = 400 if trunk in trunks else 0
                found = await hear(trunk, clock.now - late + number, number)
            found = found if "b" in trunks else await hear("a", clock.now - 400 + number, number)
        assert (found, service.doubts()) == (last, doubts)
        await service.aclose()

    play(script)


@pytest.mark.parametrize("at_once", [False, True], ids=["in-time", "at-the-end"])
def test_a_retired_verifier_answers_those_who_wait_and_is_closed(
    at_once: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxy.sources.verification.RETIRED_SECONDS", 0.05)

    async def script() -> None:
        closed = asyncio.Event()

        class Known(Certificates):
            async def aclose(self) -> None:
                await super().aclose()
                closed.set()

        known = Known(Web({X5U: chain(party())}).fetch, Trust(hierarchy().anchors), Clock())
        service = Verifier(known, Clock(), max_age=60, deadline=1.0, spc_suffices=True)
        retired = Retired()
        retired.add(None)
        retired.add(service)
        assert (await asked(service, signed(party().value({"iat": int(Clock().now)})))).result is Result.PASSED
        assert not closed.is_set()
        if at_once:
            await asyncio.sleep(0)
            await retired.aclose()
            assert closed.is_set()
        await asyncio.wait_for(closed.wait(), 10)

    play(script)
