"""Verifies the Identity fields of a call (RFC 8224 §6.2): octets, certificates and a moment in, a verdict out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

from stirshaken import claims, identity, media, passport, rcd
from stirshaken.certificate import Validated
from stirshaken.claims import Demands, Facts, SignedCall
from stirshaken.errors import MalformedError
from stirshaken.findings import Check, Finding, Result, Rule
from stirshaken.identity import IdentityField
from stirshaken.nested import unfold
from stirshaken.passport import Passport, UnsupportedError
from stirshaken.proof import NOT_FETCHED, Ledger, certified

MAX_VALUES: Final = 10  # Identity values that are looked at: a chain of six and some for other purposes
MAX_URLS: Final = 16  # certificates of one call: a full chain of ten and some within others
_NO_CALLER: Final = claims.ASIDES | {claims.DIV}


@dataclass(frozen=True, slots=True)
class Identity:
    """
    What became of one Identity value. `ignored`: its ppt is not understood, or it is one too many; it counts
    neither way. `header` and `claims` are what could be read, proven or not; `signature` is what a
    replay is known by. `original` are the claims of the token that says who calls: of a div-o token those of the
    one at its bottom, else `claims`.
    """

    result: Result
    findings: tuple[Finding, ...]
    checks: tuple[Check, ...]
    ppt: str = ""
    header: Mapping[str, Any] = field(default_factory=dict)
    claims: Mapping[str, Any] = field(default_factory=dict)
    signature: bytes = b""
    ignored: bool = False
    original: Mapping[str, Any] = field(default_factory=dict)

    @property
    def rich(self) -> Mapping[str, Any] | None:
        """
        The rich call data that may be shown: None where the token has not passed, or any check of them failed. What
        stands at their URLs is proven only by a check `rcd.integrity/…` that was made.
        """
        found = self.original.get("rcd")
        checks = (check for check in self.checks if check.name.rpartition("opt.")[2].startswith("rcd"))
        sound = isinstance(found, dict) and self.result is Result.PASSED and all(c.ok is not False for c in checks)
        return found if sound else None


@dataclass(frozen=True, slots=True)
class Verification:
    """
    What became of a call: passed with one valid Identity, whatever the others are (RFC 8224 §6.2); unknown where
    one could not be judged; else failed, and `findings` are those of all. `checks` are those of `decisive`. `asides`
    (rcd, rph) have no say in this: what was found of them stands there alone.
    """

    result: Result
    findings: tuple[Finding, ...]
    identities: tuple[Identity, ...]

    @property
    def decisive(self) -> Identity | None:
        """The Identity that decided: one that passed, else one that may have, else the first that was judged."""
        links = [each for each in self.identities if not each.ignored and each.ppt == claims.DIV]
        judged = _originals(self.identities) or links
        order = (Result.PASSED, Result.UNKNOWN, Result.FAILED)
        return min(judged, key=lambda each: order.index(each.result), default=None)

    @property
    def asides(self) -> tuple[Identity, ...]:
        """What says more of the call and proves no caller: rich call data, priorities."""
        return tuple(each for each in self.identities if each.ppt in claims.ASIDES and not each.ignored)

    @property
    def checks(self) -> tuple[Check, ...]:
        """The checks of the Identity that decided."""
        return self.decisive.checks if self.decisive is not None else ()


class Reading:
    """
    One Identity value, read once for `needs` and `verify`. `field` is None where it is no Identity value; `layers`
    are its token and those within, empty where they cannot be read or are left out (compact form); `rule` and
    `fault` say why.
    """

    __slots__ = ("fault", "field", "layers", "rule", "value")

    def __init__(self, value: bytes) -> None:
        self.value = value
        self.field: IdentityField | None = None
        self.layers: tuple[Passport, ...] = ()
        self.rule = Rule.INVALID
        self.fault = ""
        try:
            self.field = identity.parse(value)
            if self.field.ppt in claims.SUPPORTED and not self.field.compact:
                self.layers = tuple(unfold(passport.decode(self.field.token)))
        except UnsupportedError as unsupported:
            self.rule, self.fault = Rule.UNTRUSTED, unsupported.reason
        except MalformedError as error:
            self.fault = error.reason


@dataclass(slots=True)
class _Judged:
    """An Identity value with its token, and with its dest not looked at yet; `token` is None where it has none."""

    identity: Identity | None
    token: Passport | None = None
    original: Mapping[str, Any] = field(default_factory=dict)
    ledger: Ledger = field(default_factory=Ledger)

    def ended(self) -> Identity:
        """What became of it, as far as it has been looked at."""
        if self.identity is None:
            assert self.token is not None  # noqa: S101  # one of the two is there
            self.identity = _identity(self.token, self.ledger.checks, self.ledger.findings, self.original)
        return self.identity


def read(values: Sequence[bytes]) -> tuple[bytes | Reading, ...]:
    """Read Identity values, malformed ones as such; of more than MAX_VALUES the rest stays unread."""
    return (*map(Reading, values[:MAX_VALUES]), *values[MAX_VALUES:])


def needs(values: Sequence[bytes | Reading], *, asides: bool = True) -> tuple[str, ...]:
    """
    Which URLs a verification needs the certificates of: each once, those of tokens within others too, none for
    tokens that cannot be valid; MAX_URLS at most. Without `asides`, none for tokens that have no say in the result.
    """
    wanted = claims.SUPPORTED if asides else claims.SUPPORTED - claims.ASIDES
    found: dict[str, None] = {}
    for value in values[:MAX_VALUES]:
        reading = _reading(value)
        if reading.field is not None and reading.field.ppt in wanted:
            found.update(dict.fromkeys(_urls(reading.field, reading.layers)))
    return tuple(found)[:MAX_URLS]


def verify(
    call: SignedCall,
    values: Sequence[bytes | Reading],
    certificates: Mapping[str, Validated | str],
    now: float,
    max_age: float = 60.0,
    *,
    attestation: str = "",
    spc_suffices: bool = True,
    max_inner_age: float | None = None,
    contents: Mapping[str, bytes] = MappingProxyType({}),
) -> Verification:
    """
    Judge the Identity values of a call; malformed ones get a verdict like others, nothing is raised for them.

    Base PASSporTs (full or compact), shaken, div, div-o, rcd and rph are understood; others are ignored. A div
    token counts only as a link of the chain that leads from a valid token for somebody else to whom this call is
    for; all of its links must be fresh and valid. A div-o token counts like the one that it carries: every token
    within, down to the first one, must be valid, and each must have been made for who diverts in the one around it.
    rcd and rph tokens are judged and reported, but prove no caller: without another token nobody has signed for this
    one. Rich call data within other tokens are checked without a say in the result.

    Args:
        call: What SIP says of it.
        values: Each as it stood in the message (stirshaken.identity.split), or read already (`read`).
        certificates: By URL, of `needs`; a text is why there is none (a reason of stirshaken.repository).
        now: The moment, in epoch seconds.
        max_age: Seconds that iat and Date may be off, both ways.
        attestation: The lowest level that will do, A, B or C; "" for any, and for tokens that have none.
        spc_suffices: Whether a certificate for a service provider speaks for every number.
        max_inner_age: As max_age, for the iat of tokens within others; None for max_age. RFC 8946 §4.2 would have
            them fresh as well, but a call may be diverted after it has rung for a while.
        contents: What stands at the URLs of rich call data, where somebody fetched it (stirshaken.rcd.urls).
    """
    if attestation and attestation not in claims.LEVELS:
        raise ValueError("an attestation level is A, B or C")
    demands = Demands(max_age, attestation, max_age if max_inner_age is None else max_inner_age)
    verifier = _Verifier(call, certificates, now, demands, spc_suffices, contents)
    judged = [verifier.judge(_reading(value)) for value in values[:MAX_VALUES]]
    links = [each for each in judged if each.token is not None and each.token.ppt == claims.DIV]
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
    contents: Mapping[str, bytes]

    def judge(self, reading: Reading) -> _Judged:
        """Judge one value by itself."""
        read, layers = reading.field, reading.layers
        ppt = read.ppt if read is not None and read.ppt in claims.ASIDES else ""
        if read is None or reading.fault:
            return _Judged(_unread(reading.value, ppt, reading.rule, reading.fault))
        if read.ppt not in claims.SUPPORTED:
            return _Judged(_ignored(read.ppt, "PASSporT type is not understood"))
        try:
            layers = layers or (self._rebuilt(read),)
        except MalformedError as error:
            return _Judged(_unread(reading.value, ppt, Rule.INVALID, error.reason))
        if len(layers) > 1 and layers[-1].ppt not in claims.SUPPORTED:
            return _Judged(_ignored(layers[-1].ppt, "PASSporT type is not understood"))
        ledger = Ledger([Check("form", True)])
        for depth, token in enumerate(layers):
            ledger.prefix = "opt." * depth
            around = layers[depth - 1] if depth else None
            self._judge_layer(ledger, token, read if around is None else None)
            if around is not None:
                _add_link(ledger, around, token)
        ledger.prefix = ""
        return _Judged(None, layers[0], layers[-1].claims, ledger)

    def _judge_layer(self, ledger: Ledger, token: Passport, read: IdentityField | None) -> None:
        """Judge one token; `read` is the field of the outermost."""
        for check, rule in claims.judge(Facts(read, token, self.call, self.now, self.demands)):
            ledger.add(check, rule)
        self._judge_rich(ledger, token)
        found = self.certificates.get(token.x5u, NOT_FETCHED)
        asked = read is None or read.info == token.x5u
        certified(ledger, token, found, self.now, spc_suffices=self.spc_suffices, asked=asked)

    def _judge_rich(self, ledger: Ledger, token: Passport) -> None:
        """Check rich call data: what a token of that kind is for, and an addition to any other."""
        own = token.ppt == claims.RCD
        if own or not rcd.CLAIMS.isdisjoint(token.claims):
            for check in rcd.judge(token.claims, self.contents, required=own):
                ledger.add(check if own else replace(check, counts=False), Rule.INVALID)

    def _rebuilt(self, read: IdentityField) -> Passport:
        """The token of the compact form."""
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


def _reading(value: bytes | Reading) -> Reading:
    return value if isinstance(value, Reading) else Reading(value)


def _urls(read: IdentityField, layers: Sequence[Passport]) -> list[str]:
    """Where the certificates of one value are."""
    if read.compact:
        return [read.info]
    return [each.x5u for each in layers] if layers and layers[0].x5u == read.info else []


def _add_link(ledger: Ledger, around: Passport, token: Passport) -> None:
    """Hold a token against the one that carries it: made for who diverts there, and a proof of who calls at the end."""
    fault = ""
    if token.ppt not in claims.ORIGINALS and token.ppt != claims.DIV_O:
        fault = "opt holds a PASSporT that proves no caller"
    ledger.add(Check("kind", not fault, fault), Rule.INVALID)
    try:
        ok = claims.diverted(around.claims) in token.dest
    except MalformedError:
        return  # the check "div" of the one around has said so
    ledger.add(Check("dest", ok, "" if ok else "dest within is not who diverts"), Rule.MISMATCH)


def _with_dest(judged: _Judged, call: SignedCall, links: Sequence[_Judged]) -> Identity:
    """Add the check of dest to a token that stands for the call itself."""
    token = judged.token
    if token is not None and token.ppt != claims.DIV:
        judged.ledger.add(_dest(token, call, links), Rule.MISMATCH)
    return judged.ended()


def _dest(token: Passport, call: SignedCall, links: Sequence[_Judged]) -> Check:
    if claims.reaches(token, call.dest, ()):
        return Check("dest", True)
    if claims.reaches(token, call.dest, _tokens(links, Result.PASSED)):
        return Check("dest", True, "by diversion")
    if claims.reaches(token, call.dest, _tokens(links, Result.PASSED, Result.UNKNOWN)):
        return Check("dest", None, "a diversion could not be verified")
    return Check("dest", False, "dest is not who is called")


def _tokens(links: Iterable[_Judged], *results: Result) -> list[Passport]:
    return [each.token for each in links if each.token is not None and each.ended().result in results]


def _identity(
    token: Passport, checks: Sequence[Check], findings: Sequence[Finding], original: Mapping[str, Any]
) -> Identity:
    open_ = any(check.open or (check.ok is False and check.counts) for check in checks)
    result = Result.UNKNOWN if open_ else Result.PASSED
    if any(finding.rule is not Rule.UNREACHABLE for finding in findings):
        result = Result.FAILED
    return Identity(
        result, tuple(findings), tuple(checks), token.ppt, token.header, token.claims, token.signature,
        original=original,
    )  # fmt: skip


def _unread(value: bytes, ppt: str, rule: Rule, reason: str) -> Identity:
    header, body = claims.peek(value.partition(b";")[0].strip(b" \t"))
    checks = (Check("form", False, reason),)
    return Identity(Result.FAILED, (Finding(rule, reason),), checks, ppt, header=header, claims=body)


def _ignored(ppt: str, reason: str) -> Identity:
    return Identity(Result.UNKNOWN, (), (Check("form", None, reason),), ppt, ignored=True)


def _originals(identities: Iterable[Identity]) -> list[Identity]:
    """Those that may prove who calls."""
    return [each for each in identities if not each.ignored and each.ppt not in _NO_CALLER]


def combined(identities: tuple[Identity, ...]) -> Verification:
    """What follows from all identities of a call: `verify` ends with it, and who adds findings to one asks anew."""
    originals = _originals(identities)
    results = {each.result for each in originals}
    if Result.PASSED in results:
        return Verification(Result.PASSED, (), identities)
    judged = (each for each in identities if each.ppt not in claims.ASIDES)
    findings = tuple(dict.fromkeys(finding for each in judged for finding in each.findings))
    if not originals:
        missing = Finding(Rule.MISSING, "no Identity field that is understood" if identities else "no Identity field")
        return Verification(Result.FAILED, (missing, *findings), identities)
    return Verification(Result.UNKNOWN if Result.UNKNOWN in results else Result.FAILED, findings, identities)
