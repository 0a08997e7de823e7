"""Barred numbers: found by key and day, wherever ranges overlap, and the same in another process."""

from __future__ import annotations

import pickle  # noqa: TID251  # as multiprocessing does
from datetime import date

import pytest

from proxy.call.barred import NO_BARS, Bar, barred_of

TODAY = date(2026, 11, 25)
ALWAYS, ENDED, SOON = Bar("always"), Bar("ended", None, date(2026, 11, 24)), Bar("soon", date(2026, 11, 26))
BARRED = barred_of([(10, 30, ENDED), (20, 40, SOON), (25, 25, ALWAYS), (50, 60, ALWAYS)])


@pytest.mark.parametrize(
    ("key", "day", "found"),
    [
        (9, TODAY, None),
        (10, date(2026, 11, 24), ENDED),
        (10, TODAY, None),
        (25, TODAY, ALWAYS),
        (25, date(2026, 11, 24), ENDED),
        (26, date(2026, 11, 26), SOON),
        (40, date(2026, 11, 26), SOON),
        (41, date(2026, 11, 26), None),
        (60, TODAY, ALWAYS),
        (61, TODAY, None),
    ],
)
def test_at(key: int, day: date, found: Bar | None) -> None:
    assert BARRED.at(key, day) == found
    assert pickle.loads(pickle.dumps(BARRED)).at(key, day) == found


def test_nothing_barred() -> None:
    assert (bool(NO_BARS), bool(BARRED), NO_BARS.at(1, TODAY)) == (False, True, None)
