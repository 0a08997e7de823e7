"""Evidence: a directory of records against its checkpoints, and a thousand ways to tamper with it."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from pathlib import Path
from random import Random  # noqa: TID251 - seeded: the same mutations each time

import pytest

from proxy.observe import checkpoint
from proxy.observe.evidence import noted, series_in, size_of, verify
from proxy.observe.findings import Fault
from tests.observe.chains import DAYS, KEYS, name_of, seal, write
from tests.observe.chains import records as made

MUTATIONS = 1000


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """Three days of records, each under a checkpoint."""
    write(tmp_path / "records")
    return tmp_path / "records"


def test_records_as_they_were_written_are_good(records: Path) -> None:
    read: list[int] = []
    found = verify(records, KEYS, progress=read.append)

    assert (found.is_good, found.first, found.last, found.sealed, found.checkpoints) == (True, 1, 120, 120, 3)
    assert (found.signatures, found.files) == ("checked", 3)
    assert sum(read) == size_of(records) > 0


def test_without_a_key_signatures_are_not_checked(records: Path) -> None:
    found = verify(records, {})

    assert (found.is_good, found.signatures, found.sealed) == (True, "not checked", 120)


def test_a_day_that_is_gone_is_missed(records: Path) -> None:
    (records / name_of(DAYS[1])).unlink()
    (fault,) = verify(records, KEYS).faults

    assert (fault.kind, fault.place.file, fault.first, fault.last) == ("dropped", name_of(DAYS[2]), 41, 80)


def test_the_last_checkpoint_kept_elsewhere_proves_the_end(records: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_bytes((records / checkpoint.FILE).read_bytes().splitlines()[-1])  # copied without its line end
    (records / name_of(DAYS[2])).unlink()
    own = (records / checkpoint.FILE).read_bytes().splitlines(keepends=True)
    (records / checkpoint.FILE).write_bytes(b"".join(own[:-1]))
    assert verify(records, KEYS).is_good  # the end went with its checkpoint: only a copy tells

    (fault,) = verify(records, KEYS, [kept]).faults
    assert (fault.kind, fault.first, fault.last) == ("truncated", 81, 120)


@pytest.mark.parametrize("data", [b"", b"\n", b"{}", b"half of a checkp"])
def test_a_copy_that_is_no_checkpoint_is_said(records: Path, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "kept").write_bytes(data)

    assert {fault.kind for fault in verify(records, KEYS, [tmp_path / "kept"]).faults} == {"checkpoint"}


def test_a_checkpoint_of_another_key_is_a_fault() -> None:
    faults: list[Fault] = []
    line = seal([], 0).replace(b"gw1", b"gw2")

    assert list(noted("f", [line], KEYS, faults)) == []
    assert [fault.kind for fault in faults] == ["checkpoint"]


def test_a_torn_last_checkpoint_is_no_fault(records: Path) -> None:
    with (records / checkpoint.FILE).open("ab") as file:
        file.write(b'{"v":1,"kind"')
    assert verify(records, KEYS).is_good
    with (records / checkpoint.FILE).open("ab") as file:
        file.write(b"\n")
    assert verify(records, KEYS).faults[0].place.line == 4


def test_a_node_that_deletes_old_files_meanwhile_is_no_fault(records: Path) -> None:
    """Files go one after the other, each signed for, while they are verified again and again."""
    lines = write(records.parent / "more", days=3, each=10)
    more = records.parent / "more"
    done = threading.Event()

    def expire() -> None:
        for number, day in enumerate(DAYS[:2], 1):
            time.sleep(0.1)
            checkpoint.append(more, seal(lines, number * 10, "expired", name_of(day)))
            (more / name_of(day)).unlink()
        done.set()

    worker = threading.Thread(target=expire)
    worker.start()
    faults = []
    while not done.is_set():
        with suppress(FileNotFoundError):  # it went while it was to be read, which is said
            faults += verify(more, KEYS).faults
    worker.join()

    assert faults == []
    assert verify(more, KEYS).begin == "expired"


def flip(files: list[bytearray], dice: Random) -> str:
    data = dice.choice(files)
    place = dice.randrange(len(data))
    data[place] ^= 1 << dice.randrange(8)
    return f"flip at {place}"


def delete(files: list[bytearray], dice: Random) -> str:
    data = dice.choice(files)
    lines = data.splitlines(keepends=True)
    first = dice.randrange(len(lines))
    last = min(len(lines), first + dice.choice((1, 1, 2, 5, 40)))
    data[:] = b"".join(lines[:first] + lines[last:])
    return f"lines {first} to {last} deleted"


def reorder(files: list[bytearray], dice: Random) -> str:
    if dice.random() < 0.2:
        one, two = dice.sample(files, 2)
        one[:], two[:] = bytes(two), bytes(one)
        return "files swapped"
    data = dice.choice(files)
    lines = data.splitlines(keepends=True)
    one, two = dice.sample(range(len(lines)), 2)
    lines.insert(two, lines.pop(one))
    data[:] = b"".join(lines)
    return f"line {one} moved to {two}"


def truncate(files: list[bytearray], dice: Random) -> str:
    data = dice.choice(files)
    end = dice.randrange(len(data))
    del data[end:]
    return f"cut at {end}"


def insert(files: list[bytearray], dice: Random) -> str:
    data = dice.choice(files)
    lines = data.splitlines(keepends=True)
    other = dice.choice(dice.choice(files).splitlines(keepends=True))
    place = dice.randrange(len(lines) + 1)
    data[:] = b"".join([*lines[:place], other, *lines[place:]])
    return f"a line inserted at {place}"


@pytest.mark.parametrize("seed", range(5))
def test_a_thousand_mutations_are_all_found(records: Path, tmp_path: Path, seed: int) -> None:
    """All that is there is the records and, kept elsewhere, the last checkpoint."""
    kept = tmp_path / "kept"
    kept.write_bytes((records / checkpoint.FILE).read_bytes().splitlines(keepends=True)[-1])
    (records / checkpoint.FILE).unlink()
    whole = {path: path.read_bytes() for path in sorted(records.glob("calls-*"))}
    dice = Random(seed)
    missed = []
    for _ in range(MUTATIONS // 5):
        files = [bytearray(data) for data in whole.values()]
        what = dice.choice((flip, delete, reorder, truncate, insert))(files, dice)
        for path, data in zip(whole, files, strict=True):
            path.write_bytes(data)
        if verify(records, KEYS, [kept]).is_good:
            missed.append(what)

    assert missed == []
    for path, data in whole.items():
        path.write_bytes(data)
    assert verify(records, KEYS, [kept]).is_good


def test_every_chain_of_a_directory_is_walked_by_itself(tmp_path: Path) -> None:
    write(tmp_path, 1)
    lines = made(20)
    (tmp_path / "calls-20261123-1.jsonl").write_bytes(b"".join(lines))
    closed = seal(lines, 20, "stop", "calls-20261123-1.jsonl")
    checkpoint.append(tmp_path, closed, "1")

    assert series_in(tmp_path) == ["", "1"]
    assert [verify(tmp_path, KEYS, series=each).sealed for each in ("", "1")] == [40, 20]
    (tmp_path / "calls-20261123-1.jsonl").write_bytes(b"".join(lines[:-1]))
    assert [verify(tmp_path, KEYS, series=each).is_good for each in ("", "1")] == [True, False]


def test_a_chain_that_is_gone_whole_is_missed_by_who_kept_its_checkpoint(tmp_path: Path) -> None:
    write(tmp_path / "records", 1)
    kept = tmp_path / "kept.jsonl"
    kept.write_bytes(seal(made(20), 20, "stop", "calls-20261123-1.jsonl"))

    assert series_in(tmp_path / "records", [kept]) == ["", "1"]
    assert verify(tmp_path / "records", KEYS, [kept]).is_good
    found = verify(tmp_path / "records", KEYS, [kept], series="1")
    assert [fault.kind for fault in found.faults] == ["truncated"]
