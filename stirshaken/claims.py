"""What a PASSporT claims, held against the call that it came with (RFC 8224 §6.2, RFC 8588, RFC 8946)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar

from stirshaken import base64url, canonical, media, priority
from stirshaken.errors import MalformedError
from stirshaken.findings import Check, Rule
from stirshaken.identity import IdentityField
from stirshaken.media import Fingerprint
from stirshaken.numbers import Identifier, of_claim
from stirshaken.passport import MAX_TOKEN, Passport

SHAKEN: Final = "shaken"
DIV: Final = "div"
DIV_O: Final = "div-o"
DIVERSIONS: Final = frozenset({DIV, DIV_O})
RCD: Final = "rcd"
RPH: Final = "rph"
ORIGINALS: Final = frozenset({"", SHAKEN})  # made for who calls, by who lets him call
ASIDES: Final = frozenset({RCD, RPH})  # say more of a call, and prove no caller
SUPPORTED: Final = ORIGINALS | DIVERSIONS | ASIDES
LEVELS: Final = ("A", "B", "C")  # full, partial, gateway attestation, the best first
MAX_LINKS: Final = 5  # diversions of one call; what French operators agreed on (asterisk issue 1209)

_Value = TypeVar("_Value")

#   UUID  =  4hexOctet "-" 2hexOctet "-" 2hexOctet "-" 2hexOctet "-" 6hexOctet          (RFC 9562 §4)
_UUID: Final = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


@dataclass(frozen=True, slots=True)
class SignedCall:
    """
    What SIP says of a call: never taken from a token, which is only compared with it (RFC 8224 §6.2, step 4).

    `orig` is the caller by From, or by P-Asserted-Identity where the operator trusts that. `dest` are the called,
    any of whom a token must name; the first is that of To, which the compact form leaves out. Where To is not to be
    trusted (it need not be where the call goes), give the Request-URI alone: then a diverted call has to prove its
    diversions. `date` is the Date field in epoch seconds, None without one. `fingerprints` are those of the body
    (stirshaken.media), None where nobody looked: then a token's are not compared. `resource_priority` are the values
    of Resource-Priority, `priority` that of Priority, "" without one.
    """

    orig: Identifier
    dest: tuple[Identifier, ...]
    date: float | None = None
    fingerprints: tuple[Fingerprint, ...] | None = ()
    resource_priority: tuple[str, ...] = ()
    priority: str = ""


@dataclass(frozen=True, slots=True)
class Demands:
    """
    `max_age` in seconds, both ways, its ends within, and `max_inner_age` that of tokens within others; `attestation`
    the lowest level, "" where none is demanded.
    """

    max_age: float = 60.0
    attestation: str = ""
    max_inner_age: float = 60.0


@dataclass(frozen=True, slots=True)
class Facts:
    """What the checks look at; `field` is None for a token within another."""

    field: IdentityField | None
    passport: Passport
    call: SignedCall
    now: float
    demands: Demands


def judge(facts: Facts) -> Iterator[tuple[Check, Rule]]:
    """
    Make every check that needs no certificate, that of dest apart, which other tokens have a say in; with the rule
    that is broken where it fails.
    """
    for name, rule, applies, find in _CHECKS:
        if applies(facts):
            fault = find(facts)
            if fault is None:
                yield Check(name, None, "nothing to compare it with", counts=False), rule
            else:
                yield Check(name, not fault, fault), rule


def diverted(claims: Mapping[str, Any]) -> Identifier:
    """
    The identity that a div PASSporT diverts from. Raises MalformedError where `div` is not one (RFC 8946 §3; `hi`,
    a History-Info index, may stand beside it).
    """
    value = claims.get("div")
    rest = [(kind, each) for kind, each in value.items() if kind != "hi"] if isinstance(value, dict) else []
    if len(rest) != 1 or not isinstance(rest[0][1], str):
        raise MalformedError("token: div is not one identity")
    return of_claim(*rest[0])


def reaches(passport: Passport, dest: Iterable[Identifier], links: Iterable[Passport]) -> bool:
    """
    Whether a PASSporT was made for one of `dest`, or for one from whom div PASSporTs of the same caller lead there,
    each diverting from a dest of the one before (RFC 8946 §4.2), over MAX_LINKS at most.
    """
    steps = [(set(link.dest), diverted(link.claims)) for link in links if link.orig == passport.orig]
    reached = set(dest)
    for _ in range(MAX_LINKS):
        reached |= {origin for targets, origin in steps if targets & reached}
    return not reached.isdisjoint(passport.dest)


def peek(token: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of any token, as far as they are JSON objects: to be shown, for nothing of them is checked."""
    parts = token.split(b".", 2) if len(token) <= MAX_TOKEN else []
    header, claims = (_object(part) for part in (*parts, b"", b"")[:2])
    return header, claims


def is_uuid(value: object) -> bool:
    """Whether a value is the text of a UUID."""
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def _object(part: bytes) -> dict[str, Any]:
    try:
        return canonical.decode(base64url.decode(part))
    except MalformedError:
        return {}


def _info(facts: Facts) -> str:
    return "" if facts.field is None or facts.field.info == facts.passport.x5u else "info and x5u differ"


def _alg(facts: Facts) -> str:
    same = facts.field is None or facts.field.alg == facts.passport.header["alg"]
    return "" if same else "alg of field and token differ"


def _ppt(facts: Facts) -> str:
    return "" if facts.field is None or facts.field.ppt == facts.passport.ppt else "ppt of field and token differ"


