"""Reports as the core makes them."""

from __future__ import annotations

from proxy.checks.base import Answer, Finding, Verdict
from proxy.core.actions import Decided, Ended, Refused
from tests.checks.calls import call

REJECT = Verdict(
    "reject",
    enforced=True,
    mode="block",
    findings=(
        Finding("caller.not_allocated", "From", "<sip:+8613800138000@h>", "a number allocated to trunk acme-1"),
        Finding("caller.not_allocated", "P-Asserted-Identity", "<sip:+8613800138000@h>", "likewise"),
    ),
    answer=Answer(403, "Forbidden"),
)
WOULD = Verdict("reject", enforced=False, mode="monitor", findings=REJECT.findings, answer=REJECT.answer)
CALL = call(
    "P-Asserted-Identity: <sip:+862488880002@h>, <tel:+862488880003>",
    "P-Preferred-Identity: <sip:alice@h>",
    "Diversion: <sip:+862488880009@h>",
    caller="<sip:+8613800138000@h>;tag=a",
)
LADDER = ((0.0, "in", "127.0.0.2:5060", "INVITE"), (0.0014, "out", "127.0.0.2:5060", "403 Forbidden"))


def decided(verdict: Verdict = REJECT, at: float = 100.0) -> Decided:
    """The report of a verdict."""
    return Decided(
        at,
        CALL,
        verdict,
        403 if verdict.enforced else None,
        "" if verdict.enforced else "10.0.0.1:5060",
        "core",
        0.000123,
    )


def ended(at: float = 103.0) -> Ended:
    """The report of an end."""
    return Ended(at, CALL, REJECT, "core", "10.0.0.1:5060", 200, True, 1.5, 1.5, "caller", LADDER)


def refused() -> Refused:
    """The report of a stranger."""
    return Refused(100.0, "192.0.2.9:5060", "access", "x", "INVITE", "sip:+8613800138000@h", "sip:110@h")
