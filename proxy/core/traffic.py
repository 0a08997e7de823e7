"""How fast trunks begin calls, and how many of them are in progress."""

from __future__ import annotations

from collections.abc import Container
from typing import Final

from proxy.call.model import Load
from proxy.call.trunk import Trunk
from proxy.core.bucket import Bucket

_WINDOW: Final = 1.0  # seconds that calls are counted over, for the shares of trunks without a limit


class Traffic:
    """
    The calls that trunks begin: a bucket for each that has a limit, which a reload does not fill again, and how many
    calls of each other were let in, in this second and the one before.
    """

    __slots__ = ("_before", "_buckets", "_counts", "_until")

    def __init__(self) -> None:
        self._buckets: dict[str, Bucket] = {}
        self._counts: dict[str, int] = {}
        self._before: dict[str, int] = {}
        self._until = float("-inf")

    def begins(self, trunk: Trunk, in_progress: int, now: float) -> Load | None:
        """A call of a trunk begins that has so many `in_progress`; None where the trunk has no limits."""
        rate = trunk.limits.calls_per_second
        if rate is None:
            if trunk.role != "core":
                self._turn(now)
                self._counts[trunk.id] = self._counts.get(trunk.id, 0) + 1
            return None if trunk.limits.concurrent is None else Load(in_progress, too_fast=False)
        bucket = self._buckets.get(trunk.id)
        if bucket is None:
            bucket = self._buckets[trunk.id] = Bucket()
        return Load(in_progress, too_fast=not bucket.take(rate, now))

    def above_share(self, trunk: Trunk, now: float) -> bool:
        """
        Whether one more call is more than a trunk may have while there is not enough for all: more than its limit, or,
        without one, than an equal part of what all those without were given in the second before.
        """
        rate = trunk.limits.calls_per_second
        if rate is not None:
            bucket = self._buckets.get(trunk.id)
            return bucket is not None and not bucket.holds(rate, now)
        self._turn(now)
        if not self._before:
            return False
        return self._counts.get(trunk.id, 0) * len(self._before) >= sum(self._before.values())

    def keep(self, trunks: Container[str]) -> None:
        """Forget every trunk that is not among these."""
        for trunk in [trunk for trunk in self._buckets if trunk not in trunks]:
            del self._buckets[trunk]

    def _turn(self, now: float) -> None:
        if now >= self._until:
            self._before = self._counts if now < self._until + _WINDOW else {}
            self._counts = {}
            self._until = now + _WINDOW
