"""From the outcomes of all checks to the verdict: the one place that knows policy, mode and SIP answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from proxy.call.model import Call
from proxy.call.trunk import Mode, RuleAction
from proxy.checks import CHAIN
from proxy.checks.base import Answer, Check, Facts, Finding, Outcome, Result, Verdict

PHRASES: Final = {
    403: "Forbidden",
    404: "Not Found",
    433: "Anonymity Disallowed",
    480: "Temporarily Unavailable",
    503: "Service Unavailable",
    603: "Decline",
    607: "Unwanted",
    608: "Rejected",
}
# Q.850 cause 21, call rejected (RFC 3326 §2)
_CAUSE: Final = "Q.850;cause=21"


def judge(call: Call, facts: Facts, policy: Mapping[str, RuleAction], mode: Mode) -> Verdict:
    """Run every check on a call and say what follows. Total: a check that breaks is an outcome like any other."""
    results = tuple([(check.name, _run(check, call, facts)) for check in CHAIN])
    found = False
    for _, result in results:
        found = found or bool(result.findings)
    if not found:
        return Verdict("pass", True, mode, (), results)
    findings = tuple(
        finding
        for _, result in results
        for finding in result.findings
        if finding.rule not in policy or policy[finding.rule].action != "ignore"
    )
    rejecting = None
    if not call.emergency:
        rejecting = next((item for item in findings if policy[item.rule].action == "reject"), None)
    if rejecting is None:
        return Verdict("pass", enforced=True, mode=mode, findings=findings, results=results)
    answer = answer_to(rejecting, policy[rejecting.rule])
    return Verdict("reject", mode == "block", mode, findings, results, answer)


def answer_to(finding: Finding, action: RuleAction) -> Answer:
    """The SIP answer that a finding rejects a call with; its Reason names the rule (RFC 3326)."""
    status = action.status or 403
    return Answer(status, PHRASES.get(status, "Rejected"), f'{_CAUSE};text="{finding.rule}"')


def _run(check: Check, call: Call, facts: Facts) -> Result:
    try:
        return check.judge(call, facts)
    except Exception as error:  # noqa: BLE001  # a defect of ours must not decide a call: unavailable, recorded, counted
        return Result(Outcome.UNAVAILABLE, cause=f"check-crashed: {type(error).__name__}")
