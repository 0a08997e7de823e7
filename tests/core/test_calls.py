"""Calls in progress."""

from __future__ import annotations

import pytest

from proxy.call.model import Call
from proxy.call.trunk import Customer, Trunk
from proxy.core.calls import MAX_HEARD, MAX_LADDER, Calls, CallState
from proxy.core.place import Hop
from proxy.sip.message import parse
from proxy.sip.request import Request
from tests.story import CORE, PASS, TRUNK, request

CALL = Call("call-1", Trunk("acme-1", Customer("acme")), "127.0.0.2:5060", "access", "+861", "+862", ())


INVITE = Request(parse(request("INVITE")))


def state(leg: bytes = b"leg-1", at: float = 10.0) -> CallState:
    made = CallState(leg, INVITE, CALL, Hop(TRUNK, 0), at)
    made.callee = Hop(CORE, 0)
    made.verdict = PASS
    return made


@pytest.mark.parametrize(
    ("caller", "to", "ip", "found"),
    [
        pytest.param("<sip:1@h>;tag=a", "<sip:2@h>;tag=b", TRUNK[0], True, id="caller"),
        pytest.param("<sip:2@h>;tag=b", "<sip:1@h>;tag=a", CORE[0], True, id="callee"),
        pytest.param("<sip:1@h>;tag=a", "<sip:2@h>;tag=b", "192.0.2.9", False, id="from elsewhere"),
        pytest.param("<sip:1@h>;tag=x", "<sip:2@h>;tag=y", TRUNK[0], False, id="another dialog"),
    ],
)
def test_found_from_either_side(caller: str, to: str, ip: str, found: bool) -> None:
    calls = Calls()
    calls.add(state())
    assert (calls.from_side(Request(parse(request("BYE", caller=caller, to=to))), ip) is not None) is found


def test_legs_of_one_call_are_calls_of_their_own() -> None:
    """A softswitch that is a proxy sends a call back with the Call-ID and the tag that it came with."""
    calls = Calls()
    first, second = state(), state(b"leg-2")
    second.caller, second.callee = Hop(CORE, 0), Hop(("127.0.0.3", 5060), 0)
    for leg in (first, second):
        calls.add(leg)
    bye = Request(parse(request("BYE", to="<sip:2@h>;tag=b")))

    assert (len(calls), calls.per_trunk) == (2, {"acme-1": 2})
    assert [calls.from_side(bye, ip) for ip in (TRUNK[0], CORE[0])] == [first, second]
    assert calls.of_leg(b"leg-2") is second
    for leg in (first, first, second):
        calls.remove(leg)
    assert (len(calls), calls.per_trunk, calls.from_side(bye, TRUNK[0])) == (0, {"acme-1": 0}, None)


def test_what_the_far_side_says_is_kept_within_bounds() -> None:
    made = state()
    for index in range(2 * MAX_HEARD):
        made.keep(b"%d" % index, answer=True)
        made.keep(b"%d" % index, answer=True)
    assert (len(made.heard), len(made.answers)) == (MAX_HEARD, MAX_HEARD)


def test_older_than() -> None:
    calls = Calls()
    for index in range(3):
        calls.add(state(b"%d" % index, at=float(index)))

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
