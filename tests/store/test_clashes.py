"""Clashes of two sides against a naive model: every pair that shares a number and a day, and no other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proxy.store.clashes import Span, clashes

DAYS = [f"2026-01-{day:02d}" for day in range(1, 6)]


@st.composite
def spans(draw: st.DrawFn) -> list[Span]:
    made = []
    for tag in range(draw(st.integers(0, 40))):
        low, days = draw(st.integers(0, 60)), sorted(draw(st.tuples(*[st.sampled_from(DAYS)] * 2)))
        made.append((low, low + draw(st.sampled_from([0, 0, 0, 1, 5, 50])), *days, tag))
    return sorted(made, key=lambda span: span[0])


def share(one: Span, other: Span) -> bool:
    numbers = set(range(one[0], one[1] + 1)) & set(range(other[0], other[1] + 1))
    return bool(numbers) and any(one[2] <= day <= one[3] and other[2] <= day <= other[3] for day in DAYS)


@given(spans(), spans())
def test_against_a_naive_model(mine: list[Span], others: list[Span]) -> None:
    found = list(clashes(iter(mine), iter(others)))
    assert len(found) == len(set(found))
    assert set(found) == {(one, other) for one in mine for other in others if share(one, other)}


def test_a_long_range_is_not_forgotten() -> None:
    mine: list[Span] = [(0, 10**6, DAYS[0], DAYS[4], "long"), *((n, n, DAYS[0], DAYS[4], n) for n in range(1, 100))]
    others: list[Span] = [(10**6, 10**6, DAYS[4], DAYS[4], "last")]
    assert [(one[4], other[4]) for one, other in clashes(mine, others)] == [("long", "last")]
