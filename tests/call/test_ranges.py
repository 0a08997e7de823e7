"""Ranges that overlap against a naive model: every key keeps exactly what held on it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proxy.call.ranges import disjoint


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 15)), max_size=12))
def test_against_a_naive_model(made: list[tuple[int, int]]) -> None:
    rows = sorted((low, low + more, index) for index, (low, more) in enumerate(made))
    found: dict[int, tuple[int, ...]] = {}
    before = -1
    for low, high, held in disjoint(rows):
        assert before < low <= high
        before = high
        found |= dict.fromkeys(range(low, high + 1), held)
    naive = {key: tuple(sorted(index for low, high, index in rows if low <= key <= high)) for key in range(60)}
    assert found == {key: held for key, held in naive.items() if held}
