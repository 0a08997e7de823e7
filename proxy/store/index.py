"""The index of the call records: made from their files, and made anew at will. It is no evidence; the files are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, text

from proxy.store.engine import Database, open_engine
from proxy.store.errors import StoreError
from proxy.store.index_rows import Day
from proxy.store.index_schema import ONCE, PARTITIONED, SERIES_BITS, TABLES, VERSION, day_statements

_WRITER: Final = 0x7472_756E_6B69_6478  # of the advisory lock; "trunkidx"
_WAIT_SECONDS: Final = 30
# a power cut may take the last rows: they are read again
_PRAGMAS: Final = ("synchronous = NORMAL", "cache_size = -65536")


class Index:
    """The index in a database: SQLite for one node, PostgreSQL for one or many."""

    def __init__(self, database: Database) -> None:
        """`database` is where it is kept."""
        self._database = database
        self._known: set[str] = set()

    @property
    def shown(self) -> str:
        """Its URL as people may see it, without a password."""
        return self._database.shown

    @property
    def is_sqlite(self) -> bool:
        """Whether this is SQLite; else it is PostgreSQL."""
        return self._database.is_sqlite

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads. Raises StoreError."""
        with self._transaction(writes=False) as connection:
            yield connection

    @contextmanager
    def _transaction(self, *, writes: bool) -> Iterator[Connection]:
        with self._database.connected(writes=writes) as connection:
            yield connection
            connection.commit()

    def prepare(self) -> None:
        """Make what is missing; an index of another version is emptied, to be made anew. Raises StoreError."""
        with self._transaction(writes=True) as connection:
            for statement in (*ONCE, *(() if self.is_sqlite else PARTITIONED)):
                connection.exec_driver_sql(statement)
            found = connection.execute(text("SELECT version FROM index_facts")).scalar()
            if found != VERSION:
                self._empty(connection)
                connection.execute(text("DELETE FROM index_facts"))
                connection.execute(text("INSERT INTO index_facts VALUES (:version)"), {"version": VERSION})

    def usable(self) -> bool:
        """Whether it can be searched; one that is not there, or of another version, cannot."""
        try:
            with self.read() as connection:
                return connection.execute(text("SELECT version FROM index_facts")).scalar() == VERSION
        except StoreError:
            return False

    def clear(self) -> None:
        """Forget everything: whoever feeds it begins anew. Raises StoreError."""
        with self._transaction(writes=True) as connection:
            self._empty(connection)

    def _empty(self, connection: Connection) -> None:
        for day in _days(connection):
            self._drop(connection, day)
        connection.execute(text("DELETE FROM index_series"))
        self._known.clear()

    def places(self, node: str = "") -> dict[str, str]:
        """How far each series of a node ("" for any) has come, as `take` was told. Raises StoreError."""
        with self.read() as connection:
            asked = text("SELECT series, place FROM index_series WHERE :node IN (node, '')")
            found = connection.execute(asked, {"node": node})
            return {series: place for series, place in found if place}

    def number_of(self, node: str, series: str) -> int:
        """The number of a series in ids; it gets one at first. Raises StoreError."""
        asked = text("SELECT number FROM index_series WHERE node = :node AND series = :series")
        values = {"node": node, "series": series}
        with self._transaction(writes=True) as connection:
            found = connection.execute(asked, values).scalar()
            if found is None:
                last = connection.execute(text("SELECT max(number) FROM index_series")).scalar()
                found = (-1 if last is None else last) + 1
                if found >= 1 << SERIES_BITS:
                    raise StoreError("store.index_series", most=1 << SERIES_BITS)
                added = text("INSERT INTO index_series VALUES (:number, :node, :series, '')")
                connection.execute(added, values | {"number": found})
            return int(found)

    def take(self, node: str, series: str, days: Mapping[str, Day], before: str, after: str) -> bool:
        """
        Add rows and move the place of their series, all in one transaction.

        False, and nothing done, when the place is not `before` any more: somebody else was faster. Raises StoreError.
        """
        chain = "node = :node AND series = :series"
        moved = text(f"UPDATE index_series SET place = :after WHERE {chain} AND place = :before")
        values = {"node": node, "series": series, "before": before, "after": after}
        with self._transaction(writes=True) as connection:
            if connection.execute(moved, values).rowcount != 1:
                return False
            for day, rows in days.items():
                self._day(connection, day)
                for table, columns in TABLES.items():
                    self._insert(connection, f"{table}_{day}", columns, getattr(rows, table))
        return True

    def expire(self, before: str) -> list[str]:
        """Drop the days before one (20261123); gives them. Raises StoreError."""
        with self._transaction(writes=True) as connection:
            old = [day for day in _days(connection) if day < before]
            for day in old:
                self._drop(connection, day)
            return old

    def days(self) -> list[str]:
        """The days that have calls, oldest first. Raises StoreError."""
        with self.read() as connection:
            return _days(connection)

    def _day(self, connection: Connection, day: str) -> None:
        if day in self._known:
            return
        for statement in day_statements(day, sqlite=self.is_sqlite):
            connection.exec_driver_sql(statement)
        connection.execute(text("INSERT INTO index_days VALUES (:day) ON CONFLICT DO NOTHING"), {"day": day})
        self._known.add(day)

    def _drop(self, connection: Connection, day: str) -> None:
        for table in TABLES:
            connection.exec_driver_sql(f"DROP TABLE IF EXISTS {table}_{day}")
        connection.execute(text("DELETE FROM index_days WHERE day = :day"), {"day": day})
        self._known.discard(day)

    def _insert(
        self, connection: Connection, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
    ) -> None:
        if not rows:
            return
        names = ", ".join(columns)
        if self.is_sqlite:
            places = ", ".join("?" * len(columns))
            connection.exec_driver_sql(f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({places})", list(rows))
            return
        connection.exec_driver_sql(f"CREATE TEMPORARY TABLE taken (LIKE {table}) ON COMMIT DROP")
        driver: Any = connection.connection.driver_connection
        with driver.cursor() as cursor, cursor.copy(f"COPY taken ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row([item.replace("\0", "") if isinstance(item, str) else item for item in row])
        connection.exec_driver_sql(f"INSERT INTO {table} ({names}) SELECT {names} FROM taken ON CONFLICT DO NOTHING")
        connection.exec_driver_sql("DROP TABLE taken")


def open_index(url: str, base: Path, *, create: bool = False) -> Index:
    """
    Open the index of a `records.index.url`; a relative path of SQLite starts at `base`.

    With `create` an SQLite file that is not there is made. Raises StoreError.
    """
    engine, shown = open_engine(url, base, create=create, wait=_WAIT_SECONDS, pragmas=_PRAGMAS)
    return Index(Database(engine, shown, _WRITER))


def _days(connection: Connection) -> list[str]:
    return [day for (day,) in connection.execute(text("SELECT day FROM index_days ORDER BY day"))]
