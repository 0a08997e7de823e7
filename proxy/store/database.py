"""Opens a store, brings its schema up to date, and runs transactions: one writer at a time, on either engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, inspect, text
from sqlalchemy.orm import Session

from proxy.store.engine import Database, open_engine
from proxy.store.errors import StoreError
from proxy.store.schema import HEAD

MIGRATIONS: Final = Path(__file__).parent / "migrations"
WAIT_SECONDS: Final = 60  # for another writer: an import of a million rows takes less
# what was said to be done survives a power cut
_PRAGMAS: Final = ("foreign_keys = ON", "synchronous = FULL")
_WRITER: Final = 0x7472_756E_6B77_6172  # of the advisory lock; "trunkwar"


class Store:
    """
    A directory in a database.

    `read` sees one state from beginning to end; `write` is the only writer until it ends, and leaves all or nothing.
    """

    def __init__(self, database: Database) -> None:
        """`database` is where it is kept."""
        self._database = database

    @property
    def shown(self) -> str:
        """Its URL as people may see it, without a password."""
        return self._database.shown

    @property
    def is_sqlite(self) -> bool:
        """Whether this is SQLite; else it is PostgreSQL."""
        return self._database.is_sqlite

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
        with self._database.connected(writes=writes, isolation="" if writes else "REPEATABLE READ") as connection:
            self._check(connection)
            with Session(connection) as session:
                yield session
                session.flush()
            connection.commit()

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

        with self._database.connected(writes=True) as connection:
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
    engine, shown = open_engine(url, base, create=create, wait=WAIT_SECONDS, pragmas=_PRAGMAS)
    return Store(Database(engine, shown, _WRITER))
