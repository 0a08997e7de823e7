"""
Changes the numbers of a trunk: what a list would add, remove and change, whom it would clash with, and doing it.

A row is known by its first and last number and its first day. The writer holds the store alone (see
`proxy.store.database`), so that what was looked at is what is changed; PostgreSQL checks once more by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from proxy.call.directory import key_of
from proxy.store.clashes import Span, clashes
from proxy.store.errors import StoreError
from proxy.store.history import By
from proxy.store.schema import Trunk, Version
from proxy.store.versions import begin, finish

_BATCH: Final = 10_000
_SAME: Final = "s.low = a.low AND s.high = a.high AND s.valid_from = a.valid_from"
_DIFFERS: Final = "(s.valid_to <> a.valid_to OR s.purpose <> a.purpose OR s.proof_id <> a.proof_id)"
_MINE: Final = "a.trunk_id = :trunk AND a.until_version IS NULL"
_ADDED: Final = f"FROM staged s WHERE NOT EXISTS (SELECT 1 FROM allocations a WHERE {_MINE} AND {_SAME})"
_REMOVED: Final = f"FROM allocations a WHERE {_MINE} AND NOT EXISTS (SELECT 1 FROM staged s WHERE {_SAME})"
_CHANGED: Final = f"FROM staged s JOIN allocations a ON {_SAME} WHERE {_MINE} AND {_DIFFERS}"
_END: Final = f"UPDATE allocations AS a SET until_version = :version WHERE {_MINE}"
_END_REMOVED: Final = f"{_END} AND NOT EXISTS (SELECT 1 FROM staged s WHERE {_SAME})"
_END_CHANGED: Final = f"{_END} AND EXISTS (SELECT 1 FROM staged s WHERE {_SAME} AND {_DIFFERS})"
_INSERT: Final = f"""
INSERT INTO allocations
(trunk_id, customer_id, low, high, valid_from, valid_to, purpose, proof_id, since_version)
SELECT CAST(:trunk AS VARCHAR), CAST(:customer AS VARCHAR),
       low, high, valid_from, valid_to, purpose, proof_id, :version {_ADDED}
"""
# The index of PostgreSQL's exclusion constraint takes rows in no order in half the time that it takes sorted ones: each
# page that is full is split in two halves, and of sorted rows nothing comes to the first half any more.
_SCATTERED: Final = " ORDER BY s.low % 1000003 * 61803399 % 1000003"
_NUMBERS: Final = "COALESCE(SUM(high - low + 1), 0)"
_SPAN: Final = "low, high, CAST(valid_from AS TEXT), CAST(valid_to AS TEXT)"
_SHOWN: Final = "low, {side}.high, CAST({side}.valid_from AS TEXT), CAST({side}.valid_to AS TEXT), {side}.purpose"


@dataclass(frozen=True, slots=True)
class Clash:
    """A row of the list that shows a number which another customer has on the same day."""

    line: int
    low: int
    high: int
    customer: str
    trunk: str
    other_low: int
    other_high: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What a list would do to a trunk: rows of each kind, how many numbers before and after, and clashes."""

    added: int
    removed: int
    changed: int
    same: int
    unproved: int
    before: int
    after: int
    clashes: tuple[Clash, ...]

    @property
    def nothing(self) -> bool:
        """Whether everything is as it would be."""
        return not self.added + self.removed + self.changed


def plan(session: Session, trunk: Trunk, *, keep: bool, most: int = 100) -> Plan:
    """Hold what is staged against what a trunk has. With `keep` nothing is removed; at most so many clashes."""

    def count(what: str) -> int:
        found: int = session.execute(text(f"SELECT {what}"), {"trunk": trunk.id}).scalar_one()
        return found

    added, changed = count(f"count(*) {_ADDED}"), count(f"count(*) {_CHANGED}")
    removed = 0 if keep else count(f"count(*) {_REMOVED}")
    before = int(count(f"{_NUMBERS} FROM allocations a WHERE {_MINE}"))
    after = before + int(count(f"{_NUMBERS} {_ADDED}")) if keep else int(count(f"{_NUMBERS} FROM staged"))
    return Plan(
        added,
        removed,
        changed,
        count("count(*) FROM staged") - added - changed,
        count("count(*) FROM staged WHERE kept = '' OR sha256 = ''"),
        before,
        after,
        tuple(islice(_clashes(session, trunk), most)),
    )


