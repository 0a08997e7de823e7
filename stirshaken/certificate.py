"""Judges a certificate chain: whom it speaks for, and everything that is wrong with it (RFC 8226, RFC 9060)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from stirshaken import crl, path, profile
from stirshaken.constraints import Constraints
from stirshaken.crl import RevocationList
from stirshaken.findings import Check, Finding, Result, Rule
from stirshaken.path import Anchors, anchors_of, load_anchors, load_chain
from stirshaken.profile import Profile
from stirshaken.tnauthlist import TNAuthList

__all__ = ["Anchors", "Validated", "anchors_of", "covers", "load_anchors", "load_chain", "validate"]


@dataclass(frozen=True, slots=True)
class Validated:
    """
    What became of a chain.

    `findings` are proved faults, each check that failed has one or more; a check with `ok` None could not be made.
    `path` goes from the leaf to the trust anchor, or as far as there is one; `not_after` is the earliest end in it,
    in epoch seconds: until then, and until lists of revoked certificates change, the verdict holds.
    `public_key` is None where the leaf has no P-256 key, `authority` where its TNAuthList is missing, malformed or
    at `by_reference_url`.
    """

    checks: tuple[Check, ...]
    findings: tuple[Finding, ...]
    path: tuple[x509.Certificate, ...]
    not_after: float
    public_key: ec.EllipticCurvePublicKey | None
    authority: TNAuthList | None
    constraints: Constraints | None
    by_reference_url: str | None
    named_checks: tuple[Check, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Name the checks as those of a call list them: once, for a verdict is kept for thousands of calls."""
        named = tuple(replace(check, name=f"certificate.{check.name}") for check in self.checks)
        object.__setattr__(self, "named_checks", named)

    @property
    def spc(self) -> str | None:
        """The first service provider code that the leaf speaks for."""
        return next(iter(self.authority.spcs), None) if self.authority is not None else None

    @property
    def result(self) -> Result:
        """Failed with any finding; unknown where a check that counts could not be made; else passed."""
        if self.findings:
            return Result.FAILED
        return Result.UNKNOWN if any(check.open for check in self.checks) else Result.PASSED


def validate(
    chain: Sequence[x509.Certificate],
    anchors: Anchors,
    now: float,
    crls: Iterable[RevocationList] = (),
    *,
    referenced: TNAuthList | None = None,
) -> Validated:
    """
    Judge a chain. Every check is made, whatever the others say.

    Args:
        chain: One certificate or more, the leaf first.
        anchors: What the operator trusts.
        now: The moment, in epoch seconds.
        crls: Revocation lists; without any, revocation is no check.
        referenced: What was fetched from the `by_reference_url` of an earlier verdict on the leaf.
    """
    built = path.build(chain, anchors, now)
    way = tuple(map(profile.read, built.certificates))
    if referenced is not None and way[0].by_reference_url is not None and way[0].authority is None:
        way = (replace(way[0], authority=referenced), *way[1:])
    checks: list[Check] = []
    findings: list[Finding] = []
    for name, rule, judge in _CHECKS:
        faults = list(judge(_Way(way, built, now)))
        findings += [Finding(rule, fault) for fault in faults]
        checks.append(Check(name, not faults, "; ".join(faults)))
    for check in (_authority(way[0]), *_revocation(built, list(crls), now)):
        rule = Rule.REVOKED if check.name == crl.NAME else Rule.NOT_AUTHORISED
        findings += [Finding(rule, check.detail)] if check.ok is False else []
        checks.append(check)
    leaf = way[0]
    key = leaf.key if leaf.key is not None and isinstance(leaf.key.curve, ec.SECP256R1) else None
    until = min(each.not_after for each in way)
    return Validated(
        tuple(checks), tuple(findings), built.certificates, until, key,
        leaf.authority, leaf.constraints, leaf.by_reference_url,
    )  # fmt: skip


def covers(validated: Validated, number: str, *, spc_suffices: bool = True) -> bool:
    """
    Whether the leaf speaks for a number (digits without "+").

    A number that is listed is covered. A service provider code alone does not prove a number, for which numbers
    it has is known to its registry only: `spc_suffices` says whether it is enough where no numbers are listed.
    """
    authority = validated.authority
    if authority is None:
        return False
    return authority.covers(number) or (spc_suffices and authority.has_spc and not authority.has_numbers)


