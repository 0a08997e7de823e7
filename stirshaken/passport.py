"""PASSporTs (RFC 8225): tokens read, checked for form, written; their ES256 signatures (RFC 7518 §3.4)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from stirshaken import base64url, canonical
from stirshaken.errors import MalformedError
from stirshaken.numbers import MAX_URI, Identifier, of_claim

MAX_TOKEN: Final = 8 * 1024  # octets; what an Identity value holds at most
MAX_PPT: Final = 32  # characters; "shaken" has six
ALG: Final = "ES256"
TYP: Final = "passport"
SIGNATURE: Final = 64  # octets: r and s, 32 each, big-endian (RFC 7518 §3.4)
# The order of the group of P-256 (FIPS 186-5, SP 800-186 §3.2.1.3)
ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

# What a verifier can build again from SIP: nothing that an extension adds (RFC 8225 §7, RFC 8224 §4.1, §6.1)
_COMPACT_HEADER: Final = frozenset({"alg", "typ", "x5u"})
_COMPACT_CLAIMS: Final = frozenset({"dest", "iat", "mky", "orig"})

_PPT: Final = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")
_X5U: Final = re.compile(r"[\x21-\x7e]+")

Signer = Callable[[bytes], bytes]


class UnsupportedError(MalformedError):
    """A token or key of an algorithm other than ES256: of good form perhaps, but nothing that can be verified."""


@dataclass(frozen=True, slots=True)
class Passport:
    """
    A token of good form; nothing in it is proven. `signing_input` is what the signature covers: of a full form the
    octets as received. Whoever changes `header` or `claims` changes the evidence: they are to be read.
    """

    header: dict[str, Any]
    claims: dict[str, Any]
    signing_input: bytes
    signature: bytes
    orig: Identifier
    dest: tuple[Identifier, ...]

    @property
    def x5u(self) -> str:
        """Where the certificate is said to be."""
        return str(self.header["x5u"])

    @property
    def ppt(self) -> str:
        """The extension that the token uses, "" for none."""
        return str(self.header.get("ppt", ""))

    @property
    def iat(self) -> int:
        """When it was issued, in seconds since 1970."""
        return int(self.claims["iat"])


def decode(token: bytes) -> Passport:
    """
    Read the full form, `header.claims.signature`. Raises UnsupportedError for an algorithm other than ES256,
    MalformedError for anything else that RFC 8225 §4 and §5 forbid; claims of extensions are not looked at.
    """
    if len(token) > MAX_TOKEN:
        raise MalformedError("token: too long")
    parts = token.split(b".")
    if len(parts) != 3:
        raise MalformedError("token: not three parts")
    header = canonical.decode(base64url.decode(parts[0]))
    _check_header(header)
    claims = canonical.decode(base64url.decode(parts[1]))
    return _passport(header, claims, parts[0] + b"." + parts[1], parts[2])


def rebuild(compact: bytes, header: Mapping[str, object], claims: Mapping[str, object]) -> Passport:
    """
    Read the compact form, `..signature`, with the header and claims that SIP implies (RFC 8225 §7, RFC 8224 §6.2).

    Raises MalformedError where it is none, and for header parameters or claims that only the full form may have
    (ppt, attest …).
    """
    if len(compact) > MAX_TOKEN or compact[:2] != b".." or b"." in compact[2:]:
        raise MalformedError("token: not the compact form")
    if not (header.keys() <= _COMPACT_HEADER and claims.keys() <= _COMPACT_CLAIMS):
        raise MalformedError("token: extensions need the full form")
    checked_header, checked_claims, signing_input = _canonical(header, claims)
    return _passport(checked_header, checked_claims, signing_input, compact[2:])


def encode(header: Mapping[str, object], claims: Mapping[str, object], sign: Signer) -> str:
    """
    Write the full form in canonical JSON (RFC 8225 §6, §9), the values of `dest` sorted (§5.2.1). The compact form
    is `".." + token.rpartition(".")[2]`. Raises MalformedError for what `decode` would refuse.
    """
    return encode_claims(encode_header(header), claims, sign)


def encode_header(header: Mapping[str, object]) -> str:
    """Write a JOSE header as it stands in a token. Raises MalformedError for what `decode` would refuse."""
    checked: dict[str, Any] = dict(header)
    _check_header(checked)
    return base64url.encode(canonical.encode(checked))


def encode_claims(header: str, claims: Mapping[str, object], sign: Signer) -> str:
    """As `encode`, with a header that `encode_header` has written: whoever signs calls has but one or two of them."""
    signing_input = f"{header}.{_encoded(claims)[1]}".encode("ascii")
    signature = sign(signing_input)
    if len(signature) != SIGNATURE:
        raise MalformedError("token: signature is not 64 octets")
    token = f"{signing_input.decode('ascii')}.{base64url.encode(signature)}"
    if len(token) > MAX_TOKEN:
        raise MalformedError("token: too long")
    return token


def verify_signature(public_key: object, signing_input: bytes, signature: bytes) -> bool:
    """Whether `signature` (r and s, 64 octets) is that of a P-256 key over the octets; False for any other key."""
    if not isinstance(public_key, ec.EllipticCurvePublicKey) or not isinstance(public_key.curve, ec.SECP256R1):
        return False
    r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
    if len(signature) != SIGNATURE or not (0 < r < ORDER and 0 < s < ORDER):
        return False
    try:
        public_key.verify(encode_dss_signature(r, s), signing_input, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def sign(private_key: object) -> Signer:
    """Make what signs octets with a P-256 key: r and s, 64 octets. Raises UnsupportedError for any other key."""
    if not isinstance(private_key, ec.EllipticCurvePrivateKey) or not isinstance(private_key.curve, ec.SECP256R1):
        raise UnsupportedError("key: not P-256")
    key = private_key

    def signer(octets: bytes) -> bytes:
        r, s = decode_dss_signature(key.sign(octets, ec.ECDSA(SHA256())))
        return r.to_bytes(32) + s.to_bytes(32)

    return signer


def _canonical(
    header: Mapping[str, object], claims: Mapping[str, object]
) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """Check what is to be signed, and write its signing input."""
    checked_claims, encoded = _encoded(claims)
    return dict(header), checked_claims, f"{encode_header(header)}.{encoded}".encode("ascii")


def _encoded(claims: Mapping[str, object]) -> tuple[dict[str, Any], str]:
    """Check claims, and write them as they stand in a token."""
    checked: dict[str, Any] = dict(claims)
    _check_claims(checked)
    checked["dest"] = {kind: sorted(values) for kind, values in checked["dest"].items()}
    return checked, base64url.encode(canonical.encode(checked))


def _passport(header: dict[str, Any], claims: dict[str, Any], signing_input: bytes, signature: bytes) -> Passport:
    orig, dest = _check_claims(claims)
    octets = base64url.decode(signature)
    if len(octets) != SIGNATURE:
        raise MalformedError("token: signature is not 64 octets")
    return Passport(header, claims, signing_input, octets, orig, dest)


def _check_header(header: Mapping[str, Any]) -> None:
    """Check a JOSE header (RFC 8225 §4, RFC 7515 §4.1). No `crit` is understood here, so all are refused."""
    if header.get("typ") != TYP:
        raise MalformedError("token: typ is not passport")
    if not isinstance(header.get("alg"), str):
        raise MalformedError("token: alg is missing")
    if header["alg"] != ALG:
        raise UnsupportedError("token: alg is not ES256")
    if "crit" in header:
        raise MalformedError("token: crit is not understood")
    if not _is_text(header.get("x5u"), _X5U, MAX_URI):
        raise MalformedError("token: x5u is missing or no URL")
    if "ppt" in header and not _is_text(header["ppt"], _PPT, MAX_PPT):
        raise MalformedError("token: ppt is no token")


def _is_text(value: object, pattern: re.Pattern[str], longest: int) -> bool:
    return isinstance(value, str) and len(value) <= longest and pattern.fullmatch(value) is not None


def _check_claims(claims: Mapping[str, Any]) -> tuple[Identifier, tuple[Identifier, ...]]:
    """Check the claims that each PASSporT has (RFC 8225 §5.1.1, §5.2.1); returns orig and dest."""
    iat = claims.get("iat")
    if type(iat) is not int or iat < 0:  # True is an int too
        raise MalformedError("token: iat is no number of seconds")
    return _orig(claims.get("orig")), _dest(claims.get("dest"))


def _orig(value: object) -> Identifier:
    if not isinstance(value, dict) or len(value) != 1:
        raise MalformedError("token: orig is not one identity")
    ((kind, identity),) = value.items()
    return _identifier(kind, identity)


def _dest(value: object) -> tuple[Identifier, ...]:
    if not isinstance(value, dict) or not value:
        raise MalformedError("token: dest is no identity")
    return tuple(_identifier(kind, identity) for kind, identities in value.items() for identity in _array(identities))


def _array(value: object) -> list[object]:
    if not isinstance(value, list) or not value:
        raise MalformedError("token: dest has no array of identities")
    return value


def _identifier(kind: str, value: object) -> Identifier:
    if not isinstance(value, str):
        raise MalformedError("token: an identity is no text")
    return of_claim(kind, value)
