"""The chain: each line states its hash and its neighbour's; the ends of files are found without reading them."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

from proxy.observe.chain import (
    GENESIS,
    TAIL,
    Chain,
    digest_of,
    file_name,
    files_of,
    first_line,
    last_line,
    link_of,
    record_files,
    series_of,
)


def test_a_line_states_the_hash_of_what_stands_before_it() -> None:
    chain = Chain(0, GENESIS)
    one, two = chain.line({"a": "é"}), chain.line({"a": 2})
    first, second = json.loads(one), json.loads(two)

    assert (first["seq"], first["prev"], second["seq"], second["prev"]) == (1, GENESIS, 2, first["hash"])
    for line, record in ((one, first), (two, second)):
        assert line.endswith(b'"}\n')
        assert record["hash"] == sha256(line[: line.index(b',"hash":')]).hexdigest() == digest_of(line[:-1])
    assert len(one) - one.index(b',"hash":') == TAIL + 1


def test_a_line_says_where_it_stands() -> None:
    line = Chain(6, "ab").line({"event": "gap", "ts": "x"})[:-1]
    link = link_of(line)

    assert link is not None
    assert (link.seq, link.prev, link.hash, link.ts, link.event) == (7, "ab", digest_of(line), "x", "gap")


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"\0" * 500,
        b'{"seq":1}',
        b'{"seq":"1","prev":"","hash":""}',
        b'{"seq":1,"prev":"a","hash":"b"}',
        b'{"hash":"%b","seq":1,"prev":"a"}' % (b"a" * 64),
        b"[" * 100_000,
    ],
)
def test_what_is_no_record_says_nothing(line: bytes) -> None:
    assert link_of(line) is None


@pytest.mark.parametrize(("data", "line"), [(b"", b""), (b"a", b""), (b"a\nb", b"a"), (b"\n", b"")])
def test_first_line(tmp_path: Path, data: bytes, line: bytes) -> None:
    (tmp_path / "f").write_bytes(data)

    assert first_line(tmp_path / "f") == line


@pytest.mark.parametrize(
    ("data", "line", "end"),
    [
        (b"", b"", 0),
        (b"a", b"", 0),
        (b"a\n", b"a\n", 2),
        (b"a\nb\nc", b"b\n", 4),
        (b"x" * 100_000 + b"\nb\n", b"b\n", 100_003),
    ],
)
def test_last_line(tmp_path: Path, data: bytes, line: bytes, end: int) -> None:
    path = tmp_path / "f"
    path.write_bytes(data)

    assert (last_line(path).data, last_line(path).end) == (line, end)
    assert path.stat().st_size == len(data)


def test_each_chain_of_a_directory_has_its_files(tmp_path: Path) -> None:
    names = ["calls-20261123.jsonl", "calls-20261123-2.jsonl", "calls-20261123-10.jsonl", "calls-20261124.jsonl"]
    for name in [*names, "calls-20261123-01.jsonl", "calls-2026112.jsonl", "calls-20261123-x.jsonl"]:
        (tmp_path / name).touch()

    assert [path.name for path in record_files(tmp_path)] == names
    assert [path.name for path in files_of(tmp_path)] == [names[0], names[3]]
    assert [path.name for path in files_of(tmp_path, "10")] == [names[2]]
    assert [series_of(name) for name in names] == ["", "2", "10", ""]
    assert (file_name("2026-11-23", ""), file_name("2026-11-23", "2")) == (names[0], names[1])
