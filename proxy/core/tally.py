"""Counts of what happened, as plain numbers that the edge reads and exposes."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

BUCKETS: Final[dict[str, tuple[float, ...]]] = {  # upper bounds, seconds; +Inf is implied
    "verdict_seconds": (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 2.0),
    "commit_seconds": (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0),
    "setup_seconds": (0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0, 40.0, 60.0),
}


METHODS: Final = (
    b"INVITE", b"ACK", b"BYE", b"CANCEL", b"OPTIONS", b"PRACK", b"UPDATE", b"INFO", b"REFER", b"NOTIFY", b"SUBSCRIBE",
    b"MESSAGE", b"REGISTER", b"PUBLISH",
)  # fmt: skip


def message_kinds(direction: str, transport: str) -> dict[bytes, tuple[str, ...]]:
    """Tally keys of messages_total by method, or by the first digit of a status; b"" is for any other."""
    kinds = {method: method.decode() for method in METHODS} | {b"%d" % digit: f"{digit}xx" for digit in range(1, 7)}
    return {key: ("messages_total", direction, transport, kind) for key, kind in (kinds | {b"": "other"}).items()}


class Histogram:
    """Counts per bucket (not cumulative; the last is +Inf) and the sum of the values seen."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Iterable[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count one value, in seconds."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class Tally:
    """
    Counters keyed by (metric name without prefix, label values …), in the label order of the metric's
    definition: `tally.count["responses_total", "acme-1", "out", "403"] += 1`.
    """

    __slots__ = ("count", "histograms")

    def __init__(self) -> None:
        self.count: defaultdict[tuple[str, ...], int] = defaultdict(int)
        self.histograms = {name: Histogram(bounds) for name, bounds in BUCKETS.items()}
