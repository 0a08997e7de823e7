"""Stores to test on: every test that asks for `store` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.store.database import Store, open_store
from tests.store.postgres import Server, running


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL server with a migrated database to copy."""
    with running() as started:
        started.execute("CREATE DATABASE ready TEMPLATE template0")
        open_store(started.url("ready"), Path()).migrate()
        yield started


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty directory with all its tables."""
    if request.param == "postgresql":
        server: Server = request.getfixturevalue("server")
        return server.database("ready")
    made = f"sqlite:{tmp_path / 'directory.db'}"
    open_store(made, tmp_path, create=True).migrate()
    return made


@pytest.fixture
def store(url: str) -> Store:
    return open_store(url, Path())