def rows_of(session: Session, trunk: Trunk, kind: str, most: int) -> list[tuple[Any, ...]]:
    """
    The first rows that a plan counts as "added", "removed" or "changed", in order of number: line (0 for none),
    first and last key, first and last day, purpose; for changed ones the last day and purpose before as well.
    """
    asked = {
        "added": f"SELECT s.line, s.{_SHOWN.format(side='s')} {_ADDED}",
        "removed": f"SELECT 0, a.{_SHOWN.format(side='a')} {_REMOVED}",
        "changed": f"SELECT s.line, s.{_SHOWN.format(side='s')}, CAST(a.valid_to AS TEXT), a.purpose {_CHANGED}",
    }[kind]
    rows = session.execute(text(f"{asked} ORDER BY 2, 3, 4 LIMIT {most:d}"), {"trunk": trunk.id})
    return [tuple(row) for row in rows]


def apply(session: Session, by: By, trunk: Trunk, wanted: Plan, version: Version, *, keep: bool) -> None:
    """Do what the plan says, as one version. Raises StoreError."""
    values = {"trunk": trunk.id, "customer": trunk.customer_id, "version": version.id}
    insert = _INSERT if session.get_bind().dialect.name == "sqlite" else _INSERT + _SCATTERED
    for statement in (_END_CHANGED, insert) if keep else (_END_REMOVED, _END_CHANGED, insert):
        session.execute(text(statement), values)
    check_pilot(session, trunk)
    finish(session, by, version, wanted.added, wanted.removed, wanted.changed)


def check_pilot(session: Session, trunk: Trunk) -> None:
    """Raise StoreError where a trunk has a pilot number that is not among its numbers."""
    if trunk.pilot_number:
        held = f"SELECT count(*) FROM allocations a WHERE {_MINE} AND a.low <= :key AND a.high >= :key"
        values = {"trunk": trunk.id, "key": key_of(trunk.pilot_number)}
        if not session.execute(text(held), values).scalar_one():
            raise StoreError("store.pilot", trunk=trunk.id, number=trunk.pilot_number)


def new_version(session: Session, by: By, trunk: Trunk, file: str, sha256: str, base: int | None = None) -> Version:
    """Begin the version of an import, or of the return to version `base`."""
    version = begin(session, by, trunk.id, "import" if base is None else "rollback", file, sha256)
    version.base_id = base
    return version


def _clashes(session: Session, trunk: Trunk) -> Iterator[Clash]:
    low, high = session.execute(text("SELECT min(low), max(high) FROM staged")).one()
    if low is None:
        return
    others = (
        f"SELECT {_SPAN}, customer_id, trunk_id FROM allocations WHERE until_version IS NULL"
        " AND customer_id <> :customer AND low <= :high AND high >= :low ORDER BY low"
    )
    values = {"customer": trunk.customer_id, "low": low, "high": high}
    mine = f"SELECT {_SPAN}, line FROM staged ORDER BY low"
    for one, other in clashes(_spans(session, mine, {}), _spans(session, others, values)):
        customer, owner = other[4] if isinstance(other[4], tuple) else ("", "")
        yield Clash(int(str(one[4])), one[0], one[1], customer, owner, other[0], other[1])


def _spans(session: Session, statement: str, values: dict[str, object]) -> Iterator[Span]:
    options = {"stream_results": True, "yield_per": _BATCH}
    # closed by hand: whoever has seen enough leaves in the middle
    with session.execute(text(statement), values, execution_options=options) as rows:
        for low, high, begins, ends, *what in rows:
            yield low, high, begins, ends, tuple(what) if len(what) > 1 else what[0]
