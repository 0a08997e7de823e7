"""Finds ranges of two sides that share a number on a day, in one pass over both in order of number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import merge
from typing import TypeAlias

# first and last key, first and last day (YYYY-MM-DD), and what the range is to whoever asks
Span: TypeAlias = tuple[int, int, str, str, object]


def clashes(mine: Iterable[Span], others: Iterable[Span]) -> Iterator[tuple[Span, Span]]:
    """
    Give every pair of one span of each side that have a number and a day in common.

    Both sides come in ascending order of their first key. Only the spans around the present one are kept.
    """
    sides: tuple[list[Span], list[Span]] = ([], [])
    marked = (((0, span) for span in mine), ((1, span) for span in others))
    for side, span in merge(*marked, key=_first):
        low, _, begins, ends, _ = span
        around = sides[1 - side]
        if around:
            around[:] = [each for each in around if each[1] >= low]
        for each in around:
            if each[2] <= ends and begins <= each[3]:
                yield (each, span) if side else (span, each)
        own = sides[side]
        if len(own) > 16:  # what nobody has looked at for long
            own[:] = [each for each in own if each[1] >= low]
        own.append(span)


def _first(marked: tuple[int, Span]) -> int:
    return marked[1][0]
