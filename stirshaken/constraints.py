"""JWTClaimConstraints (RFC 8226 §8) and EnhancedJWTClaimConstraints (RFC 9118): what a key may claim."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from stirshaken import canonical, der
from stirshaken.errors import MalformedError

OID: Final = "1.3.6.1.5.5.7.1.27"  # id-pe-JWTClaimConstraints
ENHANCED_OID: Final = "1.3.6.1.5.5.7.1.33"  # id-pe-eJWTClaimConstraints
MAX_NAMES: Final = 256  # claims that are registered at all: some 150
MAX_VALUES: Final = 1024  # values of one claim; they are compared one by one

_Item = TypeVar("_Item")
_MUST_INCLUDE: Final = der.context(0)
_PERMITTED: Final = der.context(1)
_MUST_EXCLUDE: Final = der.context(2)


@dataclass(frozen=True, slots=True)
class Constraints:
    """
    Claims that must be there, claims with the only values they may have, and claims that must not be there.

    Raises MalformedError where all three are empty: then the extension says nothing and is not allowed.
    """

    must_include: tuple[str, ...] = ()
    permitted: tuple[tuple[str, tuple[str, ...]], ...] = ()
    must_exclude: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not (self.must_include or self.permitted or self.must_exclude):
            raise MalformedError("claim constraints constrain nothing")


def decode(octets: bytes, *, enhanced: bool) -> Constraints:
    """Read the DER of the extension's value; only the enhanced one has mustExclude. Raises MalformedError."""
    outer = der.Reader(octets)
    row = outer.enter(der.SEQUENCE)
    outer.finish()
    include = _names(row.enter(_MUST_INCLUDE)) if row.tag == _MUST_INCLUDE else ()
    permitted = _permitted(row.enter(_PERMITTED)) if row.tag == _PERMITTED else ()
    exclude = _names(row.enter(_MUST_EXCLUDE)) if enhanced and row.tag == _MUST_EXCLUDE else ()
    row.finish()
    return Constraints(include, permitted, exclude)


def encode(constraints: Constraints) -> bytes:
    """Write the DER of the extension's value; the enhanced extension's where something is excluded."""
    parts = []
    if constraints.must_include:
        parts.append(der.value(_MUST_INCLUDE, _row(map(der.ia5, constraints.must_include))))
    if constraints.permitted:
        pairs = ((der.ia5(name), _row(map(der.utf8, values))) for name, values in constraints.permitted)
        parts.append(der.value(_PERMITTED, _row(der.value(der.SEQUENCE, *pair) for pair in pairs)))
    if constraints.must_exclude:
        parts.append(der.value(_MUST_EXCLUDE, _row(map(der.ia5, constraints.must_exclude))))
    return der.value(der.SEQUENCE, *parts)


def check(constraints: Constraints, claims: Mapping[str, object]) -> str | None:
    """
    Hold the claims of a PASSporT against what its certificate allows.

    Args:
        constraints: What the certificate allows.
        claims: The payload, as JSON values.

    Returns:
        None where all is allowed, else the first fault. A claim that is listed with values has to be one of
        them: a text as it is, any other JSON value as its canonical JSON (RFC 8225 §9).
    """
    for name in constraints.must_include:
        if name not in claims:
            return f"certificate demands the claim {name}"
    for name in constraints.must_exclude:
        if name in claims:
            return f"certificate forbids the claim {name}"
    for name, values in constraints.permitted:
        if name in claims and not _is_one_of(claims[name], values):
            return f"certificate does not permit this value of the claim {name}"
    return None


def _is_one_of(claim: object, values: tuple[str, ...]) -> bool:
    if isinstance(claim, str):
        return claim in values
    try:
        return canonical.encode(claim).decode("utf-8") in values
    except MalformedError:
        return False  # no JSON value that has a canonical form


def _row(parts: Iterable[bytes]) -> bytes:
    return der.value(der.SEQUENCE, *parts)


def _names(outer: der.Reader) -> tuple[str, ...]:
    # JWTClaimNames ::= SEQUENCE SIZE (1..MAX) OF JWTClaimName; JWTClaimName ::= IA5String
    inner = outer.enter(der.SEQUENCE)
    outer.finish()
    names: list[str] = []
    while inner.tag >= 0:
        names.append(inner.ia5())
    return _bounded(names, MAX_NAMES)


def _permitted(outer: der.Reader) -> tuple[tuple[str, tuple[str, ...]], ...]:
    # JWTClaimValuesList ::= SEQUENCE SIZE (1..MAX) OF JWTClaimValues
    inner = outer.enter(der.SEQUENCE)
    outer.finish()
    pairs: list[tuple[str, tuple[str, ...]]] = []
    while inner.tag >= 0:
        pairs.append(_values(inner.enter(der.SEQUENCE)))
    return _bounded(pairs, MAX_NAMES)


def _values(pair: der.Reader) -> tuple[str, tuple[str, ...]]:
    # JWTClaimValues ::= SEQUENCE { claim JWTClaimName, values SEQUENCE SIZE (1..MAX) OF UTF8String }
    name = pair.ia5()
    inner = pair.enter(der.SEQUENCE)
    pair.finish()
    values: list[str] = []
    while inner.tag >= 0:
        values.append(inner.utf8())
    return name, _bounded(values, MAX_VALUES)


def _bounded(found: list[_Item], most: int) -> tuple[_Item, ...]:
    if not 1 <= len(found) <= most:
        raise MalformedError("claim constraints have an empty or too long list")
    return tuple(found)
