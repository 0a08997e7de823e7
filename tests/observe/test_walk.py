"""A walk along the chain: what is wrong is named by its first line, and what is right is not."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import pytest

from proxy.observe.chain import GENESIS, Chain
from proxy.observe.checkpoint import Checkpoint, read
from proxy.observe.findings import Findings
from proxy.observe.walk import Walk
from tests.observe.chains import hash_of, records, seal

LINES = records(20)
Tampering = Callable[[list[bytes]], list[bytes]]


def mark(seq: int, reason: str = "day", lines: list[bytes] = LINES) -> Checkpoint:
    return read(seal(lines, seq, reason)).checkpoint  # type: ignore[arg-type]


def walked(*files: list[bytes], marks: tuple[Checkpoint, ...] = ()) -> Findings:
    walk = Walk(marks)
    for number, lines in enumerate(files):
        walk.file(f"f{number}", BytesIO(b"".join(lines)), last=number == len(files) - 1, progress=lambda _: None)
    return walk.finish()


def told(found: Findings) -> list[tuple[object, ...]]:
    return [(fault.kind, fault.place.file, fault.place.line, fault.place.seq) for fault in found.faults]


def rewritten(line: bytes) -> bytes:
    """The same line about another call, with a hash that is right."""
    chain = Chain(int(line.split(b'"seq":')[1].split(b",")[0]) - 1, line.split(b'"prev":"')[1][:64].decode())
    return chain.line({"v": 1, "call_id": "forged"})


def test_a_whole_chain_is_good() -> None:
    found = walked(LINES[:7], [], LINES[7:], marks=(mark(7), mark(20)))

    assert found.is_good
    assert (found.first, found.last, found.lines, found.files, found.begin) == (1, 20, 20, 3, "whole")
    assert (found.sealed, found.checkpoints, found.torn) == (20, 2, 0)


@pytest.mark.parametrize(
    ("tamper", "first"),
    [
        pytest.param(lambda x: [*x[:4], x[4].replace(b"acme-1", b"acme-2"), *x[5:]], ("changed", "f0", 5, 5), id="changed"),
        pytest.param(lambda x: [*x[:4], x[4].replace(b'"hash":"', b'"hash":"0', 1), *x[5:]], ("changed", "f0", 5, 5), id="hash"),
        pytest.param(lambda x: [*x[:4], x[4].replace(b'"seq":5', b'"seq":99'), *x[5:]], ("changed", "f0", 5, 5), id="seq"),
        pytest.param(lambda x: [*x[:4], rewritten(x[4]), *x[5:]], ("changed", "f0", 5, 5), id="changed-with-its-hash"),
        pytest.param(lambda x: [*x[:4], b"\n", *x[4:]], ("inserted", "f0", 5, 5), id="blank"),
        pytest.param(lambda x: [*x[:4], b"{}\n", *x[4:]], ("inserted", "f0", 5, 5), id="no-record"),
        pytest.param(lambda x: [*x[:5], x[4], *x[5:]], ("inserted", "f0", 6, 5), id="twice"),
        pytest.param(lambda x: [*x[:9], x[4], *x[9:]], ("inserted", "f0", 10, 5), id="again-later"),
        pytest.param(lambda x: [*x[:4], rewritten(x[4]), *x[4:]], ("inserted", "f0", 5, 5), id="a-forged-one-before"),
        pytest.param(lambda x: [*x[:5], rewritten(x[4]), *x[5:]], ("inserted", "f0", 6, 5), id="a-forged-one-behind"),
        pytest.param(lambda x: [*x[:4], *x[5:]], ("dropped", "f0", 5, 6), id="dropped"),
        pytest.param(lambda x: [*x[:4], *x[9:]], ("dropped", "f0", 5, 10), id="several-dropped"),
        pytest.param(lambda x: [*x[:4], x[5], x[4], *x[6:]], ("reordered", "f0", 5, 6), id="swapped"),
        pytest.param(lambda x: [*x[:4], *x[8:12], *x[4:8], *x[12:]], ("reordered", "f0", 5, 9), id="blocks-swapped"),
        pytest.param(lambda x: x[::-1], ("dropped", "f0", 1, 20), id="backwards"),
        pytest.param(lambda x: [x[0].replace(b"acme", b"acne"), *x[1:]], ("changed", "f0", 1, 1), id="first-changed"),
        pytest.param(lambda x: x[1:], ("dropped", "f0", 1, 2), id="first-dropped"),
        pytest.param(lambda x: x[:-1], ("truncated", "f0", 20, 20), id="last-dropped"),
        pytest.param(lambda x: [*x[:-1], x[-1][:-1]], ("truncated", "f0", 20, 20), id="last-torn"),
        pytest.param(lambda x: [], ("truncated", "", 1, 1), id="all-dropped"),
        pytest.param(lambda x: [*x, *records(3)], ("anew", "f0", 21, 1), id="anew"),
        pytest.param(lambda x: [*x[:4], x[4][:-1], *x[5:]], ("changed", "f0", 5, 5), id="line-end"),
    ],
)  # fmt: skip
def test_the_first_wrong_line_is_named(tamper: Tampering, first: tuple[object, ...]) -> None:
    found = walked(tamper(list(LINES)), marks=(mark(20),))

    assert told(found)[0] == first


@pytest.mark.parametrize("tampered", [[*LINES[:4], LINES[4].replace(b"acme-1", b"acme-2"), *LINES[5:]], [*LINES[:4], *LINES[5:]], [*LINES[:4], LINES[5], LINES[4], *LINES[6:]], [*LINES[:4], b"\n", *LINES[4:]], [*LINES[:4], rewritten(LINES[4]), *LINES[4:]]])  # fmt: skip
def test_one_wrong_line_is_one_fault(tampered: list[bytes]) -> None:
    assert len(told(walked(tampered, marks=(mark(20),)))) == 1


def test_what_is_missing_is_said() -> None:
    (fault,) = walked(LINES[:4], LINES[9:]).faults

    assert (fault.kind, fault.place.file, fault.first, fault.last, fault.row()["missing"]) == ("dropped", "f1", 5, 9, 5)


def test_a_chain_that_was_rewritten_whole_is_not_what_was_signed() -> None:
    forged = [*LINES[:10], *records(10, 10, hash_of(LINES[9]), "forged")]
    assert walked(forged).is_good  # nothing but a checkpoint tells
    (fault,) = walked(forged, marks=(mark(8), mark(20))).faults

    assert (fault.kind, fault.first, fault.last) == ("rewritten", 9, 20)


def test_a_chain_may_begin_where_records_have_expired() -> None:
    found = walked(LINES[7:], marks=(mark(4, "expired"), mark(7, "expired"), mark(20)))
    assert (found.is_good, found.begin, found.first) == (True, "expired", 8)

    (fault,) = walked(LINES[9:], marks=(mark(7, "expired"), mark(20))).faults
    assert (fault.kind, fault.first, fault.last) == ("dropped", 8, 9)
    (fault,) = walked(LINES[7:], marks=(mark(7, "day"), mark(20))).faults
    assert (fault.kind, fault.first, fault.last) == ("dropped", 1, 7)


def test_without_checkpoints_nothing_is_known_of_the_beginning() -> None:
    found = walked(LINES[7:])

    assert (found.is_good, found.begin, found.first, found.last) == (True, "unproven", 8, 20)


def test_all_records_may_have_expired() -> None:
    assert walked([], marks=(mark(20), mark(20, "expired"))).faults[0].kind == "truncated"
    assert walked([], marks=(mark(20, "expired"),)).is_good


def test_a_torn_last_line_is_no_fault() -> None:
    found = walked(LINES[:10], [*LINES[10:], LINES[0][:100]], marks=(mark(20),))
    assert (found.is_good, found.torn, found.last) == (True, 100, 20)

    assert told(walked([*LINES[:10], LINES[10][:100]], LINES[10:])) == [("inserted", "f0", 11, 11)]


def test_gaps_that_the_node_recorded_are_told() -> None:
    chain = Chain(20, hash_of(LINES[-1]))
    gap = {"v": 1, "event": "gap", "ts": "b", "node": "gw1", "lost": 5, "since": "a", "reason": "queue"}
    more = [chain.line(dict(gap)), chain.line(gap | {"lost": None})]
    found = walked([*LINES, *more])

    assert found.is_good
    assert [(each.place.seq, each.lost, each.since, each.until, each.reason) for each in found.gaps] == [
        (21, 5, "a", "b", "queue"),
        (22, None, "a", "b", "queue"),
    ]


def test_a_file_without_line_ends_is_not_read_into_memory() -> None:
    class Endless(BytesIO):
        given = 0

        def read(self, size: int | None = -1) -> bytes:
            self.given += size or 0
            return b"x" * (size or 0)

    walk = Walk(())
    endless = Endless()
    walk.file("f", endless, last=True, progress=lambda _: None)

    assert walk.finish().faults[0].kind == "changed"
    assert endless.given <= 1 << 25


def test_lines_longer_than_a_block_are_read() -> None:
    chain = Chain(0, GENESIS)
    lines = [chain.line({"v": 1, "x": "y" * 3_000_000}) for _ in range(3)]

    assert walked(lines).last == 3
