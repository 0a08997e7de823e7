"""One datagram in ten is lost, both ways, on both sides: calls complete, none is judged twice."""

from __future__ import annotations

from collections import Counter

from tests.wire.peers import CALLER, CORE, free_port
from tests.wire.play import Load
from tests.wire.stage import Stage
from tests.wire.trunkward import Setting

CALLS = 200
SEED = "trunkward"


def test_calls_complete_and_are_judged_once_with_one_datagram_in_ten_lost(stage: Stage) -> None:
    load = Load(calls=CALLS, rate=40, hold=2000, linger=8000, log=False, seconds=90)
    callee_at, far = (CORE, free_port()), (CORE, free_port())
    callee = stage.callee("callee_picks_up", load, callee_at, contact=f"{far[0]}:{far[1]}")
    proxy = stage.proxy(Setting(far[1]))
    beyond = stage.relay(far, (CORE, free_port()), callee_at, 10, SEED + "-far")
    near = stage.relay((CORE, free_port()), (CALLER, free_port()), proxy.address, 10, SEED + "-near")
    caller = stage.caller("caller_answered", near.front.getsockname(), load=load)

    called, answered = caller.wait(120), callee.wait(120)

    assert (called.succeeded, called.failed) == (CALLS, 0)
    assert (answered.succeeded, answered.failed) == (CALLS, 0)
    assert called.retransmissions > 0
    for relay in (near, beyond):
        for way in ("onward", "back"):
            assert relay.lost[way] / (relay.lost[way] + relay.passed[way]) > 0.05
    ends = proxy.wait_records("call.end", CALLS, seconds=45)
    verdicts = Counter(record["call_id"] for record in proxy.records("call.verdict"))
    assert set(verdicts.values()) == {1}
    assert len(verdicts) == CALLS
    assert {end["call_id"] for end in ends} == set(verdicts)
    assert all(end["answered"] for end in ends)
    proxy.stop()
