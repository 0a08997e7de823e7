"""caller: every calling number that the INVITE carries belongs to the trunk that it came from, and is not barred."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from proxy.call.model import REDIRECTING, Call, Claim, Reading
from proxy.checks.base import EVIDENCE, NOT_APPLICABLE, PASSED, Check, Facts, Finding, Outcome, Result

# Fields that state, rather than propose, who calls: two that differ contradict each other.
_STATING: Final = ("P-Asserted-Identity", "Remote-Party-ID")


def judge(call: Call, facts: Facts) -> Result:
    """Hold every claim of the call against the numbers allocated to its trunk."""
    trunk = call.trunk
    if trunk.role == "core":
        return NOT_APPLICABLE
    if trunk.role == "access" and _is_plain(call, facts):
        return PASSED
    callers = [claim for claim in call.claims if claim.header not in REDIRECTING]
    findings = [*_unreadable(call, callers), *_unnamed(call, callers)]
    if trunk.role == "access":
        findings += _not_allocated(call, callers, facts)
        findings += _redirected(call, facts)
    findings += _barred(callers, facts)
    findings += _conflict(callers)
    return Result(Outcome.FAILED, tuple(findings)) if findings else PASSED


def _is_plain(call: Call, facts: Facts) -> bool:
    """The usual good call, settled in one pass: every claim is the same allocated number, and strict screening."""
    claims = call.claims
    number = claims[0].number if claims else ""
    if not number or call.trunk.screening != "strict":
        return False
    for claim in claims:
        if claim.number != number:
            return False
    directory, today = facts.directory, facts.today
    return directory.allocated(call.trunk.id, number, today) and directory.bar(number, today) is None


def _unreadable(call: Call, callers: Iterable[Claim]) -> Iterable[Finding]:
    """caller.malformed: a claim that is neither a number nor anonymity."""
    for claim in callers:
        if claim.reading is Reading.MALFORMED and not _is_free(call, claim):
            yield _finding("caller.malformed", claim, "a telephone number")


def _unnamed(call: Call, callers: list[Claim]) -> Iterable[Finding]:
    """caller.missing and caller.anonymous: nobody can be held to account for the call."""
    named = [claim for claim in callers if claim.reading in (Reading.NUMBER, Reading.MALFORMED)]
    if call.trunk.screening == "asserted" and call.trunk.role == "access":
        if not any(claim.header == "P-Asserted-Identity" for claim in named):
            yield Finding("caller.missing", "P-Asserted-Identity", "", "a P-Asserted-Identity with an allocated number")
        return
    if named:
        return
    hidden = [claim for claim in callers if claim.reading is Reading.ANONYMOUS]
    if hidden:
        yield _finding("caller.anonymous", hidden[0], "a P-Asserted-Identity with the caller's number")
    else:
        yield Finding("caller.missing", "From", callers[0].value[:EVIDENCE] if callers else "", "a calling number")


def _not_allocated(call: Call, callers: Iterable[Claim], facts: Facts) -> Iterable[Finding]:
    """caller.not_allocated: a number that is not this trunk's; one good field excuses no other."""
    for claim in callers:
        if claim.reading is not Reading.NUMBER or _is_free(call, claim):
            continue
        why = facts.directory.why_not(call.trunk.id, claim.number, facts.today)
        if why:
            yield _finding("caller.not_allocated", claim, why)


def _barred(callers: Iterable[Claim], facts: Facts) -> Iterable[Finding]:
    """caller.dno: a number that nobody calls from, whoever brings it."""
    for claim in callers:
        bar = facts.directory.bar(claim.number, facts.today) if claim.number else None
        if bar is not None:
            yield _finding("caller.dno", claim, "a number that calls are made from")


def _redirected(call: Call, facts: Facts) -> Iterable[Finding]:
    """caller.redirected: a redirecting number that is not this trunk's."""
    for claim in call.claims:
        if claim.header in REDIRECTING and not (
            claim.number and facts.directory.allocated(call.trunk.id, claim.number, facts.today)
        ):
            why = facts.directory.why_not(call.trunk.id, claim.number, facts.today) or "a number of this trunk"
            yield _finding("caller.redirected", claim, why)


def _conflict(callers: Iterable[Claim]) -> Iterable[Finding]:
    """caller.conflict: two fields that state who calls, and name different numbers (RFC 3325 §9.1)."""
    stated = [claim for claim in callers if claim.header in _STATING and claim.number]
    for claim in stated[1:]:
        if claim.number != stated[0].number:
            yield _finding("caller.conflict", claim, f"{stated[0].number} as in {stated[0].header}")


def _is_free(call: Call, claim: Claim) -> bool:
    """Whether a trunk may write what it likes into this field: From under asserted screening (CLIP no screening)."""
    return claim.header == "From" and call.trunk.screening == "asserted"


def _finding(rule: str, claim: Claim, expected: str) -> Finding:
    return Finding(rule, claim.header, claim.value[:EVIDENCE], expected)


CHECK: Check = Check(
    name="caller",
    says="Every calling number of the INVITE is allocated to the trunk, and none is barred, today.",
    source="RFC 3325 §9.1",
    judge=judge,
)
