"""Numbers that nobody may show: do not originate (DNO). Sorted arrays; built once, never changed."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, TypeAlias

from proxy.call.ranges import Keys, disjoint
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


Bars: TypeAlias = tuple[Bar, ...]


class Barred:
    """Disjoint ranges of keys (`proxy.call.directory.key_of`), each with the bars that hold on it."""

    __slots__ = ("_chosen", "_first", "_last", "_sets")

    def __init__(self, first: Keys, last: Keys, chosen: Keys, sets: Sequence[Bars]) -> None:
        """`first[i]`–`last[i]` are disjoint ascending ranges of keys; `sets[chosen[i]]` holds for the range."""
        self._first = first
        self._last = last
        self._chosen = chosen
        self._sets = sets

    def __bool__(self) -> bool:
        """Whether anything is barred at all."""
        return bool(len(self._first))

    def __reduce__(self) -> tuple[object, ...]:
        return (Barred, (*self.ranges, self._sets))

    @property
    def ranges(self) -> tuple[Keys, Keys, Keys]:
        """First and last key of each range, and the index of its set of bars in `sets`."""
        return self._first, self._last, self._chosen

    @property
    def sets(self) -> Sequence[Bars]:
        """Every set of bars that some range has."""
        return self._sets

    def at(self, key: int, today: date) -> Bar | None:
        """The first bar that holds on a key on a day."""
        index = bisect_right(self._first, key) - 1
        if index < 0 or key > self._last[index]:
            return None
        for bar in self._sets[self._chosen[index]]:
            if bar.covers(today):
                return bar
        return None


def barred_of(rows: Sequence[tuple[int, int, Bar]]) -> Barred:
    """Bars on ranges of keys, in any order, overlapping or not."""
    numbered = sorted((low, high, index) for index, (low, high, _) in enumerate(rows))
    first, last, chosen = array("Q"), array("Q"), array("I")
    sets: dict[Bars, int] = {}
    for low, high, held in disjoint(numbered):
        first.append(low)
        last.append(high)
        chosen.append(sets.setdefault(tuple([rows[index][2] for index in held]), len(sets)))
    return Barred(first, last, chosen, tuple(sets))


NO_BARS: Final = barred_of(())
