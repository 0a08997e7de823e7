"""The numbers of a trunk as a list that can be imported again, and everything that ever happened to one number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from proxy.call.directory import number_of
from proxy.store.schema import OPEN_END, OPEN_START

COLUMNS: Final = ("first", "last", "valid_from", "valid_to", "purpose", "proof", "proof_sha256")
HISTORY: Final = (
    "trunk", "customer", "first", "last", "valid_from", "valid_to", "purpose", "proof",
    "since", "since_by", "since_version", "until", "until_by", "until_version",
)  # fmt: skip
_BATCH: Final = 10_000
_DAYS: Final = "CAST(a.valid_from AS TEXT), CAST(a.valid_to AS TEXT)"
_EXPORT: Final = f"""
SELECT a.low, a.high, {_DAYS}, a.purpose, p.kept, p.sha256
FROM allocations a JOIN proofs p ON p.id = a.proof_id
WHERE a.trunk_id = :trunk AND a.since_version <= :version AND (a.until_version IS NULL OR a.until_version > :version)
ORDER BY a.low, a.high, a.valid_from
"""
_NUMBER: Final = f"""
SELECT a.trunk_id, a.customer_id, a.low, a.high, {_DAYS}, a.purpose, p.kept, b.at, b.who, b.id, e.at, e.who, e.id
FROM allocations a JOIN proofs p ON p.id = a.proof_id JOIN versions b ON b.id = a.since_version
LEFT JOIN versions e ON e.id = a.until_version
WHERE a.low <= :key AND a.high >= :key ORDER BY b.id, a.id
"""
NEWEST: Final = 2**62
_OPEN: Final = {OPEN_START.isoformat(): "", OPEN_END.isoformat(): ""}


def rows_at(session: Session, trunk_id: str, version: int = NEWEST) -> Iterator[tuple[str, ...]]:
    """The numbers of a trunk after a version, in order: values of `COLUMNS`, `last` empty for a single number."""
    values = {"trunk": trunk_id, "version": version}
    options = {"stream_results": True, "yield_per": _BATCH}
    with session.execute(text(_EXPORT), values, execution_options=options) as rows:
        for low, high, begins, ends, *rest in rows:
            last = "" if low == high else number_of(high)
            yield (number_of(low), last, day_of(begins), day_of(ends), *rest)


def happened(session: Session, key: int) -> list[dict[str, object]]:
    """Every allocation that ever held a number, oldest first: values of `HISTORY`."""
    return [
        dict(
            zip(
                HISTORY, (*row[:2], number_of(row[2]), number_of(row[3]), *map(day_of, row[4:6]), *row[6:]), strict=True
            )
        )
        for row in session.execute(text(_NUMBER), {"key": key})
    ]


def day_of(stored: str) -> str:
    """A day as lists show it: nothing for an open end."""
    return _OPEN.get(stored, stored)
