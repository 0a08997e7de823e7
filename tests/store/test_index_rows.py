"""What the index keeps of a record."""

from __future__ import annotations

import pytest

from proxy.store.index_rows import Rows, marks_of, numbers_of, rules_of
from tests.store.indexes import end, rejected, verdict


def test_a_call_is_found_by_every_number_rule_and_verdict() -> None:
    numbers = {"from": "+1", "pai": ["+2", "+3"], "ppi": "+4", "rpid": "+5", "diversion": ["+6", "+2"]}
    record = rejected(1, "caller.conflict", "caller.dno", numbers=numbers, enforced=False)
    found = numbers_of(record)
    assert found == ["+862488880001", "+8613800138000", "+1", "+2", "+3", "+4", "+5", "+6"]
    marks = marks_of(record, found, rules_of(record))
    assert marks[8:14] == ["#caller.conflict", "#caller.dno", "#caller", "!reject", "!would-reject", "=403"]
    assert marks[14:] == [mark + whose for whose in ("@acme-1", "@@acme") for mark in marks[8:14]]
    assert marks_of(verdict(1), [], []) == []
    assert marks_of(verdict(1), ["sip:+8613800138000@h", "alice"], []) == [
        "sip:+8613800138000@h",
        "alice",
        "+8613800138000",
    ]


def test_rows_stand_in_the_tables_of_their_day() -> None:
    rows = Rows(0)
    rows.add(verdict(1), "f", 0, 10)
    rows.add(end(2, 1, ts="2026-11-24T00:00:00.001Z"), "f", 11, 10)
    rows.add(verdict(3) | {"event": "gap"}, "f", 22, 10)
    rows.add(verdict(4, ts="1970-01-01T00:00:00.000Z"), "f", 33, 10)
    assert {day: (len(each.calls), len(each.ends)) for day, each in rows.days.items()} == {
        "20261123": (1, 0), "20261124": (0, 1), "20200101": (1, 0),
    }  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"ts": "yesterday"},
        {"ts": None},
        {"ts": "2026-11-23T08:00:00"},
        {"ts": "2026-11-23T08:00:00.000Z", "seq": "x"},
    ],
)
def test_what_is_no_record_is_refused(wrong: dict[str, object]) -> None:
    rows = Rows(0)
    with pytest.raises((KeyError, ValueError, TypeError)):
        rows.add(wrong, "f", 0, 1)
    assert not any(day.calls for day in rows.days.values())


def test_numbers_that_are_none_do_not_reach_the_database() -> None:
    rows = Rows(0)
    rows.add(verdict(1, status="403", elapsed_us=10**30, numbers="x", findings=[1]), "f", 0, 1)
    (row,) = rows.days["20261123"].calls
    assert (row[9], row[12]) == (None, 0)
