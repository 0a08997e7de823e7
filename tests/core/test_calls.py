"""Calls in progress."""

from __future__ import annotations

from proxy.call.model import Call
from proxy.call.trunk import Customer, Trunk
from proxy.core.calls import MAX_LADDER, Calls, CallState
from proxy.core.place import Hop
from proxy.sip.message import parse
from proxy.sip.request import Request
from tests.story import PASS, TRUNK, request

CALL = Call("call-1", Trunk("acme-1", Customer("acme")), "127.0.0.2:5060", "access", "+861", "+862", ())


def state(key: tuple[bytes, bytes] = (b"call-1", b"a"), at: float = 10.0) -> CallState:
    made = CallState(key, CALL, Hop(TRUNK, 0), "127.0.0.2:5060", at)
    made.verdict = PASS
    return made


def test_found_from_either_side() -> None:
    calls = Calls()
    calls.add(state())
    caller = Request(parse(request("BYE", caller="<sip:1@h>;tag=a", to="<sip:2@h>;tag=b")))
    callee = Request(parse(request("BYE", caller="<sip:2@h>;tag=b", to="<sip:1@h>;tag=a")))
    other = Request(parse(request("BYE", caller="<sip:1@h>;tag=x", to="<sip:2@h>;tag=y")))

    assert [calls.find(item)[1] for item in (caller, callee)] == [True, False]
    assert [calls.find(item)[0] is None for item in (caller, callee, other)] == [False, False, True]


def test_counts_by_trunk_follow() -> None:
    calls = Calls()
    first, again = state(), state()
    calls.add(first)
    calls.add(again)

    assert (len(calls), calls.per_trunk, calls.holds(first), calls.holds(again)) == (
        1,
        {"acme-1": 1},
        False,
        True,
    )
    calls.remove(first.key)
    calls.remove(first.key)
    assert (len(calls), calls.per_trunk) == (0, {"acme-1": 0})


def test_older_than() -> None:
    calls = Calls()
    for index in range(3):
        calls.add(state((b"%d" % index, b"a"), at=float(index)))

    assert [item.started_at for item in calls.older_than(1.5)] == [0.0, 1.0]


def test_ladder_is_bounded() -> None:
    made = state()
    for _ in range(2 * MAX_LADDER):
        made.saw(11.0, "in", "x", "INFO")

    assert len(made.ladder) == MAX_LADDER
    assert made.ladder[0] == (1.0, "in", "x", "INFO")


def test_times_of_an_unanswered_call() -> None:
    end = state().ended(17.0, 486, "callee")

    assert end is not None
    assert (end.ring, end.duration, end.answered) == (7.0, 0.0, False)


def test_nothing_to_report_without_a_verdict() -> None:
    made = state()
    made.verdict = None

    assert made.ended(11.0, 487, "caller") is None
    assert made.decided(11.0, None, 0.1) is None
