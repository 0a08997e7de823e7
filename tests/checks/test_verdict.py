"""The verdict: policy and mode over the outcomes of all checks."""

from __future__ import annotations

from array import array

import pytest

from proxy.call.directory import Directory
from proxy.call.trunk import Mode, RuleAction
from proxy.checks import CHAIN
from proxy.checks.base import Facts, Outcome
from proxy.checks.policy import effective
from proxy.checks.verdict import judge
from tests.checks.calls import TODAY, call, facts, trunk

SPOOFED = '"10086" <sip:02477770000@h>;tag=a'
DEFAULT = effective({}, {})


@pytest.mark.parametrize("mode", ["block", "monitor"])
def test_mode_changes_what_is_done_and_nothing_else(mode: Mode) -> None:
    verdict = judge(call(caller=SPOOFED), facts(), DEFAULT, mode)

    assert [finding.rule for finding in verdict.findings] == ["caller.not_allocated", "caller.display_name"]
    assert (verdict.action, verdict.enforced, verdict.mode) == ("reject", mode == "block", mode)
    assert verdict.answer is not None
    assert (verdict.answer.status, verdict.answer.phrase) == (403, "Forbidden")
    assert verdict.answer.reason == 'Q.850;cause=21;text="caller.not_allocated"'


def test_good_call() -> None:
    verdict = judge(call(), facts(), DEFAULT, "block")

    assert (verdict.action, verdict.findings, verdict.answer) == ("pass", (), None)
    assert [name for name, _ in verdict.results] == [check.name for check in CHAIN]


def test_emergency_is_never_rejected() -> None:
    verdict = judge(call(caller=SPOOFED, to="sip:110@h", on=trunk(suspended=True)), facts(), DEFAULT, "block")

    assert verdict.action == "pass"
    assert len(verdict.findings) == 3


@pytest.mark.parametrize(
    ("policy", "action", "status", "rules"),
    [
        ({"caller": RuleAction("tag")}, "pass", None, 2),
        ({"caller": RuleAction("ignore")}, "pass", None, 0),
        ({"caller.not_allocated": RuleAction("tag")}, "reject", 403, 2),
        ({"caller.not_allocated": RuleAction("reject", 603)}, "reject", 603, 2),
    ],
)
def test_policy(policy: dict[str, RuleAction], action: str, status: int | None, rules: int) -> None:
    verdict = judge(call(caller=SPOOFED), facts(), effective(policy, {}), "block")

    assert (verdict.action, len(verdict.findings)) == (action, rules)
    assert (verdict.answer.status if verdict.answer else None) == status


def test_anonymous_has_a_status_of_its_own() -> None:
    anonymous = call(caller="<sip:anonymous@anonymous.invalid>;tag=a")
    answer = judge(anonymous, facts(), DEFAULT, "block").answer

    assert answer is not None
    assert (answer.status, answer.phrase) == (433, "Anonymity Disallowed")


def test_broken_check_is_unavailable_and_rejects_nobody() -> None:
    broken = Directory({}, {}, array("Q", [0]), array("Q"), array("I"), ())  # its arrays are torn

    verdict = judge(call(), Facts(broken, TODAY), DEFAULT, "block")

    assert dict(verdict.results)["caller"].outcome is Outcome.UNAVAILABLE
    assert dict(verdict.results)["caller"].cause == "check-crashed: IndexError"
    assert verdict.action == "pass"