@dataclass(frozen=True, slots=True)
class _Way:
    """What a check looks at: the certificates from the leaf on, how far they go, the moment."""

    certificates: tuple[Profile, ...]
    built: path.Path
    now: float

    @property
    def leaf(self) -> Profile:
        return self.certificates[0]

    def names(self) -> Iterator[tuple[str, Profile]]:
        """Each certificate with what it is called in a text."""
        for number, certificate in enumerate(self.certificates):
            anchor = self.built.anchored and number == len(self.certificates) - 1
            yield "leaf" if number == 0 else "trust anchor" if anchor else f"issuer {number}", certificate


def _path(way: _Way) -> Iterator[str]:
    if way.built.fault:
        yield way.built.fault


def _dates(way: _Way) -> Iterator[str]:
    for name, each in way.names():
        if int(way.now) < each.not_before:
            yield f"{name} is not valid before {_moment(each.not_before)}"
        elif int(way.now) > each.not_after:
            yield f"{name} was valid until {_moment(each.not_after)}"


def _extensions(way: _Way) -> Iterator[str]:
    for name, each in way.names():
        yield from (f"{name}: {fault}" for fault in each.faults)


def _leaf(way: _Way) -> Iterator[str]:
    yield from profile.leaf_faults(way.leaf)


def _issuers(way: _Way) -> Iterator[str]:
    named = list(way.names())
    for name, each in named[1:]:
        yield from profile.issuer_faults(each, name, anchor=name == "trust anchor")
    for (name, each), (_, issuer) in pairwise(named):
        if each.issuer_key and issuer.subject_key and each.issuer_key != issuer.subject_key:
            yield f"authorityKeyIdentifier of {name} is not its issuer's"


def _algorithms(way: _Way) -> Iterator[str]:
    for name, each in way.names():
        if name != "trust anchor" and each.certificate.signature_algorithm_oid not in profile.SIGNATURES:
            yield f"{name} is not signed with ECDSA and a sound hash"


def _delegation(way: _Way) -> Iterator[str]:
    """Each list of numbers within the one above it, down to the leaf (RFC 9060 §4)."""
    named = list(way.names())
    above: TNAuthList | None = None
    for name, each in reversed(named):
        if each.authority_fault and name != "leaf":
            yield f"TNAuthList of {name}: {each.authority_fault}"
        open_ = name == "leaf" and each.authority is None and each.by_reference_url is not None
        if above is not None and not open_ and not _is_within(each, above):
            yield f"TNAuthList of {name} is not within that of its issuer"
        above = each.authority or above


def _is_within(each: Profile, above: TNAuthList) -> bool:
    return each.authority is not None and above.encompasses(each.authority)


_Judge: TypeAlias = Callable[[_Way], Iterator[str]]
_CHECKS: Final[tuple[tuple[str, Rule, _Judge], ...]] = (
    ("dates", Rule.UNTRUSTED, _dates),
    ("extensions", Rule.UNTRUSTED, _extensions),
    ("leaf", Rule.UNTRUSTED, _leaf),
    ("issuers", Rule.UNTRUSTED, _issuers),
    ("algorithms", Rule.UNTRUSTED, _algorithms),
    ("path", Rule.UNTRUSTED, _path),  # behind what may be its reasons
    ("delegation", Rule.NOT_AUTHORISED, _delegation),
)


def _authority(leaf: Profile) -> Check:
    """Whether the leaf says whom it speaks for (RFC 8226 §9), or where that is said (§10.1)."""
    if leaf.authority_fault:
        return Check("authority", False, f"TNAuthList: {leaf.authority_fault}")
    if leaf.authority is not None:
        return Check("authority", True)
    if leaf.by_reference_url is not None:
        return Check("authority", None, "TNAuthList is at a URL and was not fetched")
    return Check("authority", False, "leaf has no TNAuthList")


def _revocation(built: path.Path, crls: Sequence[RevocationList], now: float) -> Iterator[Check]:
    """One check where lists are given: the leaf's list has to be there, those of CAs count where they are."""
    if not crls:
        return
    found = [crl.revocation(each, issuer, crls, now) for each, issuer in pairwise(built.certificates)]
    leaf = next(iter(found), None) or Check(crl.NAME, None, "no revocation list of the leaf's issuer")
    looked = [leaf, *(check for check in found[1:] if check is not None)]
    revoked = [check for check in looked if check.ok is False]
    unknown = [check.detail for check in looked if check.ok is None]
    yield revoked[0] if revoked else Check(crl.NAME, None if unknown else True, "; ".join(unknown))


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
