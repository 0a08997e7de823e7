"""Which next hop is tried when, and how a next hop goes down and comes back, under a clock of the test's own."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from proxy.core.hops import DOUBT, MAX_PAUSE, MIN_PAUSE, TRIAL, Health, Hops, HopSet, HopTerms, NextHop, Target, Tries
from proxy.core.place import Hop

A, B, C = (Hop((f"10.0.0.{last}", 5060), 0) for last in (1, 2, 3))
TERMS = HopTerms()


def hop_set(*known: NextHop) -> HopSet:
    return HopSet(Target(each, Health(each.hop.text)) for each in known)


def texts(targets: list[Target]) -> list[str]:
    return [target.hop.text.removeprefix("10.0.0.").removesuffix(":5060") for target in targets]


def origins(count: int) -> list[bytes]:
    return [b"%016x" % number for number in range(count)]


def down(health: Health, now: float) -> None:
    while health.up:
        health.failed(now, 3)


def test_the_lowest_priority_is_first() -> None:
    hops = hop_set(NextHop(C, 3), NextHop(A, 1), NextHop(B, 2))
    assert {tuple(texts(hops.order(origin, 0.0))) for origin in origins(20)} == {("1", "2", "3")}


def test_the_same_call_finds_the_same_order_in_another_process() -> None:
    orders = [texts(hop_set(NextHop(A), NextHop(B), NextHop(C)).order(b"0123456789abcdef", 0.0)) for _ in range(2)]
    assert orders[0] == orders[1] == ["3", "2", "1"]  # and for ever: calls under way depend on it


def test_weight_shares_out_the_calls_of_one_priority() -> None:
    hops = hop_set(NextHop(A, 1, 10), NextHop(B, 1, 30), NextHop(C, 2, 1000))
    first = Counter(texts(hops.order(origin, 0.0))[0] for origin in origins(4000))
    assert set(first) == {"1", "2"}
    assert first["2"] / 4000 == pytest.approx(0.75, abs=0.02)


def test_weight_zero_comes_after_the_others_of_its_priority() -> None:
    hops = hop_set(NextHop(A, 1, 0), NextHop(B, 1, 1), NextHop(C, 2))
    assert {tuple(texts(hops.order(origin, 0.0))) for origin in origins(50)} == {("2", "1", "3")}


def test_a_hop_that_fails_moves_only_its_own_calls() -> None:
    hops = hop_set(NextHop(A), NextHop(B), NextHop(C))
    before = {origin: texts(hops.order(origin, 0.0)) for origin in origins(200)}
    down(hops.targets[0].health, 0.0)
    after = {origin: texts(hops.order(origin, 1.0)) for origin in origins(200)}
    assert all(after[origin] == [*(each for each in order if each != "1"), "1"] for origin, order in before.items())


@pytest.mark.parametrize("down_after", [1, 3])
def test_down_after_failures_in_a_row(down_after: int) -> None:
    health = Health("a")
    assert [health.failed(0.0, down_after) for _ in range(down_after)] == [False] * (down_after - 1) + [True]
    assert not health.up
    assert not health.failed(0.0, down_after)  # it is news once


def test_a_good_answer_between_failures_starts_the_count_again() -> None:
    health = Health("a")
    for _ in range(10):
        health.failed(0.0, 3)
        health.failed(0.0, 3)
        health.answered(0.0)
    assert health.up


def test_up_again_after_two_good_answers_in_a_row() -> None:
    health = Health("a")
    down(health, 0.0)
    assert not health.answered(1.0)
    health.failed(2.0, 3)  # flaps
    assert [health.answered(3.0), health.up] == [False, False]
    assert [health.answered(4.0), health.up] == [True, True]
    assert not health.answered(5.0)  # it is news once


def test_a_provisional_answer_neither_counts_nor_starts_the_count_again() -> None:
    health = Health("a")
    for _ in range(3):
        health.alive(0.0)
        health.failed(0.0, 3)
    assert not health.up
    for _ in range(3):
        health.alive(1.0)
    assert not health.up
    assert not health.silent(0.5, 2.0, 3)


@pytest.mark.parametrize(("sent_at", "counts"), [(9.9, False), (10.0, False), (10.1, True)])
def test_silence_proves_nothing_when_an_answer_has_come_since(sent_at: float, counts: bool) -> None:
    health = Health("a")
    health.answered(10.0)
    for _ in range(3):
        health.silent(sent_at, 12.0, 3)
    assert health.up is not counts


@pytest.mark.parametrize(("asked", "heeded"), [(0, MIN_PAUSE), (30, 30.0), (10**9, MAX_PAUSE)])
def test_retry_after_keeps_a_hop_last_within_bounds(asked: int, heeded: float) -> None:
    hops = hop_set(NextHop(A, 1), NextHop(B, 2))
    hops.targets[0].health.pause(asked, 100.0)
    assert texts(hops.order(b"", 100.0 + heeded - 0.1)) == ["2", "1"]
    assert texts(hops.order(b"", 100.0 + heeded)) == ["1", "2"]


def test_a_hop_that_asked_for_a_pause_comes_before_one_that_is_down() -> None:
    hops = hop_set(NextHop(A, 1), NextHop(B, 2), NextHop(C, 3))
    down(hops.targets[0].health, 0.0)
    hops.targets[1].health.pause(30, 0.0)
    assert texts(hops.order(b"", 1.0)) == ["3", "2", "1"]


def test_several_calls_in_a_row_that_wait_put_a_hop_behind_until_it_is_heard() -> None:
    hops = hop_set(NextHop(A, 1), NextHop(B, 2))
    health = hops.targets[0].health
    health.alive(9.0)
    for _ in range(5):
        health.waited_for(8.9, 10.0, 3)  # it has answered something else since
    for _ in range(2):
        health.waited_for(9.5, 10.0, 3)
    assert texts(hops.order(b"", 10.0)) == ["1", "2"]
    health.waited_for(9.5, 10.0, 3)
    assert texts(hops.order(b"", 10.0 + DOUBT - 0.1)) == ["2", "1"]
    assert texts(hops.order(b"", 10.0 + DOUBT)) == ["1", "2"]
    health.waited_for(12.0, 12.5, 3)
    assert texts(hops.order(b"", 13.0)) == ["2", "1"]
    health.alive(14.0)
    assert texts(hops.order(b"", 14.0)) == ["1", "2"]
    health.waited_for(14.5, 15.0, 3)
    assert texts(hops.order(b"", 15.0)) == ["1", "2"]


def test_a_pause_that_was_asked_for_lasts_although_the_hop_is_heard() -> None:
    hops = hop_set(NextHop(A, 1), NextHop(B, 2))
    hops.targets[0].health.pause(10, 0.0)
    hops.targets[0].health.answered(1.0)
    assert texts(hops.order(b"", 2.0)) == ["2", "1"]


def test_all_down_are_tried_all_the_same() -> None:
    hops = hop_set(NextHop(A, 1), NextHop(B, 2))
    for target in hops.targets:
        down(target.health, 0.0)
    assert texts(hops.order(b"", 1.0)) == ["1", "2"]


def test_one_call_at_a_time_tries_a_hop_that_is_down_and_not_probed() -> None:
    hops = hop_set(NextHop(A, 1), NextHop(B, 2))
    health = hops.targets[0].health
    down(health, 0.0)
    assert texts(hops.order(b"", TRIAL - 0.1)) == ["2", "1"]
    assert texts(hops.order(b"", TRIAL)) == ["1", "2"]
    health.tried(TRIAL)
    assert texts(hops.order(b"", TRIAL + 1)) == ["2", "1"]
    health.answered(TRIAL + 2)  # the next call may as well, and brings it up
    assert texts(hops.order(b"", TRIAL + 2)) == ["1", "2"]
    assert health.answered(TRIAL + 3)


def test_a_probed_hop_that_is_down_waits_for_its_probes() -> None:
    hops = Hops([NextHop(A, 1), NextHop(B, 2)], {}, HopTerms(probe_interval=5.0))
    down(hops.core.targets[0].health, 0.0)
    assert texts(hops.core.order(b"", 10 * TRIAL)) == ["2", "1"]


def test_a_reload_keeps_how_a_hop_has_been_doing() -> None:
    known = (NextHop(A, 1), NextHop(B, 2))
    before = Hops(known, {"t": (NextHop(C),)}, HopTerms(probe_interval=5.0))
    down(before.core.targets[0].health, 0.0)
    down(before.gateways["t"].targets[0].health, 0.0)

    after = Hops((replace(known[0], weight=7), NextHop(C, 2)), {}, TERMS, before)
    assert [target.health.up for target in after.core.targets] == [False, False]
    assert [target.health.probed for target in after.core.targets] == [False, False]
    again = Hops([NextHop(B), NextHop(Hop(("10.0.0.1", 5070), 0))], {}, TERMS, after)
    assert [target.health.up for target in again.core.targets] == [True, True]


def test_tries_begin_at_the_first() -> None:
    targets = list(hop_set(NextHop(A, 1), NextHop(B, 2)).targets)
    tries = Tries(targets, b"cookie")
    assert (tries.target, tries.left, tries.best) == (targets[0], targets, None)
