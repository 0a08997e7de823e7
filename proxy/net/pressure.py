"""How far behind a socket is: levels of overload from what datagrams waited in the kernel before they were read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from structlog.typing import FilteringBoundLogger

# Seconds that a datagram may wait. A twentieth delays a call without anybody noticing; at half a second callers send
# again (T1, RFC 3261 §17.1.1.1), and the load doubles.
SOME: Final = 0.05
TOO_LONG: Final = 0.4
# A stall is no overload: what has piled up is worked off in less. Only a queue that stands is (RFC 8289 §3.1).
PATIENCE: Final = 0.1
# For so long the next rise needs no patience: an overload that was held down comes back as soon as it is let go.
MEMORY: Final = 2.0
STALE: Final = 1.0  # what was measured longer ago says nothing


class Pressure:
    """
    The levels of one socket: 0, it keeps up; 1, calls of trunks above their share have to go; 2, all new calls.

    `share` is the part of the wanted receive buffer that the kernel granted: a smaller queue is full sooner.
    """

    __slots__ = ("_active", "_level", "_limits", "_measured", "_since")

    def __init__(self, share: float = 1.0) -> None:
        self._limits = (SOME * min(share, 1.0), TOO_LONG * min(share, 1.0))
        self._since: list[float | None] = [None, None]
        self._active = float("-inf")
        self._measured = float("-inf")
        self._level = 0

    def measure(self, waited: float, now: float) -> None:
        """Take what the datagram at the head of the queue has waited."""
        fresh = now - self._measured <= STALE
        patience = 0.0 if now - self._active <= MEMORY else PATIENCE
        level = 0
        for index, limit in enumerate(self._limits):
            since = self._since[index] if fresh else None
            if waited < limit:
                self._since[index] = None
                continue
            if since is None:
                since = now
            self._since[index] = since
            if now - since >= patience:
                level = index + 1
        if level:
            self._active = now
        self._level = level
        self._measured = now

    def level(self, now: float) -> int:
        """The level at this moment; nothing measured lately is no pressure."""
        return self._level if now - self._measured <= STALE else 0


class Strain:
    """
    All sockets of a node: how long datagrams waited at the most in the last second (`wait`), and how far behind it was
    (`overload`, the highest level).
    """

    __slots__ = ("_highest", "_level", "_longest", "_pressures", "overload", "wait")

    def __init__(self, shares: Sequence[float]) -> None:
        """`shares` are those of `Pressure`, one for each socket."""
        self._pressures = [Pressure(share) for share in shares]
        self._longest = self.wait = 0.0
        self._level = self._highest = self.overload = 0

    def measure(self, index: int, waited: float, now: float) -> int | None:
        """Take what the datagram at the head of a socket's queue has waited; the level of the node where it changes."""
        self._longest = max(self._longest, waited)
        self._pressures[index].measure(waited, now)
        level = max([pressure.level(now) for pressure in self._pressures])
        if level == self._level:
            return None
        self._level = level
        self._highest = max(self._highest, level)
        return level

    def second(self, log: FilteringBoundLogger) -> None:
        """A second is over: say when an overload begins, and when it is over."""
        self.wait, self._longest = self._longest, 0.0
        if self._highest and not self.overload:
            log.warning("overload.begun", level=self._highest, queue_seconds=round(self.wait, 3))
        elif self.overload and not self._highest:
            log.info("overload.over")
        self.overload, self._highest = self._highest, self._level if self.wait else 0
