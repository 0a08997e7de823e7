"""
A directory as one file that is checked before it is believed: what a node starts on while its database is away.

    "TWDIR" version LF, SHA-256 of all that follows, three lengths of 8 octets (facts, ranges, order of octets),
    the facts (JSON), then the arrays of first keys, last keys and sets of grants.
"""

from __future__ import annotations

import hashlib
import struct
import sys
from array import array
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any, Final

import msgspec

from proxy.call.barred import Bar, Barred
from proxy.call.directory import Directory, Grant
from proxy.call.trunk import Customer, DialPlan, IdentityTerms, RuleAction, Trunk, TrunkLimits

_MAGIC: Final = b"TWDIR1\n"
_HEAD: Final = struct.Struct("<QQQ")
_KINDS: Final = ("Q", "Q", "I")
_BIG: Final = int(sys.byteorder == "big")


class SnapshotError(Exception):
    """A snapshot that is cut off, changed, or of another version."""


def encode(directory: Directory) -> bytes:
    """A directory as octets."""
    facts = msgspec.json.encode(
        {
            "trunks": [asdict(trunk) for trunk in directory.trunks.values()],
            "customers": [asdict(customer) for customer in directory.customers.values()],
            "sets": [[asdict(grant) for grant in held] for held in directory.sets],
            "barred": [(low, high, asdict(bar)) for low, high, bar in directory.barred.rows],
        }
    )
    arrays = [each.tobytes() for each in directory.ranges]
    body = b"".join([_HEAD.pack(len(facts), len(directory.ranges[0]), _BIG), facts, *arrays])
    return _MAGIC + hashlib.sha256(body).digest() + body


def decode(data: bytes) -> Directory:
    """The directory that `encode` made octets of. Raises SnapshotError."""
    start = len(_MAGIC) + hashlib.sha256().digest_size
    body = memoryview(data)[start:]
    if data[: len(_MAGIC)] != _MAGIC:
        raise SnapshotError("no snapshot of this version")
    if hashlib.sha256(body).digest() != data[len(_MAGIC) : start]:
        raise SnapshotError("cut off or changed")
    length, count, big = _HEAD.unpack_from(body)
    if big != _BIG:
        raise SnapshotError("of a machine with another order of octets")
    at = _HEAD.size + length
    facts = msgspec.json.decode(body[_HEAD.size : at])
    arrays = []
    for kind in _KINDS:
        made = array(kind)
        end = at + count * made.itemsize
        made.frombytes(body[at:end])
        arrays.append(made)
        at = end
    return _directory(facts, arrays)


def keep(path: Path, directory: Directory) -> None:
    """Write a snapshot in one step: readers see the old or the new one. Raises OSError."""
    new = path.with_name(path.name + ".new")
    new.write_bytes(encode(directory))
    new.replace(path)


def kept(path: Path) -> Directory:
    """Read a snapshot. Raises OSError, SnapshotError."""
    return decode(path.read_bytes())


def _directory(facts: Mapping[str, Any], arrays: list[array[int]]) -> Directory:
    trunks = [_trunk(raw) for raw in facts["trunks"]]
    customers = [Customer(**raw) for raw in facts["customers"]]
    return Directory(
        {trunk.id: trunk for trunk in trunks},
        {customer.id: customer for customer in customers},
        arrays[0],
        arrays[1],
        arrays[2],
        tuple(tuple(Grant(**_days(raw)) for raw in held) for held in facts["sets"]),
        Barred([(low, high, Bar(**_days(raw))) for low, high, raw in facts["barred"]]),
    )


def _trunk(raw: Mapping[str, Any]) -> Trunk:
    plan = raw["dial_plan"]
    values: dict[str, Any] = _days(raw) | {
        "customer": Customer(**raw["customer"]),
        "sources": tuple(raw["sources"]),
        "gateway": tuple(raw["gateway"]),
        "dial_plan": DialPlan(**plan | {"strip": tuple(plan["strip"]), "emergency": frozenset(plan["emergency"])}),
        "policy": {name: RuleAction(**action) for name, action in raw["policy"].items()},
        "identity": IdentityTerms(**raw["identity"]),
        "limits": TrunkLimits(**raw.get("limits", {})),  # older snapshots know of none
    }
    return Trunk(**values)


def _days(raw: Mapping[str, Any]) -> dict[str, Any]:
    days = {name: raw[name] for name in ("valid_from", "valid_to")}
    return dict(raw) | {name: day and date.fromisoformat(day) for name, day in days.items()}
