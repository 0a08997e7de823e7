"""Counts over a period, on either engine, against plain counting."""

from __future__ import annotations

from collections import Counter

import pytest

from proxy.store.index import Index
from proxy.store.index_report import Counts, Period, sums
from tests.store.indexes import end, fill, made_for, rejected, verdict

HOUR = 3_600_000
BEGIN = 1_795_392_000_000  # 2026-11-23T00:00:00Z
RECORDS = [
    verdict(1, "2026-11-23T00:00:00.000Z"),
    verdict(2, "2026-11-23T01:59:59.999Z", mode="monitor"),
    rejected(3, "caller.dno", "caller.conflict", ts="2026-11-23T23:59:59.999Z"),
    rejected(4, "caller.dno", ts="2026-11-23T01:00:00.000Z", enforced=False, status=None, trunk="bolt-1", customer="bolt", caller="+1"),
    verdict(5, "2026-11-23T02:00:00.000Z", verdict="replace"),
    verdict(6, "2026-11-22T23:59:59.999Z"),
    verdict(7, "2026-11-24T00:00:00.000Z"),
    end(8, 1, ts="2026-11-23T00:01:00.000Z", duration_ms=60_000),
    end(9, 3, ts="2026-11-23T23:59:59.999Z", answered=False, duration_ms=0),
    end(10, 7, ts="2026-11-24T00:01:00.000Z"),
]  # fmt: skip


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def index(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Index:
    made = made_for(request, tmp_path_factory.mktemp("index"))
    fill(made, *RECORDS)
    return made


def test_a_day_is_counted(index: Index) -> None:
    found = sums(index, Period(BEGIN, BEGIN + 24 * HOUR, 24))
    assert found.total == Counts(5, 3, 1, 1, 1, 2, 1, 60_000, 1)
    assert [step.calls for step in found.steps] == [1, 2, 1, *([0] * 20), 1]
    assert {trunk: each.calls for (trunk, _), each in found.trunks.items()} == {"acme-1": 4, "bolt-1": 1}
    assert {rule: (each.rejected, each.would_reject) for rule, each in found.rules.items()} == {
        "caller.dno": (1, 1), "caller.conflict": (1, 0),
    }  # fmt: skip
    assert found.callers == Counter({("+862488880001", "acme-1"): 2, ("+1", "bolt-1"): 1})


def test_one_trunk_or_customer_is_counted_alone(index: Index) -> None:
    for period in (
        Period(BEGIN, BEGIN + 24 * HOUR, 1, trunk="bolt-1"),
        Period(BEGIN, BEGIN + 24 * HOUR, 1, customer="bolt"),
    ):
        found = sums(index, period)
        assert (found.total.calls, found.total.would_reject, found.steps[0].calls, len(found.trunks)) == (1, 1, 1, 1)
    assert sums(index, Period(BEGIN, BEGIN + 24 * HOUR, 1, trunk="none")).total == Counts()


def test_a_period_of_several_days(index: Index) -> None:
    found = sums(index, Period(BEGIN - 8 * HOUR, BEGIN + 40 * HOUR, 2))  # local days of UTC+8
    assert [step.calls for step in found.steps] == [5, 2]
