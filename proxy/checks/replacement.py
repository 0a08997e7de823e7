"""The trunk's own pilot number in place of callers that are not its: when that can be done, and what leaves then."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from proxy.call.extract import is_private
from proxy.call.model import REDIRECTING, Call, Claim, Reading
from proxy.checks.base import Facts, Finding, Replacement

REDIRECTED = "caller.redirected"


def replacement(call: Call, facts: Facts, findings: Iterable[Finding], *, shows: bool) -> Replacement | None:
    """
    What takes the place of the numbers that `findings` are about; None where the trunk has no pilot number that is
    its own today. `shows`: in From as well, unless that hides who calls, which stays hidden.
    """
    number, directory = call.trunk.pilot_number, facts.directory
    if not directory.allocated(call.trunk.id, number, facts.today) or directory.bar(number, facts.today) is not None:
        return None
    about = [finding for finding in findings if finding.rule != REDIRECTED]
    named = [finding for finding in about if finding.header == "From" and finding.rule != "caller.anonymous"]
    diverted = any(finding.rule == REDIRECTED for finding in findings)
    return Replacement(number, bool(about), shows and bool(named), diverted, bool(about) and _hides(call))


def leaving(call: Call, given: Replacement) -> Call:
    """The call as the next hop reads it, so that what is signed and logged is what is sent."""
    claims = []
    for claim in call.claims:
        if claim.header in REDIRECTING:
            kept = not given.diverted
        elif claim.header == "From":
            kept = not given.shown
        else:
            kept = not given.caller
        if kept:
            claims.append(claim)
    if given.shown:
        claims.insert(0, _claim("From", given.number))
    if given.caller:
        claims.append(_claim("P-Asserted-Identity", given.number))
    if given.diverted:
        claims.append(_claim("Diversion", given.number))
    if not given.caller:
        return replace(call, claims=tuple(claims))
    # the tokens that it brought speak of somebody else
    return replace(call, caller=given.number, claims=tuple(claims), identities=(), resource_priority=(), priority="")


def _claim(header: str, number: str) -> Claim:
    return Claim(header, f"<sip:{number}>", number, number, Reading.NUMBER)


def _hides(call: Call) -> bool:
    """Whether a wish for privacy goes with what is replaced, or would not reach as far as the number that is added."""
    if call.privacy:
        return False
    if any(claim.header == "Remote-Party-ID" and is_private(claim) for claim in call.claims):
        return True
    anonymous = any(claim.header == "From" and claim.reading is Reading.ANONYMOUS for claim in call.claims)
    return anonymous and not any(claim.header == "P-Asserted-Identity" for claim in call.claims)
