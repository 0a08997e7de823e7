"""The pilot number in place of callers that are not the trunk's: when, where, and what leaves."""

from __future__ import annotations

import pytest

from proxy.call.trunk import RuleAction, Trunk
from proxy.checks import caller
from proxy.checks.base import PASSED, Replacement, Verdict
from proxy.checks.policy import effective
from proxy.checks.replacement import leaving
from proxy.checks.verdict import judge
from tests.checks.calls import GOOD, call, facts, trunk

PILOT = "+862488880000"
FALSE = "<sip:13900139000@h>;tag=a"
ALL = effective({"caller": RuleAction("replace")}, {})
CUSTOMER = trunk(pilot_number=PILOT)


def judged(*fields: str, caller: str = FALSE, on: Trunk = CUSTOMER, mode: str = "block", shows: bool = True) -> Verdict:
    asked = call(*fields, caller=caller, on=on)
    return judge(asked, facts(), ALL, mode, replaces_from=shows)  # type: ignore[arg-type]


PAI = "P-Asserted-Identity: <sip:13900139000@h>"
CASES = [
    pytest.param((), FALSE, Replacement(PILOT, True, True, False), id="false From"),
    pytest.param((PAI,), GOOD, Replacement(PILOT, True, False, False), id="false PAI behind a good From"),
    pytest.param((), "<sip:8001@h>;tag=a", Replacement(PILOT, True, True, False), id="an extension"),
    pytest.param((), "<sip:pbx.example.cn>;tag=a", Replacement(PILOT, True, True, False), id="nobody"),
    pytest.param(
        ("Diversion: <sip:13900139000@h>",), GOOD, Replacement(PILOT, False, False, True), id="false Diversion"
    ),
    pytest.param(
        (),
        "<sip:anonymous@anonymous.invalid>;tag=a",
        Replacement(PILOT, True, False, False, hidden=True),
        id="hidden: From stays, and what is added is hidden too",
    ),
    pytest.param(
        ("Privacy: id",),
        "<sip:anonymous@anonymous.invalid>;tag=a",
        Replacement(PILOT, True, False, False),
        id="hidden, and said so",
    ),
    pytest.param(
        ("Remote-Party-ID: <sip:13900139000@h>;party=calling;privacy=full",),
        GOOD,
        Replacement(PILOT, True, False, False, hidden=True),
        id="privacy of a Remote-Party-ID that goes",
    ),
    pytest.param(
        ("Remote-Party-ID: <sip:13900139000@h>;party=calling;privacy=off",),
        GOOD,
        Replacement(PILOT, True, False, False),
        id="a Remote-Party-ID that may be seen",
    ),
    pytest.param(
        ("P-Asserted-Identity: <sip:02488880001@h>", "P-Asserted-Identity: <sip:02488880002@h>"),
        GOOD,
        Replacement(PILOT, True, False, False),
        id="two good ones that differ",
    ),
]


@pytest.mark.parametrize(("fields", "caller", "expected"), CASES)
def test_where_it_goes(fields: tuple[str, ...], caller: str, expected: Replacement) -> None:
    made = judged(*fields, caller=caller)

    assert (made.action, made.enforced, made.answer, made.marks.replacement) == ("replace", True, None, expected)
    assert made.findings


@pytest.mark.parametrize(("fields", "caller_", "expected"), CASES)
def test_what_leaves_is_the_trunks_own(fields: tuple[str, ...], caller_: str, expected: Replacement) -> None:
    asked = call(*fields, caller=caller_, on=CUSTOMER)
    leaves = leaving(asked, expected)

    assert caller.judge(leaves, facts()) == PASSED
    assert leaves.caller == (PILOT if expected.caller else asked.caller)


def test_from_stays_where_it_is_not_asked_for() -> None:
    made = judged(shows=False)
    assert made.marks.replacement == Replacement(PILOT, True, False, False)


def test_monitor_changes_nothing() -> None:
    made = judged(mode="monitor")
    assert (made.action, made.enforced, made.marks.replacement) == ("replace", False, None)


@pytest.mark.parametrize(
    "pilot", ["", "+862477770000", "+862466660000"], ids=["none", "of another customer", "not any more"]
)
def test_without_a_pilot_of_its_own_it_rejects(pilot: str) -> None:
    made = judged(on=trunk(pilot_number=pilot))
    assert (made.action, made.answer and made.answer.status, made.marks.replacement) == ("reject", 403, None)


def test_what_is_rejected_beside_it_rejects() -> None:
    made = judged(caller='"10086" <sip:13900139000@h>;tag=a')  # a display name is no number to replace
    assert made.action == "reject"


def test_emergency_calls_are_never_altered() -> None:
    made = judge(call(caller=FALSE, to="sip:110@h", on=CUSTOMER), facts(), ALL, "block", replaces_from=True)
    assert (made.action, made.marks.replacement) == ("pass", None)


def test_tokens_of_somebody_else_do_not_leave() -> None:
    asked = call("Identity: x", caller=FALSE, on=CUSTOMER)
    assert asked.identities
    assert leaving(asked, Replacement(PILOT, True, False, False)).identities == ()
    assert leaving(asked, Replacement(PILOT, False, False, True)).identities == asked.identities