def _iat(facts: Facts) -> str:
    limit = facts.demands.max_age if _outermost(facts) else facts.demands.max_inner_age
    return _age("iat", facts.now - facts.passport.iat, limit)


def _date(facts: Facts) -> str:
    return _age("Date", facts.now - (facts.call.date or 0.0), facts.demands.max_age)


def _age(name: str, age: float, limit: float) -> str:
    if abs(age) <= limit:
        return ""
    return f"{name} is more than {limit:g} s in the {'future' if age < 0 else 'past'}"


def _orig(facts: Facts) -> str:
    return "" if facts.passport.orig == facts.call.orig else "orig is not who calls"


def _attest(facts: Facts) -> str:
    value = facts.passport.claims.get("attest")
    return "" if isinstance(value, str) and value in LEVELS else "attest is none of A, B, C"


def _origid(facts: Facts) -> str:
    return "" if is_uuid(facts.passport.claims.get("origid")) else "origid is no UUID"


def _mky(facts: Facts) -> str:
    return _fault(media.claimed, facts.passport.claims["mky"])


def _fingerprints(facts: Facts) -> str | None:
    """All of the keys that were signed and no others, so that nobody in between can add one of his own."""
    if facts.call.fingerprints is None:
        return None
    signed = _read(media.claimed, facts.passport.claims["mky"])
    return _same(signed, set(facts.call.fingerprints), "mky and the fingerprints of the SDP differ")


def _rph(facts: Facts) -> str:
    return _fault(priority.authorised, facts.passport.claims.get("rph"))


def _resource_priority(facts: Facts) -> str | None:
    """Exactly what was signed (RFC 8443 §5, RFC 9027 §3)."""
    signed = _read(priority.authorised, facts.passport.claims.get("rph"))
    said = {value.lower() for value in facts.call.resource_priority}
    return _same(signed, said, "rph and Resource-Priority differ")


def _sph(facts: Facts) -> str:
    return _fault(priority.callback, facts.passport.claims["sph"])


def _priority(facts: Facts) -> str | None:
    signed = _read(priority.callback, facts.passport.claims["sph"])
    return _same(signed, facts.call.priority.lower(), "sph and Priority differ")


def _same(signed: object, said: object, fault: str) -> str | None:
    """Compare a claim with the call; None where the claim cannot be read, which another check says."""
    if signed is None:
        return None
    return "" if signed == said else fault


def _read(read: Callable[[Any], _Value], value: object) -> _Value | None:
    """A claim, None where it cannot be read."""
    try:
        return read(value)
    except MalformedError:
        return None


def _fault(read: Callable[[Any], object], value: object) -> str:
    """Why a claim cannot be read, "" where it can."""
    try:
        read(value)
    except MalformedError as error:
        return error.reason
    return ""


def _div(facts: Facts) -> str:
    if facts.passport.ppt == DIV and "opt" in facts.passport.claims:
        return "opt stands in a div token"
    return _fault(diverted, facts.passport.claims)


def _attestation(facts: Facts) -> str:
    lowest = facts.demands.attestation
    value = facts.passport.claims.get("attest") if facts.passport.ppt == SHAKEN else None
    if isinstance(value, str) and value in LEVELS and LEVELS.index(value) <= LEVELS.index(lowest):
        return ""
    return f"attestation is below {lowest}"


def _always(_: Facts) -> bool:
    return True


def _outermost(facts: Facts) -> bool:
    return facts.field is not None


def _dated(facts: Facts) -> bool:
    return facts.call.date is not None and _outermost(facts)


def _shaken(facts: Facts) -> bool:
    return facts.passport.ppt == SHAKEN


def _link(facts: Facts) -> bool:
    return facts.passport.ppt in DIVERSIONS


def _keyed(facts: Facts) -> bool:
    return "mky" in facts.passport.claims


def _prioritised(facts: Facts) -> bool:
    return facts.passport.ppt == RPH


def _called_back(facts: Facts) -> bool:
    return facts.passport.ppt == RPH and "sph" in facts.passport.claims


def _demanded(facts: Facts) -> bool:
    return facts.demands.attestation != "" and facts.passport.ppt in ORIGINALS


_Row: TypeAlias = tuple[str, Rule, Callable[[Facts], bool], Callable[[Facts], str | None]]
_CHECKS: Final[tuple[_Row, ...]] = (
    ("info", Rule.INVALID, _outermost, _info),
    ("alg", Rule.INVALID, _outermost, _alg),
    ("ppt", Rule.INVALID, _outermost, _ppt),
    ("iat", Rule.STALE, _always, _iat),
    ("date", Rule.STALE, _dated, _date),
    ("orig", Rule.MISMATCH, _always, _orig),
    ("attest", Rule.INVALID, _shaken, _attest),
    ("origid", Rule.INVALID, _shaken, _origid),
    ("div", Rule.INVALID, _link, _div),
    ("mky", Rule.INVALID, _keyed, _mky),
    ("fingerprints", Rule.MISMATCH, _keyed, _fingerprints),
    ("rph", Rule.INVALID, _prioritised, _rph),
    ("resource-priority", Rule.MISMATCH, _prioritised, _resource_priority),
    ("sph", Rule.INVALID, _called_back, _sph),
    ("priority", Rule.MISMATCH, _called_back, _priority),
    ("attestation", Rule.ATTESTATION, _demanded, _attestation),
)
