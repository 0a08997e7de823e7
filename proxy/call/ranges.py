"""Ranges of keys that may overlap, as disjoint ones with all that holds on each."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from itertools import pairwise
from typing import TypeAlias

# integers in memory, or in a file that is mapped
Keys: TypeAlias = "array[int] | memoryview[int]"


def disjoint(rows: list[tuple[int, int, int]]) -> Iterable[tuple[int, int, tuple[int, ...]]]:
    """Sorted, possibly overlapping ranges as disjoint ones, each with the grants that hold on all of it."""
    index, count = 0, len(rows)
    while index < count:
        low, high, grant = rows[index]
        index += 1
        if index == count or rows[index][0] > high:  # nearly every row stands alone
            yield low, high, (grant,)
            continue
        cluster = [(low, high, grant)]
        while index < count and rows[index][0] <= high:
            cluster.append(rows[index])
            high = max(high, rows[index][1])
            index += 1
        yield from _cut(cluster)


def _cut(cluster: list[tuple[int, int, int]]) -> Iterable[tuple[int, int, tuple[int, ...]]]:
    """A cluster of overlapping ranges cut at every border: a sweep over where each begins and ends."""
    events: dict[int, tuple[list[int], list[int]]] = {}
    for low, high, grant in cluster:
        events.setdefault(low, ([], []))[0].append(grant)
        events.setdefault(high + 1, ([], []))[1].append(grant)
    held: dict[int, int] = {}
    borders = sorted(events)
    for border, following in pairwise(borders):
        begin, end = events[border]
        for grant in begin:
            held[grant] = held.get(grant, 0) + 1
        for grant in end:
            held[grant] -= 1
            if not held[grant]:
                del held[grant]
        if held:
            yield border, following - 1, tuple(sorted(held))
