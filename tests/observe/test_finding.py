"""Pages of calls from the index and from what stands behind it, as the records stand in their files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from proxy.observe.finding import Finder
from proxy.observe.indexing import Indexer
from proxy.observe.reading import Wanted
from proxy.store.index import Index, open_index
from tests.store.indexes import end, rejected, verdict

FILE = "calls-20261123.jsonl"
LINES = [verdict(1), rejected(2, "caller.dno", ts="2026-11-23T08:00:00.500Z"), verdict(3, "2026-11-23T08:00:01.000Z"), end(4, 1, ts="2026-11-23T09:00:00.000Z")]  # fmt: skip


def write(directory: Path, *records: dict[str, object]) -> None:
    with (directory / FILE).open("a") as file:
        file.writelines(json.dumps(record) + "\n" for record in records)


@pytest.fixture
def index(tmp_path: Path) -> Index:
    write(tmp_path, *LINES)
    made = open_index(f"sqlite:{tmp_path / 'index.db'}", Path(), create=True)
    made.prepare()
    while Indexer(tmp_path, "gw1", made).step():
        pass
    return made


def test_pages_go_back_and_records_are_whole(tmp_path: Path, index: Index) -> None:
    finder = Finder(tmp_path, index)
    first = finder.page(Wanted(), 2)
    assert first.records == LINES[1:3]
    second = finder.page(Wanted(), 2, first.more)
    assert (second.records, second.more) == (LINES[:1], 0)


def test_what_is_not_indexed_yet_is_found_in_the_files(tmp_path: Path, index: Index) -> None:
    more = [verdict(5, "2026-11-23T09:00:02.000Z"), rejected(6, "caller.dno", ts="2026-11-23T09:00:03.000Z")]
    write(tmp_path, *more)
    finder = Finder(tmp_path, index, "gw1")
    assert finder.page(Wanted(event="call.verdict"), 3).records == [LINES[2], *more]
    assert finder.page(Wanted(event="call.verdict"), 1).records == more[1:]
    assert finder.page(Wanted(event="call.verdict", rule="caller"), 9).records == [LINES[1], more[1]]
    assert finder.call("call-6") == more[1:]


def test_a_call_is_whole(tmp_path: Path, index: Index) -> None:
    assert Finder(tmp_path, index).call("call-1") == [LINES[0], LINES[3]]


def test_where_the_file_is_gone_or_another_the_row_speaks(tmp_path: Path, index: Index) -> None:
    (tmp_path / FILE).unlink()
    (found,) = Finder(tmp_path, index).page(Wanted(rule="caller.dno"), 5).records
    wanted = ("event", "ts", "trunk", "customer", "caller", "called", "verdict", "enforced", "status", "call_id")
    assert {key: found[key] for key in wanted} == {key: LINES[1][key] for key in wanted}
    assert found["findings"] == [{"rule": "caller.dno"}]
    (tmp_path / FILE).write_text("x" * 5000)
    told = Finder(tmp_path, index).call("call-1")
    assert [(record["event"], record.get("answered")) for record in told] == [
        ("call.verdict", None),
        ("call.end", True),
    ]
