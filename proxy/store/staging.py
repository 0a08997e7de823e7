"""A place beside the tables, gone with the connection, where a list waits for what becomes of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from proxy.store.lists import Row

_BATCH: Final = 20_000
_COLUMNS: Final = "line, low, high, valid_from, valid_to, purpose, kept, sha256"
_MAKE: Final = """
CREATE TEMPORARY TABLE staged (
    line INTEGER NOT NULL, low BIGINT NOT NULL, high BIGINT NOT NULL, valid_from DATE NOT NULL, valid_to DATE NOT NULL,
    purpose TEXT NOT NULL, kept TEXT NOT NULL, sha256 TEXT NOT NULL, proof_id BIGINT
)
"""
_INTERN: Final = (
    """
    INSERT INTO proofs (kept, sha256) SELECT DISTINCT kept, sha256 FROM staged s
    WHERE NOT EXISTS (SELECT 1 FROM proofs p WHERE p.kept = s.kept AND p.sha256 = s.sha256)
    """,
    "UPDATE staged SET proof_id = (SELECT id FROM proofs p WHERE p.kept = staged.kept AND p.sha256 = staged.sha256)",
    "CREATE INDEX staged_key ON staged (low, high, valid_from)",
    "ANALYZE staged",
)
_EARLIER: Final = """
INSERT INTO staged
SELECT 0, a.low, a.high, a.valid_from, a.valid_to, a.purpose, p.kept, p.sha256, p.id
FROM allocations a JOIN proofs p ON p.id = a.proof_id
WHERE a.trunk_id = :trunk AND a.since_version <= :version AND (a.until_version IS NULL OR a.until_version > :version)
"""


def stage(session: Session, rows: Iterable[Row]) -> None:
    """Put the rows of a list aside, a batch at a time."""
    connection = session.connection()
    connection.exec_driver_sql(_MAKE)
    if connection.dialect.name == "sqlite":
        insert = f"INSERT INTO staged ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        for batch in _batches(rows):
            connection.exec_driver_sql(insert, batch)
    else:
        driver: Any = connection.connection.driver_connection
        with driver.cursor() as cursor, cursor.copy(f"COPY staged ({_COLUMNS}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
    _ready(session)


def stage_version(session: Session, trunk_id: str, version: int) -> None:
    """Put aside what a trunk had after one of its versions."""
    session.connection().exec_driver_sql(_MAKE)
    session.execute(text(_EARLIER), {"trunk": trunk_id, "version": version})
    _ready(session)


def unstage(session: Session) -> None:
    """Forget what was put aside, so that something else can be."""
    session.connection().exec_driver_sql("DROP TABLE staged")


def twice(session: Session, most: int) -> list[tuple[int, int, int, int]]:
    """Rows that stand there twice: first and last key, and the lines of the first and the last of them."""
    asked = "SELECT low, high, min(line), max(line) FROM staged GROUP BY low, high, valid_from HAVING count(*) > 1"
    rows = session.execute(text(f"{asked} ORDER BY 3 LIMIT {most:d}"))
    return [(low, high, first, last) for low, high, first, last in rows]


def _ready(session: Session) -> None:
    for statement in _INTERN:
        session.connection().exec_driver_sql(statement)


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    source = iter(rows)
    while batch := list(islice(source, _BATCH)):
        yield batch
