"""Consents: by callee, customer and day, and the same in another process."""

from __future__ import annotations

import pickle  # noqa: TID251  # as multiprocessing does
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.call.consents import NO_CONSENTS, Row, consents_of

TODAY = date(2026, 11, 25)
ROWS: list[Row] = [
    (30, "zeta", None, None),
    (10, "acme", None, date(2026, 11, 24)),
    (10, "zeta", date(2026, 11, 26), None),
    (20, "acme", TODAY, TODAY),
    (10, "acme", date(2026, 11, 26), None),
]


@pytest.mark.parametrize(
    ("key", "customer", "day", "given_"),
    [
        (10, "acme", date(2026, 11, 24), True),
        (10, "acme", TODAY, False),
        (10, "acme", date(2026, 11, 26), True),
        (10, "zeta", TODAY, False),
        (10, "zeta", date(2027, 11, 26), True),
        (20, "acme", TODAY, True),
        (20, "acme", date(2026, 11, 26), False),
        (20, "zeta", TODAY, False),
        (30, "zeta", TODAY, True),
        (30, "nobody", TODAY, False),
        (0, "acme", TODAY, False),
        (99, "acme", TODAY, False),
    ],
)
def test_given(key: int, customer: str, day: date, given_: bool) -> None:
    made = consents_of(ROWS)
    assert made.given(key, customer, day) is given_
    assert pickle.loads(pickle.dumps(made)).given(key, customer, day) is given_


def test_nobody_has_agreed() -> None:
    assert (len(NO_CONSENTS), NO_CONSENTS.given(10, "acme", TODAY), len(consents_of(ROWS))) == (0, False, 5)


DAYS = st.integers(1, 9).map(lambda day: date(2026, 11, day))
CONSENT = st.tuples(st.integers(10, 13), st.sampled_from("ab"), st.none() | DAYS, st.none() | DAYS)


@given(st.lists(CONSENT, max_size=12), st.integers(10, 13), st.sampled_from("ab"), DAYS)
def test_like_a_naive_model(rows: list[Row], key: int, customer: str, day: date) -> None:
    held = [(begins or day) <= day <= (ends or day) for callee, whose, begins, ends in rows if (callee, whose) == (key, customer)]  # fmt: skip
    assert consents_of(rows).given(key, customer, day) is any(held)
