"""Token buckets: how much of something may happen in a second, with a second's worth at once."""

from __future__ import annotations

from typing import Final

SMALLEST: Final = 2.0  # of a rate of one a second, the second may come a little early


class Bucket:
    """A bucket that holds one second's worth of tokens, full at first."""

    __slots__ = ("_at", "_tokens")

    def __init__(self) -> None:
        self._at = float("-inf")
        self._tokens = 0.0

    def holds(self, rate: float, now: float) -> bool:
        """Whether `take` would find a token."""
        return self._tokens + (now - self._at) * rate >= 1.0

    def take(self, rate: float, now: float) -> bool:
        """Take a token, of which `rate` come in a second; False when there is none."""
        tokens = min(max(rate, SMALLEST), self._tokens + (now - self._at) * rate)
        self._at = now
        self._tokens = tokens - 1.0 if tokens >= 1.0 else tokens
        return tokens >= 1.0
