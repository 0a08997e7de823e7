"""Record files are followed over days, kills and expiry: every line comes, and what cannot come is counted."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.observe.chain import GENESIS
from proxy.observe.follow import Batch, Follower, Place, Waiting
from tests.observe.chains import DAYS, hash_of, name_of, records


def whole(lines: list[bytes]) -> list[bytes]:
    return [line[:-1] for line in lines]


def all_of(follower: Follower, most: int = 7) -> list[bytes]:
    """Take everything there is."""
    found: list[bytes] = []
    while batches := follower.read(most):
        for batch in batches:
            assert 0 < len(batch.lines) <= most
            found += batch.lines
            follower.take(batch)
    return found


def test_every_line_of_all_days_comes_in_order_and_only_once(tmp_path: Path) -> None:
    lines = records(30)
    for number, day in enumerate(DAYS):
        (tmp_path / name_of(day)).write_bytes(b"".join(lines[number * 10 : number * 10 + 10]))
    follower = Follower(tmp_path, {})

    assert all_of(follower) == whole(lines)
    assert follower.read() == []
    assert follower.places == {
        "": Place(name_of(DAYS[2]), sum(map(len, lines[20:])), 30, hash_of(lines[-1])),
    }


def test_several_series_are_followed_side_by_side(tmp_path: Path) -> None:
    first, second = records(5), records(3, call_id="other")
    (tmp_path / "calls-20261123.jsonl").write_bytes(b"".join(first))
    (tmp_path / "calls-20261124-1.jsonl").write_bytes(b"".join(second))
    (tmp_path / "checkpoints.jsonl").write_bytes(b"{}\n")
    follower = Follower(tmp_path, {})

    assert [(each.series, each.lines) for each in follower.read()] == [("", whole(first)), ("1", whole(second))]
    assert follower.waiting().records == 8


@settings(max_examples=25)
@given(cuts=st.lists(st.integers(0, 3000), max_size=8), most=st.integers(1, 5))
def test_however_writes_are_cut_each_line_comes_whole(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], most: int
) -> None:
    directory = tmp_path_factory.mktemp("cut")
    lines = records(4)
    data, found, place = b"".join(lines), [], {}
    ends = [*sorted(cut for cut in cuts if cut < len(data)), len(data)]
    for end in ends:
        (directory / name_of(DAYS[0])).write_bytes(data[:end])
        follower = Follower(directory, place)  # a new process each time
        found += all_of(follower, most)
        place = follower.places
    assert found == whole(lines)


def test_lines_that_were_not_taken_come_again(tmp_path: Path) -> None:
    lines = records(6)
    (tmp_path / name_of(DAYS[0])).write_bytes(b"".join(lines))
    follower = Follower(tmp_path, {})
    (batch,) = follower.read()
    follower.take(batch, 0)
    assert follower.read() == [batch]
    follower.take(batch, 4)

    again = Follower(tmp_path, follower.places)
    assert [each.lines for each in again.read()] == [whole(lines[4:])]
    assert again.waiting() == Waiting(2, "2026-11-23T08:00:04.000Z")


@pytest.mark.parametrize("taken", [0, 4, 10, 14], ids=["nothing", "some", "the-first-file", "into-the-second"])
def test_what_expired_unread_is_counted(taken: int, tmp_path: Path) -> None:
    lines = records(30)
    for number, day in enumerate(DAYS):
        (tmp_path / name_of(day)).write_bytes(b"".join(lines[number * 10 : number * 10 + 10]))
    follower = Follower(tmp_path, {})
    for _ in range(taken):
        (batch,) = follower.read(1)
        follower.take(batch)
    for day in DAYS[:2]:
        (tmp_path / name_of(day)).unlink()

    (batch,) = follower.read()
    assert batch.lines == whole(lines[20:])
    # whoever never read anything was promised nothing
    assert batch.missed == (20 - taken if taken else 0)
    follower.take(batch)
    assert follower.read() == []
    assert follower.waiting() == Waiting()


def test_a_file_that_lost_its_end_is_read_again(tmp_path: Path) -> None:
    """A power cut has taken lines that were read; the chain goes on with others of the same numbers."""
    before, file = records(10), tmp_path / name_of(DAYS[0])
    file.write_bytes(b"".join(before))
    follower = Follower(tmp_path, {})
    all_of(follower)
    after = before[:6] + records(6, seq=6, previous=hash_of(before[5]), call_id="new")
    file.write_bytes(b"".join(after[:7]))
    assert all_of(Follower(tmp_path, follower.places)) == whole(after[:7])
    assert all_of(follower) == whole(after[:7]), "also by whoever was reading meanwhile"
    file.write_bytes(b"".join(after))
    assert all_of(follower) == whole(after[7:])


def test_another_file_of_the_same_name_is_read_whole(tmp_path: Path) -> None:
    file = tmp_path / name_of(DAYS[0])
    file.write_bytes(b"".join(records(3)))
    follower = Follower(tmp_path, {})
    all_of(follower)
    other = records(9, call_id="other")
    file.write_bytes(b"".join(other))

    assert all_of(Follower(tmp_path, follower.places)) == whole(other)


def test_lines_that_are_no_records_come_as_they_stand(tmp_path: Path) -> None:
    lines = [*records(2), b"junk\n", b"\n", b"\xff\n"]
    (tmp_path / name_of(DAYS[0])).write_bytes(b"".join(lines))
    follower = Follower(tmp_path, {})

    assert all_of(follower) == whole(lines)
    assert follower.places[""] == Place(name_of(DAYS[0]), sum(map(len, lines)), 2, "")
    assert Follower(tmp_path, follower.places).read() == []


def test_a_line_longer_than_a_block_comes_whole(tmp_path: Path) -> None:
    lines = [b'{"seq":1,"x":"' + b"y" * (3 << 20) + b'","prev":"","hash":"' + GENESIS.encode() + b'"}\n', *records(1)]
    (tmp_path / name_of(DAYS[0])).write_bytes(b"".join(lines))
    assert all_of(Follower(tmp_path, {})) == whole(lines)


def test_nothing_yet(tmp_path: Path) -> None:
    follower = Follower(tmp_path, {})
    assert (follower.read(), follower.waiting()) == ([], Waiting())
    (tmp_path / name_of(DAYS[0])).touch()
    assert (follower.read(), follower.waiting()) == ([], Waiting())
    assert Follower(tmp_path, {"": Place("calls-20270101.jsonl", 5, 5)}).read() == []
    assert Batch("", Place("x"), [b"1"]).behind(0) == Place("x")
