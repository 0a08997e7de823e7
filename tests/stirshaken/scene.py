"""A hierarchy, signers and a call that is right in everything, for tests to break in one place each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from stirshaken import base64url, certificate, passport
from stirshaken.certificate import Anchors, Validated, validate
from stirshaken.claims import SignedCall
from stirshaken.constraints import Constraints
from stirshaken.findings import Check, Rule
from stirshaken.hierarchy import Holder, Validity, intermediate, leaf, name, new_key, root
from stirshaken.identity import form
from stirshaken.numbers import Identifier
from stirshaken.tnauthlist import Entry, One, Range, Spc, TNAuthList
from stirshaken.verify import Verification, verify

NOW = 1_800_000_000
YEAR = Validity(NOW - 86_400, 365)
X5U = "https://cert.example.org/leaf.pem"
OTHER_X5U = "https://cert.example.org/other.pem"
ORIGID = "123e4567-e89b-12d3-a456-426655440000"
CALLER = Identifier("tn", "12155551212")
CALLED = Identifier("tn", "12155551213")
SECOND = Identifier("tn", "12155551214")
THIRD = Identifier("tn", "12155551215")
CALL = SignedCall(CALLER, (CALLED,))


@dataclass(frozen=True)
class Hierarchy:
    root: Holder
    issuer: Holder
    anchors: Anchors


@cache
def hierarchy() -> Hierarchy:
    top = root(name("US", "Test", "Root"), new_key(), 1001, YEAR)
    middle = intermediate(top, name("US", "Test", "Issuer"), new_key(), 1002, YEAR)
    return Hierarchy(top, middle, certificate.anchors_of([top.certificate]))


@dataclass(frozen=True)
class Party:
    """Who signs: a key, and what became of the chain."""

    holder: Holder
    chain: tuple[object, ...]
    validated: Validated

    def token(self, claims: dict[str, object] | None = None, header: dict[str, object] | None = None) -> str:
        return passport.encode(HEADER | (header or {}), CLAIMS | (claims or {}), passport.sign(self.holder.key))

    def value(self, claims: dict[str, object] | None = None, ppt: str = "shaken", x5u: str = X5U) -> bytes:
        return form(self.token(claims, {"ppt": ppt, "x5u": x5u}), x5u, ppt=ppt).encode()


HEADER: dict[str, object] = {"alg": "ES256", "ppt": "shaken", "typ": "passport", "x5u": X5U}
CLAIMS: dict[str, object] = {
    "attest": "A",
    "dest": {"tn": [CALLED.value]},
    "iat": NOW,
    "orig": {"tn": CALLER.value},
    "origid": ORIGID,
}


@cache
def party(
    *entries: Entry,
    allowed: Constraints | None = None,
    days: float = 365,
    start: float = NOW - 86_400,
    trusted: bool = True,
    now: float = NOW,
) -> Party:
    above = hierarchy()
    key = new_key()
    authority = TNAuthList(entries or (Spc("709J"),))
    validity = Validity(start, days)
    certificate_ = leaf(
        above.issuer, name("US", "Test", "SHAKEN 709J"), key.public_key(), 2001, validity, authority, allowed=allowed
    )
    chain = (certificate_, above.issuer.certificate) if trusted else (certificate_,)
    return Party(Holder(certificate_, key), chain, validate(chain, above.anchors, now))


NUMBERS = (Range("12155551200", 100), One("911"))


GOOD = party().value()
UNSUPPORTED = GOOD.replace(b"ppt=shaken", b"ppt=msg")
STALE = party().value({"iat": NOW - 100})
CERTIFICATES: dict[str, Validated | str] = {X5U: party().validated}
SIP = Identifier("uri", "sip:alice@example.com")
BASE = {"dest": CLAIMS["dest"], "iat": NOW, "orig": CLAIMS["orig"]}


def judged(
    value: bytes, call: SignedCall = CALL, validated: Validated | str | None = None, **more: Any
) -> Verification:
    return verify(call, [value], {X5U: party().validated if validated is None else validated}, NOW, **more)


def rules(found: Verification) -> set[Rule]:
    return {finding.rule for finding in found.findings}


def check(found: Verification, name: str) -> Check:
    return next(each for each in found.checks if each.name == name)


def raw(header: object, claims: object, signer: Party | None = None) -> bytes:
    """A signed token of any JSON at all, in an Identity value for X5U and shaken."""
    octets = ".".join(base64url.encode(json.dumps(part).encode()) for part in (header, claims))
    signature = passport.sign((signer or party()).holder.key)(octets.encode())
    return f"{octets}.{base64url.encode(signature)};info=<{X5U}>;alg=ES256;ppt=shaken".encode()


def base(signer: Party, claims: dict[str, object] | None = None, *, compact: bool = False) -> bytes:
    header = {"alg": "ES256", "typ": "passport", "x5u": X5U}
    token = passport.encode(header, BASE | (claims or {}), passport.sign(signer.holder.key))
    return form(".." + token.rpartition(".")[2] if compact else token, X5U).encode()


def div(dest: Identifier, origin: Identifier, **claims: object) -> bytes:
    return diversion(party(), dest, origin, X5U, **claims)


def diversion(signer: Party, dest: Identifier, origin: Identifier, x5u: str, **claims: object) -> bytes:
    header = {"alg": "ES256", "ppt": "div", "typ": "passport", "x5u": x5u}
    body = {**BASE, "dest": {dest.kind: [dest.value]}, "div": {origin.kind: origin.value}, **claims}
    return form(passport.encode(header, body, passport.sign(signer.holder.key)), x5u, ppt="div").encode()
