"""What directory and index have in common: how a database is opened, what one transaction is, how its refusal reads."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DatabaseError, InterfaceError
from sqlalchemy.pool import NullPool

from proxy.settings.kinds import hide_password
from proxy.store.errors import StoreError

SQLITE: Final = "sqlite:"
_CONNECT_SECONDS: Final = 5


def open_engine(url: str, base: Path, *, create: bool, wait: int, pragmas: Sequence[str]) -> tuple[Engine, str]:
    """
    The engine of a URL, and the URL as people may see it, without a password.

    A relative path of SQLite starts at `base`; with `create` a file that is not there is made. `wait` says how many
    seconds SQLite waits for another writer, `pragmas` what each of its connections begins with. Raises StoreError.
    """
    if url.startswith(SQLITE):
        path = base / url.removeprefix(SQLITE)
        if not create and not path.is_file():
            raise StoreError("store.missing", store=str(path))
        return _sqlite(path, create=create, wait=wait, pragmas=pragmas), str(path)
    if find_spec("psycopg") is None:
        raise StoreError("store.no_driver")
    try:
        address = make_url(url).set(drivername="postgresql+psycopg")
    except (ArgumentError, ValueError) as error:
        raise StoreError("store.unavailable", store=hide_password(url), reason="URL") from error
    connect = {"connect_timeout": _CONNECT_SECONDS} if "connect_timeout" not in address.query else {}
    return create_engine(address, poolclass=NullPool, connect_args=connect), hide_password(url)


def _sqlite(path: Path, *, create: bool, wait: int, pragmas: Sequence[str]) -> Engine:
    address = f"file:{quote(str(path.absolute()))}?mode={'rwc' if create else 'rw'}"

    def connect() -> sqlite3.Connection:
        opened = sqlite3.connect(address, uri=True, timeout=wait, isolation_level=None)
        if create:
            opened.execute("PRAGMA journal_mode = WAL")  # readers go on while one writes; the file remembers it
        for pragma in pragmas:
            opened.execute(f"PRAGMA {pragma}")
        return opened

    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        immediate = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine


class Database:
    """An engine, and the transactions on it: one writer at a time, which on PostgreSQL holds an advisory lock."""

    def __init__(self, engine: Engine, shown: str, lock: int) -> None:
        """`shown` is its URL as people may see it; `lock` is the number of the advisory lock."""
        self._engine = engine
        self._lock = lock
        self.shown = shown

    @property
    def is_sqlite(self) -> bool:
        """Whether this is SQLite; else it is PostgreSQL."""
        return self._engine.dialect.name == "sqlite"

    @contextmanager
    def connected(self, *, writes: bool, isolation: str = "") -> Iterator[Connection]:
        """A transaction that its user commits; `isolation` is a level of PostgreSQL's. Raises StoreError."""
        options: dict[str, object] = {"writes": writes}
        if isolation and not self.is_sqlite:
            options["isolation_level"] = isolation
        try:
            with self._engine.connect().execution_options(**options) as connection:
                if writes and not self.is_sqlite:
                    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": self._lock})
                yield connection
        except (DatabaseError, InterfaceError) as error:
            raise StoreError("store.unavailable", store=self.shown, reason=_reason(error)) from error


def _reason(error: DatabaseError | InterfaceError) -> str:
    lines = [line for line in str(error.orig).splitlines() if line.strip()]
    return hide_password(lines[0].strip()) if lines else type(error).__name__
