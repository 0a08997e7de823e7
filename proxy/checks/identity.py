"""identity: the signed identity of the call proves who calls, as far as the trunk's terms ask for it."""

from __future__ import annotations

from typing import Final

from proxy.call.model import REDIRECTING, Call
from proxy.call.signed import orig_of, signed_call
from proxy.checks.base import EVIDENCE, NOT_APPLICABLE, PASSED, Check, Facts, Finding, Outcome, Result
from stirshaken.claims import ASIDES, SignedCall
from stirshaken.findings import Result as Verified
from stirshaken.findings import Rule
from stirshaken.verify import Identity, Verification

HEADER: Final = "Identity"
_SHOWN: Final = ("attest", "orig", "dest", "div", "iat")
# Fields that phones or the core may show or take for the caller's; Diversion and History-Info name others.
_SHOWING: Final = ("P-Asserted-Identity", "P-Preferred-Identity", "Remote-Party-ID", "From")


def asked(call: Call, facts: Facts) -> SignedCall:
    """
    What the tokens of a call are held against. A token for a number of the trunk that diverts the call is as good
    as one for who is called: the trunk may divert from it, and the call is signed so on its way (RFC 8946 §4.1).
    """
    return signed_call(call, diverting(call, facts)) if call.trunk.role == "access" else signed_call(call)


def diverting(call: Call, facts: Facts) -> tuple[str, ...]:
    """The numbers of the trunk that a call says it was diverted from."""
    return tuple(
        claim.number
        for claim in call.claims
        if claim.header in REDIRECTING
        and claim.number
        and facts.directory.allocated(call.trunk.id, claim.number, facts.today)
    )


def looks(call: Call, facts: Facts) -> bool:
    """Whether the tokens of a call have to be verified."""
    return bool(call.identities) and call.trunk.role != "core" and facts.terms.verify not in (None, "off")


def judge(call: Call, facts: Facts) -> Result:
    """Turn a verification into findings, under the trunk's terms."""
    required = facts.terms.verify == "required" and not call.in_dialog
    if call.trunk.role == "core" or facts.terms.verify in (None, "off"):
        return NOT_APPLICABLE
    if not call.identities:
        return _missing("an Identity field") if required else NOT_APPLICABLE
    found = facts.verification
    if found is None:
        return Result(Outcome.UNAVAILABLE, cause="identity was not verified")
    if found.result is Verified.PASSED:
        return _shown_too(call)
    findings = tuple(_findings(found))
    if found.result is Verified.UNKNOWN:
        return _unknown(found, findings)
    if required and any(each.rule is Rule.MISSING for each in found.findings):
        return _missing("an Identity field of a type that is understood")  # div alone says only who was called before
    return Result(Outcome.FAILED, findings) if findings else NOT_APPLICABLE


def _missing(expected: str) -> Result:
    return Result(Outcome.FAILED, (Finding("identity.missing", HEADER, "", expected),))


def _unknown(found: Verification, findings: tuple[Finding, ...]) -> Result:
    """One token at least could not be judged: nothing is proved against the call, whatever became of the others."""
    open_ = tuple(each for each in findings if each.rule == "identity.unreachable")
    cause = next((check.detail for check in found.checks if check.ok is None and check.detail), "not every check made")
    return Result(Outcome.UNAVAILABLE, open_, cause)


def _shown_too(call: Call) -> Result:
    """One caller is signed; no other field of a strict trunk may show anybody else to the called."""
    if call.trunk.screening == "asserted":
        return PASSED
    signed = orig_of(call).value
    other = [
        claim
        for claim in call.claims
        if claim.header in _SHOWING and claim.number.removeprefix("+") not in ("", signed)
    ]
    expected = f"{signed}, whom the identity names"
    findings = tuple(
        Finding("identity.mismatch", claim.header, claim.value[:EVIDENCE], expected) for claim in other[:1]
    )
    return Result(Outcome.FAILED, findings) if findings else PASSED


def _findings(found: Verification) -> list[Finding]:
    """The findings of every Identity that failed or could not be judged, in wire order; asides prove no caller."""
    return [
        Finding(f"identity.{each.rule}", HEADER, claims_text(identity), each.detail, nth)
        for nth, identity in enumerate(found.identities, 1)
        for each in identity.findings
        if each.rule is not Rule.MISSING and identity.ppt not in ASIDES
    ]


def claims_text(identity: Identity) -> str:
    """The claims of a token in one line, as evidence: nothing of it is proven."""
    header, claims = identity.header, identity.claims
    said = {"ppt": header.get("ppt"), **{name: claims.get(name) for name in _SHOWN}, "x5u": header.get("x5u")}
    return " ".join(f"{name}={_plain(value)}" for name, value in said.items() if value is not None)[:EVIDENCE]


def _plain(value: object) -> str:
    """A claim in one line of printable characters."""
    if isinstance(value, dict):
        return ",".join(f"{_plain(key)}:{_plain(item)}" for key, item in value.items())
    if isinstance(value, list):
        return "/".join(map(_plain, value))
    return "".join(character if character.isprintable() else "?" for character in str(value))[:EVIDENCE]


CHECK: Check = Check(
    name="identity",
    says="A signed identity, where there is one or must be one, is valid and names this caller and this called.",
    source="RFC 8224 §6.2",
    judge=judge,
)
