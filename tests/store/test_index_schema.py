"""Ids of the index: in order of time, and of the day whose tables they stand in."""

from __future__ import annotations

from proxy.store.index_schema import DAY_MS, EPOCH_MS, day_statements, first_id, id_of, ms_of

AT = 1_795_465_500_123  # 2026-11-23


def test_ids_are_in_order_of_time_and_one_record_has_one() -> None:
    ids = [id_of(AT + ms, series, seq) for ms in (0, 1) for series in (0, 255) for seq in (0, 16383)]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)
    assert {ms_of(each) - AT for each in ids} == {0, 1}
    assert max(ids) < 1 << 62


def test_a_day_has_all_its_ids_and_no_others() -> None:
    low, high = first_id("20261123"), first_id("20261124")
    assert (ms_of(low), ms_of(high - 1) - ms_of(low)) == (EPOCH_MS + (low >> 22), DAY_MS - 1)
    assert low <= id_of(AT, 255, 16383) < high
    assert id_of(0, 3, 7) == 3 << 14 | 7  # a clock that was never set


def test_statements_name_the_day() -> None:
    for sqlite in (True, False):
        assert all("20261123" in statement for statement in day_statements("20261123", sqlite=sqlite))
