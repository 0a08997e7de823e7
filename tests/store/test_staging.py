"""Rows that wait beside the tables: staged whole, their proofs known once, doubles found, gone with the connection."""

from __future__ import annotations

from sqlalchemy import func, inspect, select, text

from proxy.call.directory import key_of
from proxy.store.database import Store
from proxy.store.lists import Row
from proxy.store.schema import Proof
from proxy.store.staging import stage, stage_version, twice, unstage
from tests.store.rows import allocation, customer, trunk

KEY = key_of("+8695588")


def row(line: int, low: int, kept: str = "", begins: str = "0001-01-01", high: int = 0) -> Row:
    return line, low, high or low, begins, "9999-12-31", "客服\t\\N", kept, "ab" if kept else ""


def test_rows_and_their_proofs(store: Store) -> None:
    rows = [row(line, KEY + line, f"c {line % 3}") for line in range(50_000)]
    with store.write() as session:
        session.add(Proof(kept="c 1", sha256="ab"))
        session.flush()
        stage(session, iter(rows))
        assert session.scalar(select(func.count()).select_from(Proof)) == 3
        asked = text("SELECT s.line, s.purpose, p.kept FROM staged s JOIN proofs p ON p.id = s.proof_id ORDER BY line")
        found = session.execute(asked).all()
    assert found == [(line, "客服\t\\N", f"c {line % 3}") for line in range(50_000)]
    with store.read() as session:
        assert not inspect(session.connection()).has_table("staged")


def test_rows_that_stand_there_twice(store: Store) -> None:
    rows = [row(1, KEY), row(2, KEY, begins="2026-01-01"), row(3, KEY + 1), row(4, KEY, "c"), row(5, KEY), row(6, KEY, high=KEY + 1)]  # fmt: skip
    with store.write() as session:
        stage(session, rows)
        assert twice(session, 10) == [(KEY, KEY, 1, 5)]


def test_an_earlier_version(store: Store) -> None:
    with store.write() as session:
        customer(session, "acme")
        made = trunk(session, "acme-1", "acme")
        first = allocation(session, made, "+8695588")
        second = allocation(session, made, "+8695589")
        first.until_version = second.since_version
        session.flush()
        stage_version(session, "acme-1", first.since_version)
        assert session.execute(text("SELECT low, proof_id FROM staged")).all() == [(KEY, first.proof_id)]


def test_one_list_after_another(store: Store) -> None:
    with store.write() as session:
        for line in (1, 2):
            stage(session, [row(line, KEY)])
            assert session.execute(text("SELECT line FROM staged")).all() == [(line,)]
            unstage(session)
