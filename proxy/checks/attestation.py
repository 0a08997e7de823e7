"""How far the node can vouch for who calls (RFC 8588 §4): what is signed follows from what was checked."""

from __future__ import annotations

from proxy.call.model import Call
from proxy.call.trunk import IdentityTerms
from proxy.checks.base import Outcome, Verdict
from stirshaken.findings import Result
from stirshaken.verify import Verification

PASSED = "TN-Validation-Passed"
FAILED = "TN-Validation-Failed"
NONE = "No-TN-Validation"


def attestation(call: Call, verdict: Verdict, terms: IdentityTerms) -> str:
    """
    The level that a call of a trunk is signed with, "" where it is not.

    A: every number that the call shows is allocated to the trunk. B: the customer is known, the number is not theirs
    (it passes in monitor mode). C: another operator's call that brings no identity: the node is its gateway. Who
    shows no number, and an emergency call, is not signed.
    """
    if not terms.sign or call.emergency or call.in_dialog or not call.caller:
        return ""
    if call.trunk.role == "peer":
        return "" if call.identities else "C"
    if call.trunk.role != "access":
        return ""
    outcomes = [result.outcome for name, result in verdict.results if name in ("trunk", "caller", "display_name")]
    return "A" if all(outcome is Outcome.PASSED for outcome in outcomes) else "B"


def verstat(call: Call, verdict: Verdict, terms: IdentityTerms) -> str:
    """
    What is told of the caller's number (3GPP TS 24.229 §7.2A.20); "" where identities are not looked at. Only full
    attestation says that the caller may use the number: partial and gateway attestation prove no number.
    """
    if call.trunk.role == "core" or terms.verify in (None, "off"):
        return ""
    outcome = next((result.outcome for name, result in verdict.results if name == "identity"), None)
    if outcome is Outcome.FAILED:
        return FAILED
    found = verdict.verification
    if outcome is not Outcome.PASSED or found is None or found.decisive is None:
        return NONE
    return PASSED if proves_number(found) else NONE


def proves_number(found: Verification) -> bool:
    """Whether a verification proves that the caller may use the number."""
    if found.result is not Result.PASSED or found.decisive is None:
        return False
    return bool(found.decisive.claims.get("attest", "A") == "A")  # a base PASSporT has none: it is its signer's word
