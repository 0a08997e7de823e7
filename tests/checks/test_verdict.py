"""The verdict: policy and mode over the outcomes of all checks."""

from __future__ import annotations

from array import array

import pytest

from proxy.call.directory import Directory
from proxy.call.trunk import Mode, RuleAction
from proxy.checks import CHAIN
from proxy.checks.base import Answer, Facts, Outcome, Verdict
from proxy.checks.policy import effective
from proxy.checks.verdict import PHRASES, judge
from tests.checks.calls import TODAY, call, facts, trunk
from tests.checks.signed import knowing, signed, verified
from tests.stirshaken.scene import GOOD as GOOD_TOKEN
from tests.stirshaken.scene import STALE, UNSUPPORTED, party

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


def reasons(*values: bytes, **policy: RuleAction) -> Verdict:
    named = {name.replace("__", "."): entry for name, entry in policy.items()}
    asked = signed(*values)
    found = verified(asked) if values else None
    return judge(asked, knowing(asked, "required", verification=found), effective(named, {}), "monitor")


MISSING = 'STIR;cause=428;text="Use Identity Header"'
STALE_REASON = 'STIR;cause=403;text="Stale Date"'
INVALID = 'STIR;cause=438;text="Invalid Identity Header"'
OPEN = 'STIR;cause=436;text="Bad Identity Info"'


ELSEWHERE = party().value(x5u="https://dead.example/x")


def ppi(value: bytes) -> str:
    return f';ppi="..{value.partition(b";")[0].rpartition(b".")[2].decode()}"'


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param((GOOD_TOKEN,), "", id="good"),
        pytest.param((), MISSING, id="missing"),
        pytest.param((STALE,), STALE_REASON, id="one"),
        pytest.param((STALE, b"x"), f"{STALE_REASON}{ppi(STALE)}, {INVALID}", id="two"),
        pytest.param((GOOD_TOKEN, STALE), STALE_REASON + ppi(STALE), id="a-bad-one-beside-a-good-one"),
        pytest.param((UNSUPPORTED,), MISSING, id="not-understood"),
        pytest.param((party().value({"attest": "X", "iat": 1}),), STALE_REASON, id="first-rule-of-a-token"),
        pytest.param((ELSEWHERE, STALE), f"{OPEN}{ppi(ELSEWHERE)}, {STALE_REASON}{ppi(STALE)}", id="unreachable"),
    ],
)  # fmt: skip
def test_each_failed_identity_has_its_reason(values: tuple[bytes, ...], expected: str) -> None:
    made = reasons(*values)
    assert made.advice == expected
    assert made.answer is None or made.answer.reason == expected


def test_an_answer_of_another_rule_tells_both() -> None:
    asked = signed(STALE, caller="<sip:h>;tag=a")
    made = judge(asked, knowing(asked), DEFAULT, "block")
    assert (made.answer.reason if made.answer else "") == f'Q.850;cause=21;text="caller.missing", {STALE_REASON}'
    assert made.advice == ""


def test_attestation_has_no_cause_in_rfc_8224() -> None:
    asked = signed(party().value({"attest": "C"}))
    found = verified(asked, attestation="A")
    made = judge(asked, knowing(asked, verification=found), DEFAULT, "block")
    assert made.answer == Answer(403, "Forbidden", 'Q.850;cause=21;text="identity.attestation"')


@pytest.mark.parametrize(
    ("policy", "advice"),
    [
        ({"identity": RuleAction("ignore")}, ""),
        ({"identity__stale": RuleAction("ignore")}, INVALID),
        ({"identity": RuleAction("tag")}, f"{STALE_REASON}{ppi(STALE)}, {INVALID}"),
    ],
)
def test_nobody_is_told_of_what_is_ignored(policy: dict[str, RuleAction], advice: str) -> None:
    made = reasons(STALE, b"x", **policy)
    assert made.advice == advice


def test_reasons_are_bounded_and_printable() -> None:
    made = reasons(*[party().value({"origid": '"\r\nX: y', "iat": n}) for n in range(8)], b"x", b'";\\', b"z")
    assert made.advice.isascii()
    assert made.advice.isprintable()
    assert (made.advice.count("STIR;"), len(made.advice) < 2000) == (10, True)


@pytest.mark.parametrize("status", [428, 603])
def test_a_chosen_status_keeps_the_cause(status: int) -> None:
    asked = signed(STALE)
    made = judge(asked, knowing(asked), effective({"identity.stale": RuleAction("reject", status)}, {}), "block")
    assert made.answer is not None
    assert (made.answer.status, made.answer.phrase, made.answer.reason) == (status, PHRASES[status], STALE_REASON)
