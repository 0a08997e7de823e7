"""Whole calls of SIPp through the proxy, and what the records say of each."""

from __future__ import annotations

import pytest

from tests.wire.peers import CALLER, CORE, free_port
from tests.wire.play import ALLOCATED, CALLED, Load, Sipp, Statistics, Who
from tests.wire.stage import Stage
from tests.wire.trunkward import Proxy, Record, Setting

HOLD = 300  # ms


def assert_clean(sipp: Sipp, calls: int = 1) -> Statistics:
    """Every call followed its scenario, and nothing had to be said twice."""
    found = sipp.wait()
    assert found == Statistics(calls, calls, failed=0, retransmissions=0, repeats=0, unexpected=0)
    return found


def one_call(proxy: Proxy) -> tuple[Record, Record]:
    """The two records of the only call."""
    (end,) = proxy.wait_records("call.end", 1)
    (verdict,) = proxy.records("call.verdict")
    assert verdict["call_id"] == end["call_id"]
    return verdict, end


def test_answered_call_is_recorded_with_its_duration(stage: Stage) -> None:
    load = Load(hold=HOLD)
    callee = stage.callee("callee_answered", load)
    proxy = stage.proxy(Setting(callee.port))
    caller = stage.caller("caller_answered", proxy.address, load=load)

    assert_clean(caller)
    assert_clean(callee)

    verdict, end = one_call(proxy)
    assert (verdict["verdict"], verdict["findings"]) == ("pass", [])
    assert (verdict["trunk"], verdict["customer"], verdict["mode"]) == ("acme-1", "acme", "block")
    assert (verdict["caller"], verdict["called"]) == (ALLOCATED, CALLED)
    assert verdict["source"] == f"{CALLER}:{caller.port}"
    assert verdict["next_hop"] == f"{CORE}:{callee.port}"
    assert (end["answered"], end["status"], end["ended_by"]) == (True, 200, "caller")
    assert HOLD - 5 <= end["duration_ms"] < 30_000
    proxy.stop()


def test_callee_hangs_up(stage: Stage) -> None:
    load = Load(hold=HOLD)
    callee = stage.callee("callee_hangs_up", load)
    proxy = stage.proxy(Setting(callee.port))
    caller = stage.caller("caller_hears_bye", proxy.address, load=load)

    assert_clean(caller)
    assert_clean(callee)

    _, end = one_call(proxy)
    assert (end["answered"], end["ended_by"]) == (True, "callee")
    assert HOLD - 5 <= end["duration_ms"] < 30_000
    proxy.stop()


@pytest.mark.parametrize(
    ("status", "ring"),
    [pytest.param(486, 50, id="busy"), pytest.param(480, 1200, id="no-answer")],
)
def test_refusal_of_the_callee_is_passed_back(stage: Stage, status: int, ring: int) -> None:
    callee = stage.callee(f"callee_refuses:{status}", Load(hold=ring))
    proxy = stage.proxy(Setting(callee.port))
    caller = stage.caller(f"caller_refused:{status}", proxy.address)

    assert_clean(caller)
    assert_clean(callee)

    verdict, end = one_call(proxy)
    assert verdict["verdict"] == "pass"
    assert (end["answered"], end["status"], end["duration_ms"], end["ended_by"]) == (
        False,
        status,
        0,
        "callee",
    )
    assert end["ring_ms"] >= ring - 5
    proxy.stop()


def test_cancelled_while_it_rings(stage: Stage) -> None:
    callee = stage.callee("callee_cancelled")
    proxy = stage.proxy(Setting(callee.port))
    caller = stage.caller("caller_cancels", proxy.address)

    assert_clean(caller)
    assert_clean(callee)

    _, end = one_call(proxy)
    assert (end["answered"], end["status"], end["ended_by"]) == (False, 487, "caller")
    proxy.stop()


def test_cancelled_before_the_callee_says_anything(stage: Stage) -> None:
    """RFC 3261 §9.1: the CANCEL waits for a provisional response, else the callee's scenario fails."""
    callee = stage.callee("callee_cancelled_late", Load(hold=900))
    proxy = stage.proxy(Setting(callee.port))
    caller = stage.caller("caller_cancels_early", proxy.address, load=Load(hold=200))

    caller.wait()  # the proxy repeats its INVITE meanwhile (Timer A): that is its duty, not a fault
    callee.wait()

    _, end = one_call(proxy)
    assert (end["answered"], end["status"], end["ended_by"]) == (False, 487, "caller")
    proxy.stop()


def test_a_callee_that_only_rings_is_given_up(stage: Stage) -> None:
    """Timer C (RFC 3261 §16.8): CANCEL to the callee, 408 to the caller."""
    callee = stage.callee("callee_cancelled")
    proxy = stage.proxy(Setting(callee.port, ring_timeout="1s"))
    caller = stage.caller("caller_refused:408", proxy.address)

    assert_clean(caller)
    assert_clean(callee)

    _, end = one_call(proxy)
    assert (end["answered"], end["status"], end["ended_by"]) == (False, 408, "timeout")
    proxy.stop()


def test_reinvites_both_ways_are_no_new_calls(stage: Stage) -> None:
    load = Load(hold=HOLD)
    callee = stage.callee("callee_reinvites", load)
    proxy = stage.proxy(Setting(callee.port))
    caller = stage.caller("caller_reinvites", proxy.address, load=load)

    assert_clean(caller)
    assert_clean(callee)

    _, end = one_call(proxy)
    assert (end["answered"], end["ended_by"]) == (True, "caller")
    proxy.stop()


def test_call_from_the_core_goes_to_the_trunk_that_owns_the_number(stage: Stage) -> None:
    gateway, core = free_port(), free_port()
    load = Load(hold=HOLD)
    callee = stage.callee("callee_answered", load, at=(CALLER, gateway))
    proxy = stage.proxy(Setting(core, gateway_port=gateway))
    who = Who(number="+8613800138000", called=ALLOCATED, host=CORE)
    caller = stage.caller("caller_answered", proxy.address, who, load, at=(CORE, core))

    assert_clean(caller)
    assert_clean(callee)

    verdict, end = one_call(proxy)
    assert (verdict["verdict"], verdict["callee_trunk"]) == ("pass", "acme-1")
    assert verdict["next_hop"] == f"{CALLER}:{gateway}"
    assert end["answered"] is True
    proxy.stop()


def test_several_via_values_in_one_field_of_a_response(stage: Stage) -> None:
    """SIPp answers with `Via: ours, theirs` in one line: the caller must get its own value back, alone."""
    callee = stage.callee("callee_answered")
    proxy = stage.proxy(Setting(callee.port))
    caller = stage.caller("caller_answered", proxy.address)

    assert_clean(caller)
    assert_clean(callee)

    combined = [line for message in callee.messages("sent") for line in message.split(b"\r\n") if b"Via:" in line]
    assert any(b"," in line for line in combined), "SIPp no longer combines: this test proves nothing"
    for message in caller.messages("received"):
        vias = [line for line in message.split(b"\r\n") if line.lower().startswith(b"via:")]
        assert len(vias) == 1
        assert b"," not in vias[0]
        assert b"z9hG4bK-" in vias[0]
    proxy.stop()
