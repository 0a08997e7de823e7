"""The tables of the records' index: three for each UTC day, so that old days go at once; partitions on PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

VERSION: Final = 1  # another one in the database: the index is made anew from the record files
# Milliseconds since 2020 stand above these bits of an id: 8 for the series, 14 for the place in its chain.
SERIES_BITS: Final = 8
SEQ_BITS: Final = 14
EPOCH_MS: Final = 1_577_836_800_000
FIRST_DAY: Final = "20200101"  # what is dated before, by a clock that was not set, stands there
DAY_MS: Final = 86_400_000

CALLS: Final = (
    "id", "node", "trunk", "customer", "caller", "called", "mode", "verdict", "enforced", "status", "rules", "numbers",
    "elapsed_us", "call_id", "file", "place", "size",
)  # fmt: skip
ENDS: Final = (
    "id", "node", "trunk", "customer", "status", "answered", "ring_ms", "duration_ms", "ended_by", "call_id", "file",
    "place", "size",
)  # fmt: skip
MARKS: Final = ("mark", "id")
TABLES: Final = {"calls": CALLS, "ends": ENDS, "marks": MARKS}

ONCE: Final = (
    "CREATE TABLE IF NOT EXISTS index_facts (version INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS index_days (day TEXT PRIMARY KEY)",
    """
    CREATE TABLE IF NOT EXISTS index_series (
        number INTEGER PRIMARY KEY, node TEXT NOT NULL, series TEXT NOT NULL, place TEXT NOT NULL, UNIQUE (node, series)
    )
    """,
)
_CALLS: Final = """
    id BIGINT NOT NULL PRIMARY KEY, node TEXT NOT NULL, trunk TEXT NOT NULL, customer TEXT NOT NULL,
    caller TEXT NOT NULL, called TEXT NOT NULL, mode TEXT NOT NULL, verdict TEXT NOT NULL, enforced INTEGER NOT NULL,
    status INTEGER, rules TEXT NOT NULL, numbers TEXT NOT NULL, elapsed_us BIGINT NOT NULL, call_id TEXT NOT NULL,
    file TEXT NOT NULL, place BIGINT NOT NULL, size INTEGER NOT NULL
"""
_ENDS: Final = """
    id BIGINT NOT NULL PRIMARY KEY, node TEXT NOT NULL, trunk TEXT NOT NULL, customer TEXT NOT NULL,
    status INTEGER, answered INTEGER NOT NULL, ring_ms BIGINT NOT NULL, duration_ms BIGINT NOT NULL,
    ended_by TEXT NOT NULL, call_id TEXT NOT NULL, file TEXT NOT NULL, place BIGINT NOT NULL, size INTEGER NOT NULL
"""
_MARKS: Final = "mark TEXT NOT NULL, id BIGINT NOT NULL, PRIMARY KEY (mark, id)"
_COLUMNS: Final = {"calls": _CALLS, "ends": _ENDS, "marks": _MARKS}
_INDEXES: Final = (("calls", "trunk"), ("calls", "customer"), ("calls", "call_id"), ("ends", "call_id"))
PARTITIONED: Final = tuple(
    f"CREATE TABLE IF NOT EXISTS {table} ({columns}) PARTITION BY RANGE (id)"
    for table, columns in (_COLUMNS | {"marks": _MARKS.replace("TEXT", 'TEXT COLLATE "C"')}).items()
)


def first_id(day: str) -> int:
    """The least id of a day (20261123)."""
    return (_day_ms(day) - EPOCH_MS) << (SERIES_BITS + SEQ_BITS)


def id_of(at_ms: int, series: int, seq: int) -> int:
    """The id of a record: ids are in order of time, and one record has the same each time that it is read."""
    low = (series & (1 << SERIES_BITS) - 1) << SEQ_BITS | seq & (1 << SEQ_BITS) - 1
    return max(0, at_ms - EPOCH_MS) << (SERIES_BITS + SEQ_BITS) | low


def ms_of(number: int) -> int:
    """Milliseconds since the epoch of a record's id."""
    return (number >> (SERIES_BITS + SEQ_BITS)) + EPOCH_MS


def day_statements(day: str, *, sqlite: bool) -> list[str]:
    """What makes the tables of a day."""
    made: list[str] = []
    if sqlite:
        for table, columns in _COLUMNS.items():
            compact = " WITHOUT ROWID" if table == "marks" else ""
            rows = columns.replace("id BIGINT NOT NULL PRIMARY KEY", "id INTEGER NOT NULL PRIMARY KEY")
            made.append(f"CREATE TABLE IF NOT EXISTS {table}_{day} ({rows}){compact}")
    else:
        low = first_id(day)
        high = low + (DAY_MS << (SERIES_BITS + SEQ_BITS))
        made += [
            f"CREATE TABLE IF NOT EXISTS {table}_{day} PARTITION OF {table} FOR VALUES FROM ({low}) TO ({high})"
            for table in _COLUMNS
        ]
    made += [
        f"CREATE INDEX IF NOT EXISTS {table}_{day}_{column} ON {table}_{day} ({column}, id)"
        for table, column in _INDEXES
    ]
    return made


def _day_ms(day: str) -> int:
    return int(datetime(int(day[:4]), int(day[4:6]), int(day[6:]), tzinfo=UTC).timestamp()) * 1000
