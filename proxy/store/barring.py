"""The list of numbers that nobody calls from (do not originate)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from sqlalchemy import select
from sqlalchemy.orm import Session

from proxy.call.directory import number_of
from proxy.settings.problems import Problem
from proxy.store.errors import StoreError
from proxy.store.history import By, note
from proxy.store.lists import NumberList
from proxy.store.schema import OPEN_END, OPEN_START, Barred

# first and last key, first and last day, reason
Line: TypeAlias = tuple[int, int, date, date, str]


def bar(
    session: Session,
    by: By,
    low: int,
    high: int,
    reason: str,
    begins: date | None = None,
    ends: date | None = None,
) -> Barred:
    """Put a range of keys on the list. Raises StoreError."""
    begin, end = begins or OPEN_START, ends or OPEN_END
    if end < begin:
        raise StoreError("config.days", first=begin)
    if _find(session, low, high) is not None:
        raise StoreError("store.barred", first=number_of(low), last=number_of(high))
    row = Barred(low=low, high=high, reason=reason, valid_from=begin, valid_to=end)
    session.add(row)
    note(session, by, "dno add", _subject(low, high), None, _facts(row))
    session.flush()
    return row


def unbar(session: Session, by: By, low: int, high: int) -> None:
    """Take a range, as it was put there, off the list. Raises StoreError."""
    row = _find(session, low, high)
    if row is None:
        raise StoreError("store.not_barred", first=number_of(low), last=number_of(high))
    note(session, by, "dno remove", _subject(low, high), _facts(row), None)
    session.delete(row)
    session.flush()


def barred(session: Session, key: int = 0) -> Sequence[Barred]:
    """The list in order of number; with a key, what holds that number."""
    asked = select(Barred).order_by(Barred.low, Barred.high)
    if key:
        asked = asked.where(Barred.low <= key, Barred.high >= key)
    return session.scalars(asked).all()


@dataclass(frozen=True, slots=True)
class BarPlan:
    """What a list would do to the list that there is: rows by first and last key, first and last day, and reason."""

    added: tuple[Line, ...]
    removed: tuple[Line, ...]
    changed: tuple[Line, ...]
    same: int


def plan_bars(session: Session, numbers: NumberList, *, keep: bool) -> BarPlan:
    """
    Hold a list against what there is; with `keep` nothing is removed. A reason is what the list calls a purpose.

    Raises ConfigError with every problem of the list.
    """
    held = {(row.low, row.high): _line(row) for row in barred(session)}
    found: dict[tuple[int, int], Line] = {}
    lines: dict[tuple[int, int], int] = {}
    for line, low, high, begins, ends, purpose, *_ in numbers.rows():
        first = lines.setdefault((low, high), line)
        if first != line:
            shown = number_of(low) + (f"–{number_of(high)}" if low != high else "")
            values = {"number": shown, "first": first}
            numbers.found.add(Problem(str(numbers.path), line, 1, "", "import.twice", values))
        found[low, high] = (low, high, date.fromisoformat(begins), date.fromisoformat(ends), purpose)
    numbers.found.check()
    added = tuple(line for key, line in sorted(found.items()) if key not in held)
    removed = () if keep else tuple(line for key, line in sorted(held.items()) if key not in found)
    changed = tuple(line for key, line in sorted(found.items()) if key in held and held[key] != line)
    return BarPlan(added, removed, changed, len(found) - len(added) - len(changed))


def apply_bars(session: Session, by: By, wanted: BarPlan) -> None:
    """Do what the plan says; every row is a line of the history."""
    rows = {(row.low, row.high): row for row in barred(session)}
    for low, high, *_ in wanted.removed + wanted.changed:
        row = rows[low, high]
        note(session, by, "dno remove", _subject(low, high), _facts(row), None)
        session.delete(row)
    session.flush()
    for low, high, begins, ends, reason in wanted.added + wanted.changed:
        row = Barred(low=low, high=high, reason=reason, valid_from=begins, valid_to=ends)
        note(session, by, "dno add", _subject(low, high), None, _facts(row))
        session.add(row)
    session.flush()


def _line(row: Barred) -> Line:
    return row.low, row.high, row.valid_from, row.valid_to, row.reason


def _find(session: Session, low: int, high: int) -> Barred | None:
    return session.scalars(select(Barred).where(Barred.low == low, Barred.high == high)).one_or_none()


def _facts(row: Barred) -> dict[str, object]:
    days = {"valid_from": row.valid_from, "valid_to": row.valid_to}
    return {"reason": row.reason} | {name: day for name, day in days.items() if day not in (OPEN_START, OPEN_END)}


def _subject(low: int, high: int) -> str:
    return f"dno {number_of(low)}" + (f"–{number_of(high)}" if low != high else "")
