"""How far the node can vouch for who calls (RFC 8588 §4): what is signed follows from what was checked."""

from __future__ import annotations

from proxy.call.model import Call
from proxy.call.signed import orig_of
from proxy.checks import caller, display_name, trunk
from proxy.checks.base import Facts, Outcome, Verdict
from stirshaken import claims
from stirshaken.findings import Result
from stirshaken.numbers import Identifier
from stirshaken.verify import Identity, Verification

PASSED = "TN-Validation-Passed"
FAILED = "TN-Validation-Failed"
NONE = "No-TN-Validation"
_NO_CALLER = frozenset({claims.DIV}) | claims.ASIDES  # tokens that prove no caller by themselves


def attestation(call: Call, verdict: Verdict, facts: Facts) -> str:
    """
    The level that a call of a trunk is signed with, "" where it is not.

    A: every number that the call shows is allocated to the trunk. B: the customer is known, a number is not theirs
    (it passes in monitor mode, or stands in a From that nobody screens). C: another operator's call that brings no
    identity: the node is its gateway. Who shows no number, and an emergency call, is not signed. Of a call whose caller
    is replaced, `call` is what leaves.
    """
    if not facts.terms.sign or call.emergency or call.in_dialog or not call.caller:
        return ""
    if call.trunk.role == "peer":
        return "" if call.identities else "C"
    if call.trunk.role != "access":
        return ""
    if verdict.marks.replacement is None:
        outcomes = [result.outcome for name, result in verdict.results if name in ("trunk", "caller", "display_name")]
    else:  # `call` is what leaves: nobody has looked at that yet
        outcomes = [check.judge(call, facts).outcome for check in (trunk.CHECK, caller.CHECK, display_name.CHECK)]
    return "A" if all(outcome is Outcome.PASSED for outcome in outcomes) and _owns_from(call, facts) else "B"


def _owns_from(call: Call, facts: Facts) -> bool:
    """Whether a number in From is the trunk's: where the caller is asserted, no check looks at it."""
    numbers = [claim.number for claim in call.claims if claim.header == "From" and claim.number]
    return all(facts.directory.allocated(call.trunk.id, number, facts.today) for number in numbers)


def verstat(call: Call, verdict: Verdict, facts: Facts) -> str:
    """
    What is told of the caller's number (3GPP TS 24.229 §7.2A.20); "" where identities are not looked at. Only full
    attestation says that the caller may use the number: partial and gateway attestation prove no number. It is said in
    every P-Asserted-Identity, else in From, so all of them must be the number that is signed.
    """
    if call.trunk.role == "core" or facts.terms.verify in (None, "off"):
        return ""
    if call.trunk.role == "access" and not call.identities:
        return ""  # what we vouch for ourselves is signed, not marked
    outcome = next((result.outcome for name, result in verdict.results if name == "identity"), None)
    if outcome is Outcome.FAILED:
        return FAILED
    found = verdict.verification
    if outcome is not Outcome.PASSED or found is None:
        return NONE
    return PASSED if proves_number(found) and _marks_signed(call) else NONE


def proves_number(found: Verification) -> bool:
    """Whether a verification proves that the caller may use the number: any of its valid tokens will do."""
    return found.result is Result.PASSED and any(map(_vouches, found.identities))


def _vouches(identity: Identity) -> bool:
    """
    Whether a token is valid and says that the caller may use the number, as a base PASSporT does by itself; of one
    that carries another (div-o) the one within says who calls.
    """
    if identity.result is not Result.PASSED or identity.ignored or identity.ppt in _NO_CALLER:
        return False
    return bool((identity.original or identity.claims).get("attest", "A") == "A")


def _marks_signed(call: Call) -> bool:
    """Whether what a verstat is put on is what is signed, and nothing else."""
    asserted = [claim for claim in call.claims if claim.header == "P-Asserted-Identity"]
    marked = asserted or [claim for claim in call.claims if claim.header == "From"]
    return {Identifier("tn", claim.number.removeprefix("+")) for claim in marked} == {orig_of(call)}
