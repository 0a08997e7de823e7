"""Verifies the Identity fields of a call (RFC 8224 §6.2): octets, certificates and a moment in, a verdict out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from stirshaken import claims, constraints, identity, media, passport
from stirshaken.certificate import Validated, covers
from stirshaken.claims import Demands, Facts, SignedCall
from stirshaken.errors import MalformedError
from stirshaken.findings import Check, Finding, Result, Rule
from stirshaken.identity import IdentityField
from stirshaken.numbers import Identifier
from stirshaken.passport import Passport, UnsupportedError

MAX_VALUES: Final = 10  # Identity values that are looked at: a chain of six and some for other purposes

# Causes without a certificate that prove a fault of the signer's, as stirshaken.fetch and .repository name them;
# any other one proves nothing.
_PROVED: Final[Mapping[str, tuple[Rule, str]]] = {
    "refused_url": (Rule.INVALID, "x5u is no URL that certificates may have"),
    "unusable": (Rule.UNTRUSTED, "there is no certificate chain at x5u"),
    "expired": (Rule.UNTRUSTED, "the certificate at x5u has expired"),
}
_NOT_FETCHED: Final = "not fetched"


@dataclass(frozen=True, slots=True)
class Identity:
    """
    What became of one Identity value. `ignored`: its ppt is not understood, or it is one too many; it counts
    neither way. `header` and `claims` are what could be read, proven or not; `signature` is what a
    replay is known by.
    """

    result: Result
    findings: tuple[Finding, ...]
    checks: tuple[Check, ...]
    ppt: str = ""
    header: Mapping[str, Any] = field(default_factory=dict)
    claims: Mapping[str, Any] = field(default_factory=dict)
    signature: bytes = b""
    ignored: bool = False


@dataclass(frozen=True, slots=True)
class Verification:
    """
    What became of a call: passed with one valid Identity, whatever the others are (RFC 8224 §6.2); unknown where
    one could not be judged; else failed, and `findings` are those of all. `checks` are those of `decisive`.
    """

    result: Result
    findings: tuple[Finding, ...]
    identities: tuple[Identity, ...]

    @property
    def decisive(self) -> Identity | None:
        """The Identity that decided: one that passed, else one that may have, else the first that was judged."""
        judged = _originals(self.identities) or [each for each in self.identities if not each.ignored]
        order = (Result.PASSED, Result.UNKNOWN, Result.FAILED)
        return min(judged, key=lambda each: order.index(each.result), default=None)

    @property
    def checks(self) -> tuple[Check, ...]:
        """The checks of the Identity that decided."""
        return self.decisive.checks if self.decisive is not None else ()


@dataclass(frozen=True, slots=True)
class _Judged:
    """An Identity with its token, and with its dest not looked at yet; `token` is None where it cannot be read."""

    identity: Identity
    token: Passport | None = None


def needs(values: Sequence[bytes]) -> tuple[str, ...]:
    """Which URLs a verification needs the certificates of: each once, none for tokens that cannot be valid."""
    found: dict[str, None] = {}
    for value in values[:MAX_VALUES]:
        try:
            read = identity.parse(value)
            if read.ppt in claims.SUPPORTED and (read.compact or passport.decode(read.token).x5u == read.info):
                found[read.info] = None
        except MalformedError:
            continue
    return tuple(found)


def verify(
    call: SignedCall,
    values: Sequence[bytes],
    certificates: Mapping[str, Validated | str],
    now: float,
    max_age: float = 60.0,
    *,
    attestation: str = "",
    spc_suffices: bool = True,
) -> Verification:
    """
    Judge the Identity values of a call; malformed ones get a verdict like others, nothing is raised for them.

    Base PASSporTs (full or compact), shaken and div are understood; div-o, rcd, rph and others are ignored. A div
    token counts only as a link of the chain that leads from a valid token for somebody else to whom this call is
    for; all of its links must be fresh and valid.

    Args:
        call: What SIP says of it.
        values: Each as it stood in the message (stirshaken.identity.split).
        certificates: By URL, of `needs`; a text is why there is none (a reason of stirshaken.repository).
        now: The moment, in epoch seconds.
        max_age: Seconds that iat and Date may be off, both ways.
        attestation: The lowest level that will do, A, B or C; "" for any, and for tokens that have none.
        spc_suffices: Whether a certificate for a service provider speaks for every number.
    """
    if attestation and attestation not in claims.LEVELS:
        raise ValueError("an attestation level is A, B or C")
    verifier = _Verifier(call, certificates, now, Demands(max_age, attestation), spc_suffices)
    judged = [verifier.judge(value) for value in values[:MAX_VALUES]]
    links = [each for each in judged if each.identity.ppt == claims.DIV and each.token is not None]
    identities = [_with_dest(each, call, links) for each in judged]
    identities += [_ignored("", "too many Identity values")] * len(values[MAX_VALUES:])
    return combined(tuple(identities))


@dataclass(frozen=True, slots=True)
class _Verifier:
    """What is the same for all values of a call."""

    call: SignedCall
    certificates: Mapping[str, Validated | str]
    now: float
    demands: Demands
    spc_suffices: bool

    def judge(self, value: bytes) -> _Judged:
        """Judge one value by itself."""
        try:
            read = identity.parse(value)
            if read.ppt not in claims.SUPPORTED:
                return _Judged(_ignored(read.ppt, "PASSporT type is not understood"))
            token = self._token(read)
        except UnsupportedError as error:
            return _Judged(_unread(value, Rule.UNTRUSTED, error.reason))
        except MalformedError as error:
            return _Judged(_unread(value, Rule.INVALID, error.reason))
        checks = [Check("form", True)]
        findings: list[Finding] = []
        for check, finding in claims.judge(Facts(read, token, self.call, self.now, self.demands)):
            checks.append(check)
            findings += [finding] if finding is not None else []
        self._certified(read, token, checks, findings)
        return _Judged(_identity(token, checks, findings), token)

    def _token(self, read: IdentityField) -> Passport:
        if not read.compact:
            return passport.decode(read.token)
        if read.ppt:
            raise MalformedError("token: extensions need the full form")
        date, called = self.call.date, self.call.dest[:1]
        if date is None or not math.isfinite(date) or not called:
            raise MalformedError("token: compact form without Date or called")
        header = {"alg": read.alg, "typ": passport.TYP, "x5u": read.info}
        orig = {self.call.orig.kind: self.call.orig.value}
        dest = {called[0].kind: [called[0].value]}
        keys = {"mky": media.claim(self.call.fingerprints)} if self.call.fingerprints else {}  # RFC 8224 §4
        return passport.rebuild(read.token, header, {"orig": orig, "dest": dest, "iat": int(date), **keys})

    def _certified(self, read: IdentityField, token: Passport, checks: list[Check], findings: list[Finding]) -> None:
        """Add what depends on the certificate."""
        found = self.certificates.get(token.x5u, _NOT_FETCHED)
        if isinstance(found, str):
            rule, detail = _PROVED.get(found, (Rule.UNREACHABLE, f"no certificate: {found}"))
            checks.append(Check("certificate", None if rule is Rule.UNREACHABLE else False, detail))
            if rule is not Rule.UNREACHABLE or read.info == token.x5u:  # else nobody was to fetch it
                findings.append(Finding(rule, detail))
            checks += [Check(name, None, "no certificate") for name in ("signature", "coverage")]
            return
        _add_validated(found, self.now, checks, findings)
        _add_signature(found, token, checks, findings)
        _add_coverage(found, token, self.spc_suffices, checks, findings)
        if found.constraints is not None:
            fault = constraints.check(found.constraints, token.claims) or ""
            _add(Check("constraints", not fault, fault), Rule.NOT_AUTHORISED, checks, findings)


def _add(check: Check, rule: Rule, checks: list[Check], findings: list[Finding]) -> None:
    checks.append(check)
    if check.ok is False:
        findings.append(Finding(rule, check.detail))


def _add_validated(found: Validated, now: float, checks: list[Check], findings: list[Finding]) -> None:
    """The verdict on the chain, made just now or kept since some call before."""
    checks.append(Check("certificate", True))
    findings += found.findings
    for check in found.checks:
        checks.append(replace(check, name=f"certificate.{check.name}"))
        if check.open:
            findings.append(Finding(Rule.UNREACHABLE, check.detail))
    if int(now) > found.not_after and not found.findings:
        _add(Check("certificate.dates", False, "certificate has expired"), Rule.UNTRUSTED, checks, findings)


def _add_signature(found: Validated, token: Passport, checks: list[Check], findings: list[Finding]) -> None:
    if found.public_key is None:
        checks.append(Check("signature", None, "certificate has no P-256 key"))
        return
    ok = passport.verify_signature(found.public_key, token.signing_input, token.signature)
    _add(Check("signature", ok, "" if ok else "signature is not the certificate's"), Rule.INVALID, checks, findings)


def _add_coverage(
    found: Validated, token: Passport, spc_suffices: bool, checks: list[Check], findings: list[Finding]
) -> None:
    """A diversion is signed for who diverts (RFC 8946 §4.1), all else for who calls (RFC 8224 §7)."""
    if found.authority is None:
        checks.append(Check("coverage", None, "certificate lists no number and no provider"))
        return
    who = _signed_for(token)
    if who is None:
        checks.append(Check("coverage", None, "div cannot be read"))
        return
    fault = ""
    if who.kind != "tn":
        fault = "certificate speaks for numbers, not for URIs"
    elif not covers(found, who.value, spc_suffices=spc_suffices):
        fault = "certificate does not cover the number"
    _add(Check("coverage", not fault, fault), Rule.NOT_AUTHORISED, checks, findings)


def _signed_for(token: Passport) -> Identifier | None:
    if token.ppt != claims.DIV:
        return token.orig
    try:
        return claims.diverted(token.claims)
    except MalformedError:
        return None


def _with_dest(judged: _Judged, call: SignedCall, links: Sequence[_Judged]) -> Identity:
    """Add the check of dest to a token that stands for the call itself."""
    token = judged.token
    if token is None or token.ppt == claims.DIV:
        return judged.identity
    return _identity(
        token,
        [*judged.identity.checks, check := _dest(token, call, links)],
        [*judged.identity.findings, *([Finding(Rule.MISMATCH, check.detail)] if check.ok is False else [])],
    )


def _dest(token: Passport, call: SignedCall, links: Sequence[_Judged]) -> Check:
    if claims.reaches(token, call.dest, ()):
        return Check("dest", True)
    if claims.reaches(token, call.dest, _tokens(links, Result.PASSED)):
        return Check("dest", True, "by diversion")
    if claims.reaches(token, call.dest, _tokens(links, Result.PASSED, Result.UNKNOWN)):
        return Check("dest", None, "a diversion could not be verified")
    return Check("dest", False, "dest is not who is called")


def _tokens(links: Iterable[_Judged], *results: Result) -> list[Passport]:
    return [each.token for each in links if each.token is not None and each.identity.result in results]


def _identity(token: Passport, checks: Sequence[Check], findings: Sequence[Finding]) -> Identity:
    if any(finding.rule is not Rule.UNREACHABLE for finding in findings):
        result = Result.FAILED
    else:
        result = Result.UNKNOWN if any(check.open or check.ok is False for check in checks) else Result.PASSED
    return Identity(result, tuple(findings), tuple(checks), token.ppt, token.header, token.claims, token.signature)


def _unread(value: bytes, rule: Rule, reason: str) -> Identity:
    header, body = claims.peek(value.partition(b";")[0].strip(b" \t"))
    checks = (Check("form", False, reason),)
    return Identity(Result.FAILED, (Finding(rule, reason),), checks, header=header, claims=body)


def _ignored(ppt: str, reason: str) -> Identity:
    return Identity(Result.UNKNOWN, (), (Check("form", None, reason),), ppt, ignored=True)


def _originals(identities: Iterable[Identity]) -> list[Identity]:
    return [each for each in identities if not each.ignored and each.ppt != claims.DIV]


def combined(identities: tuple[Identity, ...]) -> Verification:
    """What follows from all identities of a call: `verify` ends with it, and who adds findings to one asks anew."""
    originals = _originals(identities)
    results = {each.result for each in originals}
    if Result.PASSED in results:
        return Verification(Result.PASSED, (), identities)
    findings = tuple(dict.fromkeys(finding for each in identities for finding in each.findings))
    if not originals:
        missing = Finding(Rule.MISSING, "no Identity field that is understood" if identities else "no Identity field")
        return Verification(Result.FAILED, (missing, *findings), identities)
    return Verification(Result.UNKNOWN if Result.UNKNOWN in results else Result.FAILED, findings, identities)
