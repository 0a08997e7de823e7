"""TNAuthorizationList (RFC 8226 §9): the service providers and numbers that a certificate speaks for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from stirshaken import der
from stirshaken.errors import MalformedError

OID: Final = "1.3.6.1.5.5.7.1.26"  # id-pe-TNAuthList
MAX_ENTRIES: Final = 4096  # 64 KiB of DER hold no more than some 5,000; a list is searched for every call
MAX_SPC: Final = 64  # four characters in the USA; nobody's code is as long

# TelephoneNumber ::= IA5String (SIZE (1..15)) (FROM ("0123456789#*"))
_NUMBER: Final = re.compile(r"[0-9#*]{1,15}", re.ASCII)
_DIGITS: Final = re.compile(r"[0-9]{1,15}", re.ASCII)
_SPC: Final = re.compile(rf"[\x21-\x7e]{{1,{MAX_SPC}}}", re.ASCII)

Spans: TypeAlias = dict[int, list[tuple[int, int]]]  # length of the numbers -> first and last of each range, sorted


@dataclass(frozen=True, slots=True)
class Spc:
    """All numbers of a service provider, by its code. Raises MalformedError for a code that is none."""

    code: str

    def __post_init__(self) -> None:
        if not _SPC.fullmatch(self.code):
            raise MalformedError("service provider code is empty, too long or not visible ASCII")


@dataclass(frozen=True, slots=True)
class Range:
    """`count` numbers from `start` on, all of its length. Raises MalformedError where they are no range."""

    start: str
    count: int

    def __post_init__(self) -> None:
        if not _DIGITS.fullmatch(self.start):
            raise MalformedError("start of a number range is not 1 to 15 digits")
        if self.count < 2:
            raise MalformedError("number range has a count below 2")
        if int(self.start) + self.count >= 10 ** len(self.start):
            raise MalformedError("number range goes beyond the length of its start")

    @property
    def last(self) -> str:
        """The last number of the range."""
        return str(int(self.start) + self.count - 1).zfill(len(self.start))


@dataclass(frozen=True, slots=True)
class One:
    """One number, of digits, # and *. Raises MalformedError for anything else."""

    number: str

    def __post_init__(self) -> None:
        if not _NUMBER.fullmatch(self.number):
            raise MalformedError("number is not 1 to 15 of digits, # and *")


Entry: TypeAlias = Spc | Range | One


@dataclass(frozen=True, slots=True)
class TNAuthList:
    """One entry or more, in the order of the certificate. Raises MalformedError for none or too many."""

    entries: tuple[Entry, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.entries) <= MAX_ENTRIES:
            raise MalformedError("TNAuthorizationList is empty or too long")

    @property
    def spcs(self) -> tuple[str, ...]:
        """Every service provider code."""
        return tuple(entry.code for entry in self.entries if isinstance(entry, Spc))

    @property
    def has_spc(self) -> bool:
        """Whether a service provider code is listed: its numbers are known to its country's registry alone."""
        return any(isinstance(entry, Spc) for entry in self.entries)

    @property
    def has_numbers(self) -> bool:
        """Whether numbers are listed."""
        return any(not isinstance(entry, Spc) for entry in self.entries)

    def covers(self, number: str) -> bool:
        """Whether `number` (digits without "+") is listed, by itself or in a range; a provider code lists none."""
        return any(_lists(entry, number) for entry in self.entries)

    def encompasses(self, other: TNAuthList) -> bool:
        """
        Whether a certificate with this list may issue one with the other (RFC 9060 §4).

        Every provider code of `other` must be listed here. So must every number of it, unless this list has
        a provider code and no numbers: which numbers belong to a code cannot be seen in certificates.
        """
        if not set(other.spcs) <= set(self.spcs):
            return False
        if not other.has_numbers or not self.has_numbers:
            return True
        special = {entry.number for entry in self.entries if isinstance(entry, One)}
        spans = _merged(self.entries)
        return all(_within(entry, special, spans) for entry in other.entries if not isinstance(entry, Spc))


def decode(octets: bytes) -> TNAuthList:
    """Read the DER of the extension's value. Raises MalformedError."""
    outer = der.Reader(octets)
    row = outer.enter(der.SEQUENCE)
    outer.finish()
    entries: list[Entry] = []
    while row.tag >= 0 and len(entries) <= MAX_ENTRIES:
        entries.append(_entry(row))
    return TNAuthList(tuple(entries))


def encode(listed: TNAuthList) -> bytes:
    """Write the DER of the extension's value."""
    return der.value(der.SEQUENCE, *map(_encoded, listed.entries))


def _entry(row: der.Reader) -> Entry:
    # TNEntry ::= CHOICE { spc [0] ServiceProviderCode, range [1] TelephoneNumberRange, one [2] TelephoneNumber }
    tag = row.tag
    inner = row.enter(tag) if tag in (der.context(0), der.context(1), der.context(2)) else None
    if inner is None:
        raise MalformedError("TNEntry is neither code, range nor number")
    entry = _range(inner) if tag == der.context(1) else Spc(inner.ia5()) if tag == der.context(0) else One(inner.ia5())
    inner.finish()
    return entry


def _range(outer: der.Reader) -> Range:
    # TelephoneNumberRange ::= SEQUENCE { start TelephoneNumber, count INTEGER (2..MAX) }
    inner = outer.enter(der.SEQUENCE)
    found = Range(inner.ia5(), inner.integer())
    inner.finish()
    return found


def _encoded(entry: Entry) -> bytes:
    if isinstance(entry, Spc):
        return der.value(der.context(0), der.ia5(entry.code))
    if isinstance(entry, One):
        return der.value(der.context(2), der.ia5(entry.number))
    return der.value(der.context(1), der.value(der.SEQUENCE, der.ia5(entry.start), der.integer(entry.count)))


def _lists(entry: Entry, number: str) -> bool:
    if isinstance(entry, One):
        return entry.number == number
    if isinstance(entry, Spc) or len(number) != len(entry.start) or not _DIGITS.fullmatch(number):
        return False
    return entry.start <= number <= entry.last  # texts of one length sort as numbers do


def _span(entry: Range | One) -> tuple[int, int]:
    return (int(entry.start), int(entry.last)) if isinstance(entry, Range) else (int(entry.number), int(entry.number))


def _length(entry: Range | One) -> int:
    return len(entry.start if isinstance(entry, Range) else entry.number)


def _countable(entry: Entry) -> bool:
    return isinstance(entry, Range) or (isinstance(entry, One) and _DIGITS.fullmatch(entry.number) is not None)


def _merged(entries: Iterable[Entry]) -> Spans:
    """All digits-only numbers as ranges that neither overlap nor touch."""
    by_length: Spans = {}
    for entry in entries:
        if not isinstance(entry, Spc) and _countable(entry):
            by_length.setdefault(_length(entry), []).append(_span(entry))
    return {length: _joined(sorted(spans)) for length, spans in by_length.items()}


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    joined = [spans[0]]
    for first, last in spans[1:]:
        before, end = joined[-1]
        if first <= end + 1:
            joined[-1] = (before, max(end, last))
        else:
            joined.append((first, last))
    return joined


def _within(entry: Range | One, special: set[str], spans: Spans) -> bool:
    if not _countable(entry):
        return isinstance(entry, One) and entry.number in special
    first, last = _span(entry)
    return any(start <= first and last <= end for start, end in spans.get(_length(entry), ()))
