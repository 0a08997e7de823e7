"""The bodies of ATIS-1000082 requests, read strictly: every parameter is there, is known, and is what it must be."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from proxy.admin.asgi import MAX_BODY
from proxy.admin.stir_errors import INVALID, MISSING, UNPARSED, Fault
from stirshaken import canonical, claims, identity, numbers
from stirshaken.errors import MalformedError
from stirshaken.numbers import Identifier
from stirshaken.sign import MAX_DEST

#   the characters of a telephone number: digits, "*", "#", and "+", "-", ".", "(", ")"
_TN: Final = re.compile(r"[0-9*#+.\-()]{1,64}")


@dataclass(frozen=True, slots=True)
class SigningRequest:
    """What is to be signed."""

    attest: str
    orig: Identifier
    dest: tuple[Identifier, ...]
    iat: int
    origid: str


@dataclass(frozen=True, slots=True)
class VerificationRequest:
    """What is to be verified: Identity values against who calls whom and when (the Date field)."""

    orig: Identifier
    dest: tuple[Identifier, ...]
    time: int
    values: tuple[bytes, ...]


def signing_request(body: bytes) -> SigningRequest:
    """Read the body of a signing request. Raises Fault."""
    return SigningRequest(
        **_parameters(
            body,
            "signingRequest",
            {"attest": _attest, "orig": _number, "dest": _numbers, "iat": _moment, "origid": _origid},
        )
    )


def verification_request(body: bytes) -> VerificationRequest:
    """Read the body of a verification request. Raises Fault."""
    read = {"from": _number, "to": _numbers, "time": _moment, "identity": _values}
    found = _parameters(body, "verificationRequest", read)
    return VerificationRequest(found["from"], found["to"], found["time"], found["identity"])


class _Wrong(Exception):
    """Why a value cannot be taken."""


def _parameters(body: bytes, name: str, read: Mapping[str, Callable[[Any], object]]) -> dict[str, Any]:
    try:
        document = canonical.decode(body, MAX_BODY)
    except MalformedError as error:
        raise Fault(UNPARSED, error.reason) from None
    given = _one(document, name)
    if not isinstance(given, dict):
        raise Fault(INVALID, name, "not an object")
    for parameter in read:
        if parameter not in given:
            raise Fault(MISSING, parameter)
    for parameter in given:
        if parameter not in read:
            raise Fault(INVALID, parameter, "unknown parameter")
    found: dict[str, Any] = {}
    for parameter, reader in read.items():
        try:
            found[parameter] = reader(given[parameter])
        except _Wrong as wrong:
            raise Fault(INVALID, parameter, str(wrong)) from None
    return found


def _one(document: Mapping[str, Any], name: str) -> object:
    """The one member that a document has."""
    if name not in document:
        raise Fault(MISSING, name)
    for member in document:
        if member != name:
            raise Fault(INVALID, member, "unknown parameter")
    return document[name]


def _attest(value: object) -> str:
    if not isinstance(value, str) or value not in claims.LEVELS:
        raise _Wrong("none of A, B, C")
    return value


def _origid(value: object) -> str:
    if not isinstance(value, str) or not claims.is_uuid(value):
        raise _Wrong("not a UUID")
    return value


def _moment(value: object) -> int:
    """Seconds since 1970; JSON has been read so that no integer is out of range."""
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise _Wrong("not a whole number of seconds since 1970")
    return value


def _number(value: object) -> Identifier:
    return _tn(_only_tn(value))


def _numbers(value: object) -> tuple[Identifier, ...]:
    given = _only_tn(value)
    if not isinstance(given, list) or not 1 <= len(given) <= MAX_DEST:
        raise _Wrong(f"tn is not a list of 1 to {MAX_DEST} telephone numbers")
    return tuple(map(_tn, given))


def _only_tn(value: object) -> object:
    if not isinstance(value, dict):
        raise _Wrong("not an object")
    if "tn" not in value:
        raise _Wrong("tn is missing")
    if len(value) > 1:
        raise _Wrong("only tn is supported")
    return value["tn"]


def _tn(value: object) -> Identifier:
    number = numbers.canonical_number(value) if isinstance(value, str) and _TN.fullmatch(value) else None
    if number is None:
        raise _Wrong("tn is no telephone number")
    return Identifier("tn", number)


def _values(value: object) -> tuple[bytes, ...]:
    """The values of an Identity field; a line that cannot be parted is one value, which cannot be valid."""
    if not isinstance(value, str) or not value.strip(" \t"):
        raise _Wrong("not the value of an Identity header field")
    line = value.encode()
    try:
        return tuple(identity.split(line))
    except MalformedError:
        return (line,)
