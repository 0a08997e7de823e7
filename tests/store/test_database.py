"""Opening a store: its schema, its two engines, one writer at a time, and what cannot be opened."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import func, select, text
from sqlalchemy.exc import DatabaseError

from proxy.store.database import MIGRATIONS, Store, open_store
from proxy.store.errors import StoreError
from proxy.store.schema import HEAD, Change, Customer, Stored


def test_the_schema_is_what_the_models_say(store: Store) -> None:
    with store.read() as session:
        differences = compare_metadata(MigrationContext.configure(session.connection()), Stored.metadata)
    assert differences == []


def test_the_head_is_the_newest_step() -> None:
    assert ScriptDirectory(str(MIGRATIONS)).get_heads() == [HEAD]


def test_migrating_again_changes_nothing(store: Store) -> None:
    with store.write() as session:
        session.add(Customer(id="acme"))
    store.migrate()
    with store.read() as session:
        assert session.scalars(select(Customer.id)).all() == ["acme"]


def test_a_transaction_is_all_or_nothing(store: Store) -> None:
    def fail() -> None:
        with store.write() as session:
            session.add(Customer(id="acme"))
            session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with store.read() as session:
        assert session.scalar(select(func.count()).select_from(Customer)) == 0


@pytest.mark.parametrize("statement", ["UPDATE history SET who = 'x'", "DELETE FROM history"])
def test_the_history_cannot_be_changed(statement: str, store: Store) -> None:
    with store.write() as session:
        session.add(Change(at="2026-11-25T08:00:00Z", who="ann", what="customer add", subject="customer acme"))
    with pytest.raises(StoreError, match="append-only"), store.write() as session:
        session.execute(text(statement))
    with store.read() as session:
        assert session.scalars(select(Change.who)).all() == ["ann"]


def test_there_is_one_writer_at_a_time(store: Store) -> None:
    order: list[str] = []

    def second() -> None:
        with store.write() as session:
            order.append(f"second sees {session.scalar(select(func.count()).select_from(Customer))}")

    with store.write() as session:
        other = threading.Thread(target=second)
        other.start()
        other.join(0.3)
        session.add(Customer(id="acme"))
        order.append("first")
    other.join(20)
    assert order == ["first", "second sees 1"]


def test_a_reader_sees_one_state(store: Store) -> None:
    with store.read() as reading:
        before = reading.scalar(select(func.count()).select_from(Customer))
        with store.write() as writing:
            writing.add(Customer(id="acme"))
        assert reading.scalar(select(func.count()).select_from(Customer)) == before == 0


def refused(url: str, base: Path) -> str:
    with pytest.raises(StoreError) as caught, open_store(url, base).read():
        pass
    return caught.value.message_key


def test_what_is_no_store_is_named(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("this is no database, and longer than a header of one")
    sqlite3.connect(tmp_path / "empty.db").close()
    assert refused("sqlite:none.db", tmp_path) == "store.missing"
    assert not (tmp_path / "none.db").exists()
    assert refused("sqlite:text.db", tmp_path) == "store.unavailable"
    (tmp_path / "empty.db").touch()
    assert refused("sqlite:empty.db", tmp_path) == "store.empty"
    assert refused("postgresql://nobody@127.0.0.1:1/none", tmp_path) == "store.unavailable"
    assert refused("postgresql://h:port/none", tmp_path) == "store.unavailable"


def test_a_schema_of_another_version_is_refused(store: Store) -> None:
    with store.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0'"))
    with pytest.raises(StoreError, match=r"store\.revision"), store.read():
        pass


def test_overlaps_are_refused_by_postgresql_itself(store: Store) -> None:
    if store.is_sqlite:
        pytest.skip("SQLite has no exclusion constraints; changing.py looks, test_changing.py proves it")
    rows = text(
        "INSERT INTO allocations (trunk_id, customer_id, low, high, valid_from, valid_to, purpose, proof_id, since_version)"
        " VALUES ('t', :customer, :low, :high, :begin, :end, '', 1, 1)"
    )

    def add(customer: str, low: int, high: int, begin: str = "2026-01-01", end: str = "9999-12-31") -> None:
        with store.write() as session:
            session.execute(rows, {"customer": customer, "low": low, "high": high, "begin": begin, "end": end})

    with store.write() as session:
        session.execute(text("INSERT INTO proofs VALUES (1, '', '')"))
        session.add(Customer(id="acme"))
        session.flush()
        session.execute(
            text(
                "INSERT INTO trunks VALUES ('t', 'acme', '', '', '[]', '[]', '[]', NULL, '{}', '', NULL, '', NULL, NULL, '{}', '{}', '{}')"
            )
        )
        session.execute(text("INSERT INTO versions VALUES (1, 't', '', '', '', '', '', NULL, 0, 0, 0)"))
    add("acme", 10, 20)
    add("acme", 15, 25)
    add("zeta", 15, 25, "2020-01-01", "2025-12-31")
    with pytest.raises(StoreError, match="ex_allocations_apart"):
        add("zeta", 25, 30)


def test_errors_of_the_program_are_no_errors_of_the_store(store: Store) -> None:
    with pytest.raises(StoreError) as caught, store.read() as session:
        session.execute(text("SELECT nothing FROM nowhere"))
    assert isinstance(caught.value.__cause__, DatabaseError)
