"""Renews the numbers of a trunk from a list or from an earlier version: looked at first, then all of it or nothing."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.orm import Session

from proxy.call.directory import number_of
from proxy.settings.problems import Problem
from proxy.store.admission import customer_of
from proxy.store.changing import Plan, apply, new_version, plan, rows_of
from proxy.store.errors import StoreError
from proxy.store.history import By
from proxy.store.lists import NumberList
from proxy.store.schema import Trunk, Version
from proxy.store.staging import stage, stage_version, twice
from proxy.store.versions import trunk_row

KINDS: Final = ("added", "removed", "changed")
_UNPROVED_IN: Final = ("draft",)  # the only state in which a number may wait for its proof


@dataclass(frozen=True, slots=True)
class Terms:
    """How numbers are renewed: kept beside the new ones or replaced by them, applied or only looked at."""

    keep: bool = False
    apply: bool = False
    force: bool = False
    max_shrink: float = 0.2
    most: int = 20  # rows of each kind to show


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was planned, the first rows of each kind, and the version that was made (0: none)."""

    plan: Plan
    rows: dict[str, list[tuple[Any, ...]]]
    version: int = 0


def import_list(session: Session, by: By, trunk_id: str, numbers: NumberList, terms: Terms) -> Outcome:
    """
    Give a trunk the numbers of a list. A list with a single fault changes nothing.

    Raises StoreError, and ConfigError with every problem of the list.
    """
    trunk = _open(session, trunk_id)
    stage(session, numbers.rows())
    for low, high, first, line in twice(session, 100):
        values = {"number": f"{number_of(low)}–{number_of(high)}" if low != high else number_of(low), "first": first}
        numbers.found.add(Problem(str(numbers.path), line, 1, "", "import.twice", values))
    numbers.found.check()
    return _renew(session, by, trunk, terms, (numbers.path.name, _sha256(numbers)), None)


def roll_back(session: Session, by: By, trunk_id: str, version: int, terms: Terms) -> Outcome:
    """Give a trunk the numbers that it had after one of its versions. Raises StoreError."""
    trunk = _open(session, trunk_id)
    base = session.get(Version, version)
    if base is None or base.trunk_id != trunk_id:
        raise StoreError("store.no_version", trunk=trunk_id, version=version)
    stage_version(session, trunk_id, version)
    return _renew(session, by, trunk, terms, (base.file, base.sha256), version)


def _open(session: Session, trunk_id: str) -> Trunk:
    trunk = trunk_row(session, trunk_id)
    customer = customer_of(session, trunk.customer_id)
    if customer.state == "closed":
        expected = "draft, reviewed, active, suspended"
        raise StoreError("store.wrong_state", customer=customer.id, state=customer.state, expected=expected)
    return trunk


def _renew(session: Session, by: By, trunk: Trunk, terms: Terms, source: tuple[str, str], base: int | None) -> Outcome:
    found = plan(session, trunk, keep=terms.keep)
    kinds = [kind for kind in KINDS if not (kind == "removed" and terms.keep)]
    rows = {kind: rows_of(session, trunk, kind, terms.most) for kind in kinds}
    if found.clashes or not terms.apply or found.nothing:
        session.rollback()
        return Outcome(found, rows)
    _allow(session, trunk, found, terms)
    version = new_version(session, by, trunk, *source, base)
    apply(session, by, trunk, found, version, keep=terms.keep)
    return Outcome(found, rows, version.id)


def _allow(session: Session, trunk: Trunk, found: Plan, terms: Terms) -> None:
    if found.before - found.after > found.before * terms.max_shrink and not terms.force:
        share = f"{terms.max_shrink:.0%}"
        raise StoreError("store.shrinks", trunk=trunk.id, before=found.before, after=found.after, share=share)
    customer = customer_of(session, trunk.customer_id)
    if found.unproved and customer.state not in _UNPROVED_IN:
        raise StoreError("store.unproved", customer=customer.id, state=customer.state, count=found.unproved)


def _sha256(numbers: NumberList) -> str:
    with numbers.path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
