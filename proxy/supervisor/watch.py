"""When a worker counts as hung, and how soon one that ended is started again. Pure: signs of life and `now` in."""

from __future__ import annotations

from typing import Final

HUNG: Final = 3.0  # seconds without a sign of life: twelve beats
START: Final = 30.0  # seconds that a new worker may take for its first one
SHORT: Final = 1.0  # seconds; a worker that lived shorter has failed to start
PAUSES: Final = (0.0, 0.0, 0.2, 0.5, 1.0, 2.0, 5.0)  # seconds before the next try, by failures in a row
GAP: Final = 1.0  # seconds between two looks: whoever is that late was not run himself, and knows nothing of others


class Watch:
    """The lives of the workers, by index, on the monotonic clock."""

    def __init__(self) -> None:
        self._born: dict[int, float] = {}
        self._failures: dict[int, int] = {}
        self._pardoned = float("-inf")
        self._looked: float | None = None

    def started(self, index: int, now: float) -> None:
        """A worker has begun."""
        self._born[index] = now

    def ended(self, index: int, now: float) -> float:
        """A worker is gone; gives the moment from which on the next one may begin: mostly at once."""
        failures = self._failures.get(index, 0) + 1 if now - self._born.pop(index, now) < SHORT else 0
        self._failures[index] = failures
        return now + PAUSES[min(failures, len(PAUSES) - 1)]

    def look(self, now: float) -> None:
        """Before a round of `is_hung`: after a gap everybody has another chance to give a sign."""
        if self._looked is not None and now - self._looked > GAP:
            self._pardoned = now
        self._looked = now

    def is_hung(self, index: int, beaten: float, now: float) -> bool:
        """Whether a worker that gave its last sign of life at `beaten` (0.0: none yet) has to be ended."""
        since = max(beaten or self._born[index], self._pardoned)
        return now - since > (HUNG if beaten else START)
