"""The index made anew, as an operator does it."""

from __future__ import annotations

from pathlib import Path

from proxy.store.index import open_index
from proxy.store.index_search import Question, search
from tests.cli.test_recorded import here, run

__all__ = ["here"]


def test_what_the_files_no_longer_say_is_gone(here: Path) -> None:
    assert run(here, "reindex").exit_code == 0
    (here / "records" / "calls-20261123.jsonl").unlink()
    again = run(here, "reindex")
    assert (again.exit_code, again.stdout.strip().endswith("1 days of records")) == (0, True)
    assert len(search(open_index("sqlite:index.db", here), Question(), 9)) == 3


def test_where_there_are_no_files_nothing_is_made(here: Path) -> None:
    for file in (here / "records").iterdir():
        file.unlink()
    (here / "records").rmdir()
    result = run(here, "reindex")
    assert result.exit_code == 1
    assert not (here / "index.db").exists()
