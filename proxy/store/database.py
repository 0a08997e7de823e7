"""Opens a store, brings its schema up to date, and runs transactions: one writer at a time, on either engine."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DatabaseError, InterfaceError
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from proxy.settings.kinds import hide_password
from proxy.store.errors import StoreError
from proxy.store.schema import HEAD

MIGRATIONS: Final = Path(__file__).parent / "migrations"
SQLITE: Final = "sqlite:"
WAIT_SECONDS: Final = 60  # for another writer: an import of a million rows takes less
_CONNECT_SECONDS: Final = 5
_WRITER: Final = 0x7472_756E_6B77_6172  # of the advisory lock; "trunkwar"


class Store:
    """
    A directory in a database.

    `read` sees one state from beginning to end; `write` is the only writer until it ends, and leaves all or nothing.
    """

    def __init__(self, engine: Engine, shown: str) -> None:
        """`shown` is its URL as people may see it, without a password."""
        self._engine = engine
        self.shown = shown

    @property
    def is_sqlite(self) -> bool:
        """Whether this is SQLite; else it is PostgreSQL."""
        return self._engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A transaction that only reads. Raises StoreError."""
        with self._transaction(writes=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction that may write. Raises StoreError."""
        with self._transaction(writes=True) as session:
            yield session

    @contextmanager
    def _transaction(self, *, writes: bool) -> Iterator[Session]:
        with self._connected(writes=writes) as connection:
            self._check(connection)
            with Session(connection) as session:
                yield session
                session.flush()
            connection.commit()

    @contextmanager
    def _connected(self, *, writes: bool) -> Iterator[Connection]:
        options: dict[str, object] = {"writes": writes}
        if not self.is_sqlite and not writes:
            options["isolation_level"] = "REPEATABLE READ"
        try:
            with self._engine.connect().execution_options(**options) as connection:
                if writes and not self.is_sqlite:
                    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _WRITER})
                yield connection
        except (DatabaseError, InterfaceError) as error:
            raise StoreError("store.unavailable", store=self.shown, reason=_reason(error)) from error

    def _check(self, connection: Connection) -> None:
        if not inspect(connection).has_table("alembic_version"):
            raise StoreError("store.empty", store=self.shown)
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        if found != HEAD:
            raise StoreError("store.revision", store=self.shown, found=found, wanted=HEAD)

    def migrate(self) -> None:
        """Make the tables, or bring them up to date; on one that is, nothing happens. Raises StoreError."""
        from alembic import command  # noqa: PLC0415 - only where the schema changes
        from alembic.config import Config  # noqa: PLC0415

        with self._connected(writes=True) as connection:
            config = Config()
            config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()


def open_store(url: str, base: Path, *, create: bool = False) -> Store:
    """
    Open the store of a `directory.url`; a relative path of SQLite starts at `base`.

    With `create` an SQLite file that is not there is made. Raises StoreError.
    """
    if url.startswith(SQLITE):
        path = base / url.removeprefix(SQLITE)
        if not create and not path.is_file():
            raise StoreError("store.missing", store=str(path))
        return Store(_sqlite(path, create=create), str(path))
    if find_spec("psycopg") is None:
        raise StoreError("store.no_driver")
    try:
        address = make_url(url).set(drivername="postgresql+psycopg")
    except (ArgumentError, ValueError) as error:
        raise StoreError("store.unavailable", store=hide_password(url), reason="URL") from error
    connect = {"connect_timeout": _CONNECT_SECONDS} if "connect_timeout" not in address.query else {}
    engine = create_engine(address, poolclass=NullPool, connect_args=connect)
    return Store(engine, hide_password(url))


def _sqlite(path: Path, *, create: bool) -> Engine:
    address = f"file:{quote(str(path.absolute()))}?mode={'rwc' if create else 'rw'}"

    def connect() -> sqlite3.Connection:
        opened = sqlite3.connect(address, uri=True, timeout=WAIT_SECONDS, isolation_level=None)
        opened.execute("PRAGMA foreign_keys = ON")
        if create:
            opened.execute("PRAGMA journal_mode = WAL")  # readers go on while one writes; the file remembers it
        opened.execute("PRAGMA synchronous = FULL")  # what was said to be done survives a power cut
        return opened

    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        immediate = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine


def _reason(error: DatabaseError | InterfaceError) -> str:
    lines = [line for line in str(error.orig).splitlines() if line.strip()]
    return hide_password(lines[0].strip()) if lines else type(error).__name__
