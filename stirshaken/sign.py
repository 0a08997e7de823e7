"""Signs calls (RFC 8224 §6.1, RFC 8588, RFC 8946): the values of Identity fields, in the full form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from stirshaken import claims, identity, passport
from stirshaken.errors import MalformedError
from stirshaken.nested import unfold
from stirshaken.numbers import Identifier

MAX_DEST: Final = 64  # called at once; one of a div token is where the call goes next


class Signer:
    """Signs with one key, whose certificate is at `x5u`. Raises MalformedError for a key that is not P-256."""

    def __init__(self, private_key: object, x5u: str) -> None:
        self._sign = passport.sign(private_key)
        self._x5u = x5u
        self._forms: dict[str, tuple[str, str]] = {}

    def shaken(
        self,
        orig: Identifier,
        dest: Sequence[Identifier],
        attest: str,
        origid: str,
        iat: float,
        mky: Sequence[Mapping[str, str]] | None = None,
    ) -> str:
        """
        Give the Identity value of a call (RFC 8588). Raises MalformedError for what no verifier would accept.

        Args:
            orig: Who calls.
            dest: Who is called, one or more.
            attest: A, B or C.
            origid: A UUID, which says where the call came from to those who know.
            iat: The moment, in epoch seconds; that of the Date field.
            mky: The fingerprints of the SDP, where it has any (RFC 8224 §4): `stirshaken.media.claim`.
        """
        if attest not in claims.LEVELS:
            raise MalformedError("token: attest is none of A, B, C")
        if not claims.is_uuid(origid):
            raise MalformedError("token: origid is no UUID")
        more: dict[str, object] = {"attest": attest, "origid": origid}
        if mky:
            more["mky"] = sorted((dict(key) for key in mky), key=lambda key: (key.get("alg", ""), key.get("dig", "")))
        return self._value(claims.SHAKEN, orig, dest, iat, more)

    def div(self, orig: Identifier, dest: Sequence[Identifier], div: Identifier, iat: float) -> str:
        """
        Give the Identity value to add where `div`, who was called, diverts a call of `orig` to `dest` (RFC 8946 §4.1).

        The values that the call has must stay. Raises MalformedError.
        """
        return self._value(claims.DIV, orig, dest, iat, {"div": {div.kind: div.value}})

    def div_o(self, original: str, dest: Sequence[Identifier], div: Identifier, iat: float) -> str:
        """
        Give the Identity value that stands for all that a diverted call had: it carries the token of `original`
        (RFC 8946 §5.1), for where only one value gets through.

        Args:
            original: An Identity value of the call: base, shaken or div-o, in the full form.
            dest: Who is called from now on.
            div: Who diverts, one of those whom `original` was made for.
            iat: The moment, in epoch seconds.

        Raises MalformedError where `original` is none of these, does not lead to `div`, or has become too long.
        """
        token = identity.parse(original.encode()).token
        inner = passport.decode(token)
        unfold(inner)
        if inner.ppt not in claims.ORIGINALS | {claims.DIV_O}:
            raise MalformedError("token: opt proves no caller")
        if div not in inner.dest:
            raise MalformedError("token: div is not the dest within")
        more = {"div": {div.kind: div.value}, "opt": token.decode("ascii")}
        return self._value(claims.DIV_O, inner.orig, dest, iat, more)

    def _value(
        self, ppt: str, orig: Identifier, dest: Sequence[Identifier], iat: float, more: Mapping[str, object]
    ) -> str:
        if not 1 <= len(dest) <= MAX_DEST:
            raise MalformedError("token: dest has none or too many")
        named: dict[str, list[str]] = {}
        for each in dict.fromkeys(dest):
            named.setdefault(each.kind, []).append(each.value)
        body = {"orig": {orig.kind: orig.value}, "dest": named, "iat": int(iat), **more}
        header, params = self._forms.get(ppt) or self._form(ppt)
        value = passport.encode_claims(header, body, self._sign) + params
        if len(value) > identity.MAX_VALUE:
            raise MalformedError("Identity: too long")
        return value

    def _form(self, ppt: str) -> tuple[str, str]:
        """What all tokens of a kind have in common: the header, and the parameters behind the token."""
        header = {"alg": passport.ALG, "ppt": ppt, "typ": passport.TYP, "x5u": self._x5u}
        made = self._forms[ppt] = passport.encode_header(header), identity.form("t", self._x5u, ppt=ppt)[1:]
        return made
