"""traffic: a trunk begins no more calls, and has no more of them in progress, than its contract says."""

from __future__ import annotations

from proxy.call.model import Call
from proxy.checks.base import NOT_APPLICABLE, PASSED, Check, Facts, Finding, Outcome, Result


def judge(call: Call, facts: Facts) -> Result:  # noqa: ARG001  # checks are alike
    """Find trunks that go beyond their limits."""
    load, limits = call.load, call.trunk.limits
    if load is None or call.trunk.role == "core":
        return NOT_APPLICABLE
    findings: list[Finding] = []
    if load.too_fast:
        expected = f"at most {limits.calls_per_second} calls a second"
        findings.append(Finding("traffic.rate", value=call.trunk.id, expected=expected))
    if limits.concurrent is not None and load.in_progress >= limits.concurrent:
        expected = f"at most {limits.concurrent} calls in progress"
        findings.append(Finding("traffic.concurrent", value=call.trunk.id, expected=expected))
    return Result(Outcome.FAILED, tuple(findings)) if findings else PASSED


CHECK: Check = Check(
    name="traffic",
    says="The trunk begins no more calls, and has no more in progress, than its limits allow.",
    source="RFC 7339 §5.10.2",
    judge=judge,
)
