"""The list of numbers that nobody calls from (do not originate)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from proxy.call.directory import number_of
from proxy.store.errors import StoreError
from proxy.store.history import By, note
from proxy.store.schema import OPEN_END, OPEN_START, Barred


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


def _find(session: Session, low: int, high: int) -> Barred | None:
    return session.scalars(select(Barred).where(Barred.low == low, Barred.high == high)).one_or_none()


def _facts(row: Barred) -> dict[str, object]:
    days = {"valid_from": row.valid_from, "valid_to": row.valid_to}
    return {"reason": row.reason} | {name: day for name, day in days.items() if day not in (OPEN_START, OPEN_END)}


def _subject(low: int, high: int) -> str:
    return f"dno {number_of(low)}" + (f"–{number_of(high)}" if low != high else "")
