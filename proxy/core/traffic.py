"""How fast trunks begin calls, and how many of them are in progress."""

from __future__ import annotations

from collections.abc import Container

from proxy.call.model import Load
from proxy.call.trunk import Trunk
from proxy.core.bucket import Bucket


class Traffic:
    """The calls that trunks with a limit begin: a bucket for each, which a reload does not fill again."""

    __slots__ = ("_buckets",)

    def __init__(self) -> None:
        self._buckets: dict[str, Bucket] = {}

    def begins(self, trunk: Trunk, in_progress: int, now: float) -> Load | None:
        """A call of a trunk begins that has so many `in_progress`; None where the trunk has no limits."""
        rate = trunk.limits.calls_per_second
        if rate is None:
            return None if trunk.limits.concurrent is None else Load(in_progress, too_fast=False)
        bucket = self._buckets.get(trunk.id)
        if bucket is None:
            bucket = self._buckets[trunk.id] = Bucket()
        return Load(in_progress, too_fast=not bucket.take(rate, now))

    def keep(self, trunks: Container[str]) -> None:
        """Forget every trunk that is not among these."""
        for trunk in [trunk for trunk in self._buckets if trunk not in trunks]:
            del self._buckets[trunk]
