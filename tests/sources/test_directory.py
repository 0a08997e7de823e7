"""The directory by its URL: a file, or a database; and what is said when it is not there."""

from __future__ import annotations

import shutil
from pathlib import Path

from proxy.settings.load import NumberSource
from proxy.settings.problems import ProblemList
from proxy.sources.directory import examine
from proxy.store.database import open_store
from tests.store.rows import allocation, customer, trunk


def source(base: Path, url: str) -> NumberSource:
    return NumberSource(base / "c.yaml", url, "86", frozenset())


def test_a_file(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root / "config", tmp_path / "config")
    found = examine(source(tmp_path / "config", "file:directory.yaml"), ProblemList(), ())
    assert found is not None
    assert list(found.directory.trunks) == ["acme-1"]


def test_a_database(tmp_path: Path) -> None:
    store = open_store("sqlite:d.db", tmp_path, create=True)
    store.migrate()
    with store.write() as session:
        customer(session, "zeta")
        allocation(session, trunk(session, "zeta-1", "zeta"), "+8695588")
    for url in ("sqlite:d.db", f"sqlite://{tmp_path}/d.db"):
        found = examine(source(tmp_path, url), ProblemList(), ())
        assert found is not None
        assert (list(found.directory.trunks), found.directory.total) == (["zeta-1"], 1)


def test_a_database_that_is_not_there(tmp_path: Path) -> None:
    problems = ProblemList()
    assert examine(source(tmp_path, "sqlite:d.db"), problems, ()) is None
    assert [problem.text("en") for problem in problems] == [
        f"{tmp_path}/c.yaml: directory.url: {tmp_path}/d.db: there is no database; make one: trunkward directory init"
    ]
