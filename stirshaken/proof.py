"""What certificates prove of a PASSporT: a chain to an anchor, the signature, the number, the claims."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from stirshaken import claims, constraints, passport
from stirshaken.certificate import Validated, covers
from stirshaken.errors import MalformedError
from stirshaken.findings import Check, Finding, Rule
from stirshaken.numbers import Identifier
from stirshaken.passport import Passport

# Causes without a certificate that prove a fault of the signer's, as stirshaken.fetch and .repository name them;
# any other one proves nothing.
_PROVED: Final[Mapping[str, tuple[Rule, str]]] = {
    "refused_url": (Rule.INVALID, "x5u is no URL that certificates may have"),
    "unusable": (Rule.UNTRUSTED, "there is no certificate chain at x5u"),
    "expired": (Rule.UNTRUSTED, "the certificate at x5u has expired"),
}
NOT_FETCHED: Final = "not fetched"


@dataclass(slots=True)
class Ledger:
    """The checks and findings of one Identity value, in their order; `prefix` stands before the names of checks."""

    checks: list[Check] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    prefix: str = ""

    def add(self, check: Check, rule: Rule) -> None:
        """Write a check down, and the finding where it failed and counts."""
        self.checks.append(replace(check, name=self.prefix + check.name) if self.prefix else check)
        if check.ok is False and check.counts:
            self.find(rule, check.detail)

    def open(self, name: str, detail: str) -> None:
        """Write down a check that could not be made."""
        self.checks.append(Check(self.prefix + name, None, detail))

    def find(self, rule: Rule, detail: str) -> None:
        """Write a finding down."""
        self.findings.append(Finding(rule, detail))


def certified(
    ledger: Ledger, token: Passport, found: Validated | str, now: float, *, spc_suffices: bool, asked: bool = True
) -> None:
    """
    Add what depends on the certificate.

    Args:
        ledger: What is written to.
        token: Whose certificate it is.
        found: The verdict on its chain, or why there is none (a reason of stirshaken.repository).
        now: The moment, in epoch seconds.
        spc_suffices: Whether a certificate for a service provider speaks for every number.
        asked: Whether anybody was to fetch the certificate; else it is no finding that there is none.
    """
    if isinstance(found, str):
        _add_cause(ledger, found, asked)
        return
    _add_validated(ledger, found, now)
    _add_signature(ledger, found, token)
    _add_coverage(ledger, found, token, spc_suffices)
    if found.constraints is not None:
        fault = constraints.check(found.constraints, token.claims) or ""
        ledger.add(Check("constraints", not fault, fault), Rule.NOT_AUTHORISED)


def _add_cause(ledger: Ledger, cause: str, asked: bool) -> None:
    rule, detail = _PROVED.get(cause, (Rule.UNREACHABLE, f"no certificate: {cause}"))
    ledger.add(Check("certificate", None if rule is Rule.UNREACHABLE else False, detail), rule)
    if rule is Rule.UNREACHABLE and asked:
        ledger.find(rule, detail)
    for name in ("signature", "coverage"):
        ledger.open(name, "no certificate")


def _add_validated(ledger: Ledger, found: Validated, now: float) -> None:
    """The verdict on the chain, made just now or kept since some call before."""
    ledger.add(Check("certificate", True), Rule.UNTRUSTED)
    ledger.findings += found.findings
    for check in found.checks:
        ledger.checks.append(replace(check, name=f"{ledger.prefix}certificate.{check.name}"))
        if check.open:
            ledger.find(Rule.UNREACHABLE, check.detail)
    if int(now) > found.not_after and not found.findings:
        ledger.add(Check("certificate.dates", False, "certificate has expired"), Rule.UNTRUSTED)


def _add_signature(ledger: Ledger, found: Validated, token: Passport) -> None:
    if found.public_key is None:
        ledger.open("signature", "certificate has no P-256 key")
        return
    ok = passport.verify_signature(found.public_key, token.signing_input, token.signature)
    ledger.add(Check("signature", ok, "" if ok else "signature is not the certificate's"), Rule.INVALID)


def _add_coverage(ledger: Ledger, found: Validated, token: Passport, spc_suffices: bool) -> None:
    """A diversion is signed for who diverts (RFC 8946 §4.1), all else for who calls (RFC 8224 §7)."""
    if found.authority is None:
        ledger.open("coverage", "certificate lists no number and no provider")
        return
    who = _signed_for(token)
    if who is None:
        ledger.open("coverage", "div cannot be read")
        return
    fault = ""
    if who.kind != "tn":
        fault = "certificate speaks for numbers, not for URIs"
    elif not covers(found, who.value, spc_suffices=spc_suffices):
        fault = "certificate does not cover the number"
    ledger.add(Check("coverage", not fault, fault), Rule.NOT_AUTHORISED)


def _signed_for(token: Passport) -> Identifier | None:
    if token.ppt not in claims.DIVERSIONS:
        return token.orig
    try:
        return claims.diverted(token.claims)
    except MalformedError:
        return None
