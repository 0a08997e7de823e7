"""The authentication service (RFC 8224 §6.1): the fields that a call is signed with on its way to the core."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from email.utils import formatdate
from typing import Final

from proxy.call.model import Call
from proxy.call.signed import identifier, orig_of
from stirshaken import claims, identity, media, passport
from stirshaken.errors import MalformedError
from stirshaken.numbers import Identifier
from stirshaken.sign import Signer

Fields = tuple[tuple[str, str], ...]
# Seconds that a call's own Date may be off: verifiers grant sixty, and they are for the way there.
SKEW: Final = 10.0


class Authentication:
    """
    Signs the calls of trunks. `scope` is what tells this operator's trunks from another's (its provider code):
    `origid` is derived from it and the trunk's id, so that it is the same on every node and after every restart, and
    says nothing to those who do not know both. `clock` gives epoch seconds, `max_age` is how far the Date of a call
    that brings tokens may be from now.
    """

    def __init__(self, signer: Signer, scope: str, clock: Callable[[], float], max_age: float = 60.0) -> None:
        self._signer = signer
        self._clock = clock
        self._max_age = max_age
        self._scope = uuid.uuid5(uuid.NAMESPACE_URL, f"urn:trunkward:origid:{scope}")
        self._origids: dict[str, str] = {}

    def fields(self, call: Call, level: str, diverting: Sequence[str] = ()) -> tuple[Fields, str]:
        """
        The fields to add, and the level that they attest; () and "" for a call that cannot be signed.

        Date is among them where the call has none, or a wrong one: nobody would believe that; tokens that the call
        brings were made for the one that it has. `iat` is now, whatever a customer's clock says. A call that was
        diverted and brings a token for the number that diverts it (one of `diverting`) gets a div PASSporT instead of
        a new one (RFC 8946 §4.1): its caller is not ours.
        """
        now = self._clock()
        dated = call.date is not None and abs(now - call.date) <= (self._max_age if call.identities else SKEW)
        try:
            value = self._diversion(call, diverting, now)
            attested = "" if value else level
            value = value or self._shaken(call, level, now)
        except MalformedError:
            return (), ""
        date = () if dated else (("Date", formatdate(int(now), usegmt=True)),)
        return (*date, ("Identity", value)), attested

    def is_fresh(self, moment: float) -> bool:
        """Whether a token of that moment would be believed now: no other is signed (RFC 8224 §6.1)."""
        return abs(self._clock() - moment) <= self._max_age

    def sign(self, orig: Identifier, dest: Sequence[Identifier], level: str, origid: str, iat: int) -> str:
        """The Identity value for who has judged the call and gives all it says. Raises MalformedError."""
        return self._signer.shaken(orig, dest, level, origid, iat)

    def origid(self, trunk_id: str) -> str:
        """The `origid` of a trunk's calls (RFC 8588 §5)."""
        known = self._origids.get(trunk_id)
        if known is None:
            known = self._origids[trunk_id] = str(uuid.uuid5(self._scope, trunk_id))
        return known

    def _shaken(self, call: Call, level: str, iat: float) -> str:
        orig = Identifier("tn", _caller(call).removeprefix("+"))
        keys = media.claim(call.fingerprints) if call.fingerprints else None  # RFC 8224 §4
        return self._signer.shaken(orig, [identifier(call.called)], level, self.origid(call.trunk.id), iat, keys)

    def _diversion(self, call: Call, diverting: Sequence[str], iat: float) -> str:
        ours = [identifier(number) for number in diverting]
        for value in call.identities if ours else ():
            token = _shaken_token(value)
            if token is None or token.orig != orig_of(call):
                continue
            div = next((number for number in ours if number in token.dest), None)
            if div is not None:
                return self._signer.div(token.orig, [identifier(call.called)], div, iat)
        return ""


def _caller(call: Call) -> str:
    """The number that verifiers hold a token against: the asserted one, else that of From; else what there is."""
    for header in ("P-Asserted-Identity", "From"):
        for claim in call.claims:
            if claim.header == header and claim.number:
                return claim.number
    return call.caller


def _shaken_token(value: bytes) -> passport.Passport | None:
    """The token of an Identity value that a diversion can follow; None for any other."""
    try:
        read = identity.parse(value)
        if read.compact or read.ppt == claims.DIV:
            return None
        return passport.decode(read.token)
    except MalformedError:
        return None
