"""Reading records back: what is wanted, newest first, and no line that is not whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from proxy.observe import reading
from proxy.observe.reading import VERDICT, Record, Records, Wanted, calls_of, moment, spellings
from proxy.observe.record import line_of, masked
from tests.observe.reports import WOULD, decided, ended, refused

NOW = 1_795_464_900.0  # 2026-11-23T20:15:00Z
TS = "2026-11-23T20:15:00.123Z"
SPOOFED = line_of(decided(), "gw1", TS)
NOTED = line_of(decided(WOULD), "gw1", TS)
END = line_of(ended(), "gw1", "2026-11-23T20:15:03.000Z")
STRANGER = line_of(refused(), "gw1", TS)


def put(directory: Path, *records: Record | bytes, day: str = "20261123") -> Path:
    """Append records, or octets as they are, to the file of a day."""
    path = directory / f"calls-{day}.jsonl"
    with path.open("ab") as file:
        for record in records:
            file.write(record if isinstance(record, bytes) else json.dumps(record, ensure_ascii=False).encode() + b"\n")
    return path


def numbered(number: int, **changes: Any) -> Record:
    return SPOOFED | {"call_id": f"call-{number}"} | changes


def ids(records: list[Record]) -> list[str]:
    return [record["call_id"] for record in records]


@pytest.mark.parametrize(
    ("wanted", "record", "taken"),
    [
        pytest.param(Wanted(), SPOOFED, True, id="anything"),
        pytest.param(Wanted(event=VERDICT), END, False, id="another-event"),
        pytest.param(Wanted(trunk="acme-1"), SPOOFED, True, id="trunk"),
        pytest.param(Wanted(trunk="acme"), SPOOFED, False, id="part-of-a-trunk"),
        pytest.param(Wanted(verdict="reject"), SPOOFED, True, id="reject"),
        pytest.param(Wanted(verdict="reject"), NOTED, True, id="reject-finds-would-reject"),
        pytest.param(Wanted(verdict="would-reject"), NOTED, True, id="would-reject"),
        pytest.param(Wanted(verdict="would-reject"), SPOOFED, False, id="would-reject-is-not-reject"),
        pytest.param(Wanted(verdict="would-pass"), NOTED | {"verdict": "pass"}, False, id="a-pass-is-never-would"),
        pytest.param(Wanted(rule="caller.not_allocated"), SPOOFED, True, id="rule"),
        pytest.param(Wanted(rule="caller"), SPOOFED, True, id="family"),
        pytest.param(Wanted(rule="caller.not"), SPOOFED, False, id="part-of-a-rule"),
        pytest.param(Wanted(rule="trunk.unknown"), STRANGER, True, id="stranger"),
        pytest.param(Wanted(since="2026-11-23"), SPOOFED, True, id="since-its-day"),
        pytest.param(Wanted(since="2026-11-23T20:15:00.124"), SPOOFED, False, id="since-a-millisecond-later"),
        pytest.param(Wanted(until="2026-11-23T20:15"), SPOOFED, True, id="until-its-minute"),
        pytest.param(Wanted(until="2026-11-23T20:14"), SPOOFED, False, id="until-the-minute-before"),
        pytest.param(Wanted(("2488880009",)), SPOOFED, True, id="redirecting-number"),
        pytest.param(Wanted(("nobody", "alice")), SPOOFED, True, id="any-spelling"),
        pytest.param(Wanted(("+861390",)), SPOOFED, False, id="another-number"),
        pytest.param(Wanted(rule="caller"), {"findings": ["caller"]}, False, id="findings-that-are-none"),
        pytest.param(Wanted(("1",)), {"numbers": [1]}, False, id="numbers-that-are-none"),
    ],
)
def test_wanted(wanted: Wanted, record: Record, taken: bool, tmp_path: Path) -> None:
    assert wanted.takes(record) is taken
    put(tmp_path, record)
    assert Records(tmp_path).last(9, wanted) == [record] * taken  # the quick look at the octets agrees


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-23", "2026-11-23"),
        ("2026-11-23T08", "2026-11-23T08"),
        ("2026-11-23 08:00", "2026-11-23T08:00"),
        ("2026-11-23t08:00:01.5z", "2026-11-23T08:00:01.5"),
        ("2026-11-23T08:00+08:00", "2026-11-23T00:00"),
        ("2026-11-23T01:30:00-05:30", "2026-11-23T07:00:00"),
        ("2026-11-23T08+05:30", "2026-11-23T02:30"),
        ("2026-11-24T00:00:00.123+08:00", "2026-11-23T16:00:00.123"),
        ("30s", "2026-11-23T20:14:30"),
        ("10m", "2026-11-23T20:05:00"),
        ("2d", "2026-11-21T20:15:00"),
    ],
)
def test_moment(text: str, expected: str) -> None:
    assert moment(text, NOW) == expected


@pytest.mark.parametrize(
    "text",
    ["yesterday", "2026-13-01", "2026-02-30", "23.11.2026", "2026-11-23T25:00", "20261123", "２０２６-11-23", "-10m", "10", "2026-11-23\n", ""],
)  # fmt: skip
def test_no_moment(text: str) -> None:
    with pytest.raises(ValueError):
        moment(text, NOW)


@pytest.mark.parametrize(
    ("number", "recorded", "found"),
    [
        pytest.param("02488880001", "+862488880001", True, id="national"),
        pytest.param("024-8888 0001", "+862488880001", True, id="with-separators"),
        pytest.param("00862488880001", "+862488880001", True, id="international"),
        pytest.param("+86 (024) 8888-0001", "+862488880001", True, id="a-zero-too-many"),
        pytest.param("+862488880001", "+862488880001", True, id="e164"),
        pytest.param("8888", "+862488880001", True, id="any-part"),
        pytest.param("024", "+862488880001", True, id="an-area"),
        pytest.param("021", "+862488821001", False, id="an-area-stands-in-front"),
        pytest.param("95588", "+8695588", True, id="service-number"),
        pytest.param("02488880001", "+8624****0001", True, id="masked"),
        pytest.param("13800138000", "+8613900139000", False, id="another"),
        pytest.param("alice", "alice", True, id="no-number"),
        pytest.param("110", "110", True, id="emergency"),
    ],
)
def test_spellings(number: str, recorded: str, found: bool) -> None:
    assert any(part in recorded for part in spellings(number, "86")) is found


def test_masked_spelling_is_what_the_record_holds() -> None:
    assert str(masked({"caller": "+862488880001"})["caller"]) in spellings("02488880001", "86")


@pytest.mark.parametrize("block", [7, 64, 1 << 20])
@pytest.mark.parametrize("torn", [b"", b'{"v":1,"ev'], ids=["whole", "torn"])
def test_last_are_oldest_first_and_never_torn(
    block: int, torn: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_BLOCK", block)
    put(tmp_path, *(numbered(number) for number in range(3)), day="20261122")
    put(tmp_path, *(numbered(number) for number in range(3, 5)), torn)
    source = Records(tmp_path)

    assert ids(source.last(4, Wanted())) == ["call-1", "call-2", "call-3", "call-4"]
    assert ids(source.last(99, Wanted())) == [f"call-{number}" for number in range(5)]
    assert source.last(0, Wanted()) == []
    assert source.broken == 0


@pytest.mark.parametrize(
    "line",
    [b"nonsense\n", b"\n", b'{"v":1,\n', b'{"call_id":"\xff"}\n', b"[1]\n", b'{"a":' + b"[" * 5000 + b"}\n", b"\0" * 99 + b"\n"],
    ids=["text", "empty", "half", "no-utf8", "array", "deep", "nul"],
)  # fmt: skip
def test_broken_lines_are_counted_and_passed_over(line: bytes, tmp_path: Path) -> None:
    put(tmp_path, numbered(1), line, numbered(2))
    source = Records(tmp_path)

    assert ids(source.last(9, Wanted())) == ["call-1", "call-2"]
    assert source.broken == 1


def test_no_file_is_opened_that_cannot_hold_what_is_wanted(tmp_path: Path) -> None:
    put(tmp_path, numbered(1), day="20261122")
    (tmp_path / "calls-20261121.jsonl").mkdir()  # opening it would fail
    (tmp_path / "calls-20261124.jsonl").mkdir()
    source = Records(tmp_path)

    assert ids(source.last(9, Wanted(since="2026-11-22T08", until="2026-11-23T20:15"))) == ["call-1"]
    with pytest.raises(IsADirectoryError):
        source.last(9, Wanted())


def test_few_are_found_without_reading_all(tmp_path: Path) -> None:
    put(tmp_path, *(numbered(number) for number in range(5000)))
    source, octets = Records(tmp_path), 0

    def read(step: int) -> None:
        nonlocal octets
        octets += step

    source.progress = read
    assert ids(source.last(2, Wanted())) == ["call-4998", "call-4999"]
    assert octets < source.size(Wanted()) / 2
    octets = 0
    assert source.last(2, Wanted(call_id="none")) == []
    assert octets == source.size(Wanted())


@pytest.mark.parametrize("call_id", ["plain@host", 'quote"\\', "电话", "\x1b[2J", "a/b"])
def test_one_call(call_id: str, tmp_path: Path) -> None:
    mine = [SPOOFED | {"call_id": call_id}, END | {"call_id": call_id}]
    put(tmp_path, numbered(1), mine[0], numbered(2), mine[1])

    assert Records(tmp_path).call(call_id) == mine


def test_a_call_id_that_argv_could_not_decode_is_nobodys(tmp_path: Path) -> None:
    put(tmp_path, numbered(1))
    assert Records(tmp_path).call("\udcff") == []


def side(number: int, record: Record = SPOOFED, **changes: Any) -> Record:
    return record | {"source": f"127.0.0.{number}:5060"} | changes


@pytest.mark.parametrize(
    ("records", "statuses"),
    [
        pytest.param([side(1), side(1, END)], [200], id="verdict-and-end"),
        pytest.param([side(1)], [403], id="still-going-on"),
        pytest.param([side(1), side(2), side(2, END, status=486), side(1, END)], [200, 486], id="looped-through-a-softswitch"),
        pytest.param([side(1), side(1, END), side(1), side(1, END, status=487)], [200, 487], id="call-id-used-again"),
        pytest.param([side(1), side(1), side(1, END)], [403, 200], id="an-end-was-dropped"),
        pytest.param([side(1, END)], [200], id="verdict-expired"),
        pytest.param([{"call_id": "x"}, side(1), side(1, END)], [None, 200], id="no-event"),
    ],
)  # fmt: skip
def test_calls_of(records: list[Record], statuses: list[int | None]) -> None:
    assert [call.get("status") for call in calls_of(records)] == statuses


def test_a_call_begins_with_its_verdict() -> None:
    (call,) = calls_of([SPOOFED, END])
    assert (call["ts"], call["findings"], call["ended_by"]) == (TS, SPOOFED["findings"], "caller")


def pauses(*steps: Callable[[], object]) -> Callable[[], bool]:
    """A pause in which these things happen, one each time; then it is over."""
    left: Iterator[Callable[[], object]] = iter(steps)

    def pause() -> bool:
        step = next(left, None)
        if step is not None:
            step()
        return step is not None

    return pause


def nothing() -> None: ...


def test_follow_goes_on_behind_what_was_read_even_over_midnight(tmp_path: Path) -> None:
    path = put(tmp_path, numbered(1), json.dumps(numbered(2)).encode()[:50])
    source = Records(tmp_path)
    assert ids(source.last(9, Wanted())) == ["call-1"]
    found = source.follow(
        Wanted(event=VERDICT),
        pauses(
            nothing,
            lambda: put(tmp_path, json.dumps(numbered(2)).encode()[50:] + b"\n", END, b"nonsense\n", b'{"half'),
            lambda: put(tmp_path, b'": 1}\n', numbered(3)),
            lambda: (put(tmp_path, numbered(4)), put(tmp_path, numbered(5), day="20261124")),
            lambda: put(tmp_path, numbered(6), day="20261125"),
            nothing,
            nothing,
            path.unlink,
        ),
    )

    assert ids(list(found)) == [f"call-{number}" for number in range(2, 7)]
    assert source.broken == 1


def test_follow_reads_a_day_to_its_end_before_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_BLOCK", 3000)  # two or three records
    source = Records(tmp_path)

    def burst() -> None:
        put(tmp_path, *(numbered(number) for number in range(9)))
        put(tmp_path, numbered(9), day="20261124")

    assert ids(list(source.follow(Wanted(), pauses(burst, nothing)))) == [f"call-{number}" for number in range(10)]


def test_follow_leaves_a_file_whose_last_line_was_torn(tmp_path: Path) -> None:
    put(tmp_path, b'{"torn')
    source = Records(tmp_path)
    source.last(0, Wanted())
    found = source.follow(Wanted(), pauses(lambda: put(tmp_path, numbered(1), day="20261124"), nothing))

    assert ids(list(found)) == ["call-1"]


def test_follow_waits_for_the_first_file(tmp_path: Path) -> None:
    source = Records(tmp_path)
    assert source.last(9, Wanted()) == []
    assert ids(list(source.follow(Wanted(), pauses(nothing, lambda: put(tmp_path, numbered(1)))))) == ["call-1"]


def test_the_chains_of_a_day_are_read_as_one(tmp_path: Path) -> None:
    def line(second: int) -> bytes:
        return b'{"ts":"2026-11-23T08:00:%02d.000Z","event":"call.verdict"}\n' % second

    (tmp_path / "calls-20261123.jsonl").write_bytes(line(1) + line(4))
    (tmp_path / "calls-20261123-1.jsonl").write_bytes(line(2) + line(3))
    found = Records(tmp_path)

    assert [record["ts"][17:19] for record in found.read(Wanted())] == ["04", "03", "02", "01"]
    with (tmp_path / "calls-20261123-1.jsonl").open("ab") as file:
        file.write(line(5))
    with (tmp_path / "calls-20261123.jsonl").open("ab") as file:
        file.write(line(6))
    looks = iter([True, False])
    assert {record["ts"][17:19] for record in found.follow(Wanted(), lambda: next(looks))} == {"05", "06"}
