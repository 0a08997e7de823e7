"""trunk: the trunk may place calls at all."""

from __future__ import annotations

from proxy.call.model import Call
from proxy.checks.base import NOT_APPLICABLE, PASSED, Check, Facts, Finding, Outcome, Result


def judge(call: Call, facts: Facts) -> Result:
    """Find trunks and customers that are suspended, and trunks outside their contract's days."""
    trunk = call.trunk
    if trunk.role == "core":
        return NOT_APPLICABLE
    findings: list[Finding] = []
    if trunk.suspended:
        findings.append(Finding("trunk.suspended", value=trunk.id, expected="an active trunk"))
    elif trunk.customer.suspended:
        findings.append(Finding("trunk.suspended", value=trunk.customer.id, expected="an active customer"))
    if trunk.valid_from is not None and facts.today < trunk.valid_from:
        findings.append(Finding("trunk.expired", value=trunk.id, expected=f"a day from {trunk.valid_from} on"))
    elif trunk.valid_to is not None and facts.today > trunk.valid_to:
        findings.append(Finding("trunk.expired", value=trunk.id, expected=f"a day up to {trunk.valid_to}"))
    return Result(Outcome.FAILED, tuple(findings)) if findings else PASSED


CHECK: Check = Check(
    name="trunk",
    says="The trunk and its customer are active, and today is a day of its contract.",
    source="RFC 3325 §9.1",
    judge=judge,
)
