"""Numbers that nobody may show: do not originate (DNO). Sorted arrays; built once, never changed."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from proxy.call.ranges import disjoint
from proxy.call.trunk import Value


@dataclass(frozen=True, slots=True)
class Bar(Value):
    """Why a number is barred, and from and to when (inclusive days)."""

    reason: str = ""
    valid_from: date | None = None
    valid_to: date | None = None

    def covers(self, today: date) -> bool:
        """Whether the bar holds on a day."""
        return (self.valid_from is None or self.valid_from <= today) and (
            self.valid_to is None or today <= self.valid_to
        )


class Barred:
    """Disjoint ranges of keys (`proxy.call.directory.key_of`), each with the bars that hold on it."""

    __slots__ = ("_first", "_last", "_rows", "_sets")

    def __init__(self, rows: Sequence[tuple[int, int, Bar]]) -> None:
        """`rows` are ranges in any order, overlapping or not."""
        self._rows = tuple(rows)
        self._first, self._last = array("Q"), array("Q")
        self._sets: list[tuple[Bar, ...]] = []
        numbered = sorted((low, high, index) for index, (low, high, _) in enumerate(rows))
        for low, high, held in disjoint(numbered):
            self._first.append(low)
            self._last.append(high)
            self._sets.append(tuple(rows[index][2] for index in held))

    def __bool__(self) -> bool:
        """Whether anything is barred at all."""
        return bool(self._first)

    def __reduce__(self) -> tuple[object, ...]:
        return (Barred, (self._rows,))

    @property
    def rows(self) -> tuple[tuple[int, int, Bar], ...]:
        """What it was made of."""
        return self._rows

    def at(self, key: int, today: date) -> Bar | None:
        """The first bar that holds on a key on a day."""
        index = bisect_right(self._first, key) - 1
        if index < 0 or key > self._last[index]:
            return None
        for bar in self._sets[index]:
            if bar.covers(today):
                return bar
        return None


NO_BARS: Final = Barred(())
