"""
A directory as one file that never changes: checked before it is believed, then mapped and read where it lies.

    "TWDIR2" LF NUL · SHA-256 of all that follows · head (octet order, length of the file, how many numbers) ·
    offset and length of each section · the sections, each at a multiple of 8 octets

Trunks and customers are JSON. Everything that there may be a million of is an array: keys of 8 octets in ascending
order, the rest of 4. Days are ordinals, 0 for an open end; texts stand one behind the other and are found by where
they begin. A set is what holds on one range: indices into the table of grants, or of bars.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import struct
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any, Final, Generic, TypeVar, overload

import msgspec

from proxy.call.barred import Bar, Barred
from proxy.call.consents import Consents
from proxy.call.directory import Directory, Grant
from proxy.call.trunk import Customer, DialPlan, IdentityTerms, RuleAction, Trunk, TrunkLimits

DIGEST: Final = slice(8, 40)
_MAGIC: Final = b"TWDIR2\n\0"
_HEAD: Final = struct.Struct("=QQQ")
_ORDER: Final = 0x0102030405060708  # reads otherwise on a machine with another order of octets
# the sections of facts, ranges, grants, bars, consents, texts: "" is octets, Q and I are the arrays' own letters
_SECTIONS: Final = ("", *"QQI", *"IIIII", *"II", *"QQI", *"III", *"II", *"QIII", "", *"I", "")
_T = TypeVar("_T")


class SnapshotError(Exception):
    """A snapshot that is cut off, changed, or of another version."""


class Sets(Sequence[tuple[_T, ...]], Generic[_T]):
    """Sets that are made of a table's rows each time that somebody asks for one."""

    __slots__ = ("_begins", "_make", "_members")

    def __init__(self, begins: memoryview[int], members: memoryview[int], make: Callable[[int], _T]) -> None:
        """Set `i` is what `make` makes of `members[begins[i]:begins[i + 1]]`."""
        self._begins = begins
        self._members = members
        self._make = make

    def __len__(self) -> int:
        return len(self._begins) - 1

    @overload
    def __getitem__(self, index: int) -> tuple[_T, ...]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[tuple[_T, ...]]: ...
    def __getitem__(self, index: int | slice) -> tuple[_T, ...] | Sequence[tuple[_T, ...]]:
        if isinstance(index, slice):
            return tuple(map(self.__getitem__, range(*index.indices(len(self)))))
        if not 0 <= index < len(self):
            raise IndexError(index)
        return tuple([self._make(member) for member in self._members[self._begins[index] : self._begins[index + 1]]])


def encode(directory: Directory) -> bytes:
    """A directory as octets."""
    texts = _Texts()
    places = {trunk_id: place for place, trunk_id in enumerate(directory.trunks)}
    facts = msgspec.json.encode(
        {
            "trunks": [asdict(trunk) for trunk in directory.trunks.values()],
            "customers": [asdict(customer) for customer in directory.customers.values()],
        }
    )
    grants = _table(
        directory.sets,
        lambda it: (places[it.trunk_id], *_ordinals(it), texts.place(it.purpose), texts.place(it.proof)),
        5,
    )
    bars = _table(directory.barred.sets, lambda it: (*_ordinals(it), texts.place(it.reason)), 3)
    consents = directory.consents
    known = msgspec.json.encode(consents.customers)
    arrays = (*directory.ranges, *grants, *directory.barred.ranges, *bars, *consents.arrays)
    sections = [facts, *(each.tobytes() for each in arrays), known, texts.begins.tobytes(), b"".join(texts.octets)]
    return _packed(sections, directory.total)


def decode(data: bytes | mmap.mmap) -> Directory:
    """The directory that `encode` made octets of; what it reads stays where it is. Raises SnapshotError."""
    sections, total = _sections(memoryview(data))
    facts, first, last, chosen, *rest = sections
    grant_table, (grant_begins, grant_members), rest = rest[:5], rest[5:7], rest[7:]
    (low, high, barred), bar_table, (bar_begins, bar_members), rest = rest[:3], rest[3:6], rest[6:8], rest[8:]
    callees, holders, opens, ends, known, begins, octets = rest
    facts = msgspec.json.decode(facts)
    trunks = [_trunk(raw) for raw in facts["trunks"]]
    customers = [Customer(**raw) for raw in facts["customers"]]
    ids = [trunk.id for trunk in trunks]

    def text(place: int) -> str:
        return str(octets[begins[place] : begins[place + 1]], "utf-8")

    def grant(place: int) -> Grant:
        trunk, first, last, purpose, proof = [column[place] for column in grant_table]
        return Grant(ids[trunk], _day(first), _day(last), text(purpose), text(proof))

    def bar(place: int) -> Bar:
        first, last, reason = [column[place] for column in bar_table]
        return Bar(text(reason), _day(first), _day(last))

    return Directory(
        {trunk.id: trunk for trunk in trunks},
        {customer.id: customer for customer in customers},
        first,
        last,
        chosen,
        Sets(grant_begins, grant_members, grant),
        Barred(low, high, barred, Sets(bar_begins, bar_members, bar)),
        Consents(callees, holders, opens, ends, msgspec.json.decode(known)),
        total,
    )


