"""Databases as they are opened, on either engine."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from proxy.store.engine import Database, open_engine
from proxy.store.errors import StoreError

PRAGMAS = ("foreign_keys = ON", "synchronous = FULL")


def opened(url: str, base: Path, *, create: bool = False) -> Database:
    engine, shown = open_engine(url, base, create=create, wait=1, pragmas=PRAGMAS)
    return Database(engine, shown, 1)


def test_a_file_of_sqlite_is_made_only_when_asked(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as caught:
        opened("sqlite:some.db", tmp_path)
    assert (caught.value.message_key, (tmp_path / "some.db").exists()) == ("store.missing", False)
    made = opened("sqlite:some.db", tmp_path, create=True)
    with made.connected(writes=True) as connection:
        answers = [connection.execute(text(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "foreign_keys", "synchronous")]  # fmt: skip
    assert (made.is_sqlite, made.shown, answers) == (True, str(tmp_path / "some.db"), ["wal", 1, 2])


def test_what_is_not_committed_is_not_there(url: str) -> None:
    held = opened(url, Path())
    with held.connected(writes=True) as connection:
        connection.execute(text("CREATE TABLE added (number INTEGER)"))
    with pytest.raises(StoreError), held.connected(writes=False) as connection:
        connection.execute(text("SELECT * FROM added"))


def test_no_password_is_shown(tmp_path: Path) -> None:
    held = opened("postgresql://ann:secret@127.0.0.1:1/none", tmp_path)
    with pytest.raises(StoreError) as caught, held.connected(writes=False):
        pass
    assert "secret" not in held.shown + str(caught.value)
