"""Record files into the index: every record once, over restarts, torn files and rivals."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest
import structlog

from proxy.observe.chain import Chain
from proxy.observe.indexing import Indexer, keep_indexing
from proxy.store.index import Index, open_index
from proxy.store.index_search import Question, search
from tests.store.indexes import end, rejected, verdict

LOG = structlog.make_filtering_bound_logger(50)(structlog.PrintLogger(), [], {})


@pytest.fixture
def index(tmp_path: Path) -> Index:
    made = open_index(f"sqlite:{tmp_path / 'index.db'}", Path(), create=True)
    made.prepare()
    return made


def write(directory: Path, first: int, count: int, name: str = "calls-20261123.jsonl") -> None:
    """Add verdicts that begin at a seq, chained as a node chains them."""
    chain = Chain(first - 1, "0" * 64)
    with (directory / name).open("ab") as file:
        for seq in range(first, first + count):
            file.write(chain.line(verdict(seq, f"2026-11-23T08:00:00.{seq % 1000:03}Z")))


def calls(index: Index) -> list[int]:
    return [int(row["call_id"][5:]) for row in search(index, Question(), 10_000)][::-1]


def drain(indexer: Indexer, most: int = 7) -> None:
    while indexer.step(most):
        pass


def test_every_chain_of_a_directory_is_taken_and_goes_on_after_a_restart(tmp_path: Path, index: Index) -> None:
    write(tmp_path, 1, 20)
    write(tmp_path, 101, 5, "calls-20261123-1.jsonl")
    drain(Indexer(tmp_path, "gw1", index))
    write(tmp_path, 21, 3)
    with (tmp_path / "calls-20261123.jsonl").open("ab") as file:
        file.write(b'{"torn')
    drain(Indexer(tmp_path, "gw1", index))
    assert calls(index) == [*range(1, 24), *range(101, 106)]
    assert set(index.places("gw1")) == {"", "1"}


def test_what_is_read_again_is_there_once(tmp_path: Path, index: Index) -> None:
    write(tmp_path, 1, 20)
    one = Indexer(tmp_path, "gw1", index)
    drain(one)
    data = (tmp_path / "calls-20261123.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "calls-20261123.jsonl").write_bytes(b"".join(data[:10]))  # a power cut
    write(tmp_path, 11, 15)
    drain(Indexer(tmp_path, "gw1", index))
    assert calls(index) == list(range(1, 26))


def test_two_who_fill_one_index_do_not_double_anything(tmp_path: Path, index: Index) -> None:
    write(tmp_path, 1, 50)
    one, two = Indexer(tmp_path, "gw1", index), Indexer(tmp_path, "gw1", index)
    while one.step(3) or two.step(4):
        two.step(5)
    index.clear()
    drain(one)
    assert calls(index) == list(range(1, 51))


def test_lines_that_are_no_records_are_counted_and_passed_over(tmp_path: Path, index: Index) -> None:
    lines = [b"x", b"[1]", b'{"ts":"x"}', b"{}", b"\xff", json.dumps(verdict(7)).encode()]
    (tmp_path / "calls-20261123.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    indexer = Indexer(tmp_path, "gw1", index)
    drain(indexer)
    assert (calls(index), indexer.broken) == ([7], 5)


def test_it_keeps_on_until_it_is_stopped_and_days_expire(tmp_path: Path) -> None:
    write(tmp_path, 1, 3)
    oldest = ["20261101"]
    stop, away = threading.Event(), [OSError(28, "No space left on device")]
    index = open_index(f"sqlite:{tmp_path / 'index.db'}", Path(), create=True)

    def opened() -> Index:
        if away:
            raise away.pop()
        return index

    thread = threading.Thread(target=keep_indexing, args=(tmp_path, "gw1", opened, lambda: oldest[0], stop, LOG))
    thread.start()
    until(lambda: index.usable() and len(calls(index)) == 3)
    write(tmp_path, 4, 1)
    until(lambda: len(calls(index)) == 4)
    oldest[0] = "20261124"
    until(lambda: not index.days())
    stop.set()
    thread.join(5)
    assert not thread.is_alive()


def until(true: object, seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_ends_and_rejections_are_taken_too(tmp_path: Path, index: Index) -> None:
    with (tmp_path / "calls-20261123.jsonl").open("w") as file:
        for record in (rejected(1, "caller.dno"), end(2, 1)):
            file.write(json.dumps(record) + "\n")
    drain(Indexer(tmp_path, "gw1", index))
    assert [row["rules"] for row in search(index, Question(rule="caller"), 5)] == ["caller.dno"]