def keep(path: Path, directory: Directory) -> bytes:
    """Write a snapshot in one step, and give its digest: readers see the old or the new one. Raises OSError."""
    octets = encode(directory)
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    # nobody but root writes into what is mapped: a file that is cut off below a reader would kill it
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o440), "wb") as out:
        out.write(octets)
        out.flush()
        os.fsync(out.fileno())
    new.replace(path)
    return octets[DIGEST]


def kept(path: Path) -> tuple[Directory, bytes]:
    """Map a snapshot, and give its digest; it stays mapped as long as its directory. Raises OSError, SnapshotError."""
    with path.open("rb") as opened:
        if not os.fstat(opened.fileno()).st_size:
            raise SnapshotError("empty")
        mapped = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
    return decode(mapped), mapped[DIGEST]


class _Texts:
    """Texts, each kept once."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}
        self.begins = array("I", [0])
        self.octets: list[bytes] = []

    def place(self, text: str) -> int:
        """Where a text stands."""
        place = self._known.setdefault(text, len(self._known))
        if place == len(self.octets):
            self.octets.append(text.encode())
            self.begins.append(self.begins[-1] + len(self.octets[-1]))
        return place


def _table(
    sets: Iterable[tuple[_T, ...]], facts: Callable[[_T], tuple[int, ...]], width: int
) -> tuple[array[int], ...]:
    """The columns of all that is in some set, and the sets: where each begins, and its members."""
    columns = tuple(array("I") for _ in range(width))
    known: dict[_T, int] = {}
    begins, members = array("I", [0]), array("I")
    for held in sets:
        for item in held:
            place = known.setdefault(item, len(known))
            if place == len(columns[0]):
                for column, value in zip(columns, facts(item), strict=True):
                    column.append(value)
            members.append(place)
        begins.append(len(members))
    return (*columns, begins, members)


def _packed(sections: Sequence[bytes], total: int) -> bytes:
    at = len(_MAGIC) + 32 + _HEAD.size + 16 * len(sections)
    places, padded = array("Q"), []
    for section in sections:
        places.extend((at, len(section)))
        padded.append(section + bytes(-len(section) % 8))
        at += len(padded[-1])
    body = b"".join([_HEAD.pack(_ORDER, at, total), places.tobytes(), *padded])
    return _MAGIC + hashlib.sha256(body).digest() + body


def _sections(data: memoryview[int]) -> tuple[list[Any], int]:
    """The sections as octets and as integers, where they lie, and how many numbers there are. Raises SnapshotError."""
    if bytes(data[: len(_MAGIC)]) != _MAGIC:
        raise SnapshotError("no snapshot of this version")
    body = data[DIGEST.stop :]
    if hashlib.sha256(body).digest() != bytes(data[DIGEST]):
        raise SnapshotError("cut off or changed")
    order, length, total = _HEAD.unpack_from(body)
    if order != _ORDER:
        raise SnapshotError("of a machine with another order of octets")
    if length != len(data):
        raise SnapshotError("of another length")
    places = body[_HEAD.size : _HEAD.size + 16 * len(_SECTIONS)].cast("Q")
    found = []
    for index, kind in enumerate(_SECTIONS):
        start, size = places[2 * index], places[2 * index + 1]
        octets = data[start : start + size]
        found.append(octets.cast(kind) if kind else octets)
    return found, total


def _ordinals(held: Grant | Bar) -> tuple[int, int]:
    return (
        held.valid_from.toordinal() if held.valid_from else 0,
        held.valid_to.toordinal() if held.valid_to else 0,
    )


def _day(ordinal: int) -> date | None:
    return date.fromordinal(ordinal) if ordinal else None


def _trunk(raw: Mapping[str, Any]) -> Trunk:
    plan, days = raw["dial_plan"], {name: raw[name] for name in ("valid_from", "valid_to")}
    values: dict[str, Any] = dict(raw) | {
        **{name: day and date.fromisoformat(day) for name, day in days.items()},
        "customer": Customer(**raw["customer"]),
        "sources": tuple(raw["sources"]),
        "gateway": tuple(raw["gateway"]),
        "tls_names": tuple(raw.get("tls_names", ())),  # older snapshots know of none
        "dial_plan": DialPlan(**plan | {"strip": tuple(plan["strip"]), "emergency": frozenset(plan["emergency"])}),
        "policy": {name: RuleAction(**action) for name, action in raw["policy"].items()},
        "identity": IdentityTerms(**raw["identity"]),
        "limits": TrunkLimits(**raw["limits"]),
    }
    return Trunk(**values)
