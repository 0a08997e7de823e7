"""Who has agreed to be called by which customer. Sorted arrays; built once, never changed."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final, TypeAlias

from proxy.call.ranges import Keys

# the callee's key, the customer's id, first and last day
Row: TypeAlias = tuple[int, str, date | None, date | None]


class Consents:
    """
    Keys of callees in ascending order, one entry for each consent: the customer as an index in `customers`, and its
    first and last day (inclusive) as ordinals, 0 for an open end.
    """

    __slots__ = ("_begins", "_callees", "_ends", "_holders", "_places", "customers")

    def __init__(self, callees: Keys, holders: Keys, begins: Keys, ends: Keys, customers: Sequence[str]) -> None:
        """Take arrays of one length, in order of callee."""
        self._callees = callees
        self._holders = holders
        self._begins = begins
        self._ends = ends
        self.customers = tuple(customers)
        self._places = {customer: place for place, customer in enumerate(self.customers)}

    def __len__(self) -> int:
        return len(self._callees)

    def __reduce__(self) -> tuple[object, ...]:
        return (Consents, (*self.arrays, self.customers))

    @property
    def arrays(self) -> tuple[Keys, Keys, Keys, Keys]:
        """Callees, customers, first and last days."""
        return self._callees, self._holders, self._begins, self._ends

    def given(self, key: int, customer_id: str, today: date) -> bool:
        """Whether a callee has agreed to calls of a customer on a day."""
        holder, day = self._places.get(customer_id, -1), today.toordinal()
        index, count = bisect_left(self._callees, key), len(self._callees)
        while index < count and self._callees[index] == key:
            if self._holders[index] == holder and self._begins[index] <= day <= (self._ends[index] or day):
                return True
            index += 1
        return False


def consents_of(rows: Iterable[Row]) -> Consents:
    """Consents in any order."""
    customers: dict[str, int] = {}
    packed = sorted(
        (key, customers.setdefault(customer, len(customers)), _ordinal(begins), _ordinal(ends))
        for key, customer, begins, ends in rows
    )
    arrays = array("Q"), array("I"), array("I"), array("I")
    for row in packed:
        for column, value in zip(arrays, row, strict=True):
            column.append(value)
    return Consents(*arrays, tuple(customers))


def _ordinal(day: date | None) -> int:
    return 0 if day is None else day.toordinal()


NO_CONSENTS: Final = consents_of(())
