"""Timers of transactions: their lengths (RFC 3261 Table 4), and queues that forget a cancelled timer at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

NEVER: Final = float("inf")


@dataclass(frozen=True, slots=True)
class Lengths:
    """T1, T2, T4 and timer C in seconds (RFC 3261 §17.1.1.1, §16.6 step 11: C is more than three minutes)."""

    t1: float = 0.5
    t2: float = 4.0
    t4: float = 5.0
    c: float = 180.5

    @property
    def patience(self) -> float:
        """64·T1: timers B, D, F, H, J, L and M over an unreliable transport."""
        return 64 * self.t1


class Owner(Protocol):
    """What a timer belongs to: it keeps the lengths of the timers it has running, by name."""

    armed: dict[str, float]


class Timers:
    """
    Running timers in one queue per length.

    Timers of one length fall due in the order they were armed, so arming and cancelling are dictionary
    operations, nothing is sorted, and a cancelled timer leaves nothing behind.
    """

    __slots__ = ("_queues", "next_due")

    def __init__(self) -> None:
        self._queues: dict[float, dict[tuple[Owner, str], float]] = {}
        self.next_due = NEVER  # not later than the earliest timer; it may be earlier after a cancellation

    def __len__(self) -> int:
        return sum(map(len, self._queues.values()))

    def arm(self, owner: Owner, name: str, length: float, now: float) -> None:
        """Let `name` fire for `owner` in `length` seconds; a running one of that name is replaced."""
        armed = owner.armed
        if name in armed:
            self.cancel(owner, name)
        armed[name] = length
        queue = self._queues.get(length)
        if queue is None:
            queue = self._queues[length] = {}
        due = now + length
        queue[owner, name] = due
        if due < self.next_due:  # noqa: PLR1730  # min() is a call, on the way of every message
            self.next_due = due

    def cancel(self, owner: Owner, name: str) -> None:
        """Stop one timer; nothing happens when it is not running."""
        length = owner.armed.pop(name, None)
        if length is not None:
            del self._queues[length][owner, name]

    def cancel_all(self, owner: Owner) -> None:
        """Stop every timer of `owner`."""
        armed = owner.armed
        if armed:
            for name, length in armed.items():
                del self._queues[length][owner, name]
            armed.clear()

    def expired(self, now: float) -> list[tuple[Owner, str]]:
        """Take out the timers that are due, and set `next_due`."""
        fired: list[tuple[float, tuple[Owner, str]]] = []
        self.next_due = NEVER
        for queue in self._queues.values():
            for key, due in queue.items():
                if due > now:
                    self.next_due = min(self.next_due, due)
                    break
                fired.append((due, key))
        fired.sort(key=lambda item: item[0])
        for _, (owner, name) in fired:
            self.cancel(owner, name)
        return [key for _, key in fired]
