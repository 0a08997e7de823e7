"""Who hangs, and how soon the next one begins."""

from __future__ import annotations

from proxy.supervisor.watch import GAP, HUNG, PAUSES, SHORT, START, Watch


def test_silence_is_hanging() -> None:
    watch = Watch()
    watch.started(0, 100.0)
    assert not watch.is_hung(0, 0.0, 100.0 + START)
    assert watch.is_hung(0, 0.0, 100.1 + START)  # never came up
    assert not watch.is_hung(0, 110.0, 110.0 + HUNG)
    assert watch.is_hung(0, 110.0, 110.1 + HUNG)


def test_who_was_not_run_himself_blames_nobody() -> None:
    watch = Watch()
    watch.started(0, 0.0)
    watch.look(10.0)
    watch.look(10.0 + GAP)
    assert watch.is_hung(0, 5.0, 10.0 + GAP)
    watch.look(30.0)  # the whole machine stood still
    assert not watch.is_hung(0, 11.0, 30.0 + HUNG)
    assert watch.is_hung(0, 11.0, 30.1 + HUNG)


def test_a_worker_that_ends_is_followed_at_once_unless_it_cannot_live() -> None:
    watch = Watch()
    watch.started(0, 0.0)
    assert watch.ended(0, 100.0) == 100.0
    pauses = []
    for _ in range(8):
        watch.started(0, 200.0)
        pauses.append(watch.ended(0, 200.0 + SHORT / 2) - 200.0 - SHORT / 2)
    assert [round(pause, 6) for pause in pauses] == [*PAUSES[1:], PAUSES[-1], PAUSES[-1]]
    watch.started(0, 300.0)
    assert watch.ended(0, 300.0 + SHORT) == 300.0 + SHORT  # it has lived
