"""Verdicts that wait until their records are on disk, and no longer than is agreed (docs/records.md, "durable")."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from proxy.core.actions import Commit, Late
from proxy.core.tally import Tally


class Commits:
    """
    Which verdicts wait, and since when. `put` has a record written and says False when there is no room for it.

    A disk that refuses, or needs longer than `patience` seconds, does not stop calls: they go on without waiting,
    counted, until a record is on disk in time again. `late` is since when that is so.
    """

    def __init__(self, put: Callable[[Commit], bool], patience: float, tally: Tally) -> None:
        self._put = put
        self._patience: Final = patience
        self._tally = tally
        self._asked: dict[int, float] = {}  # in order of time
        self._waiting: dict[int, float] = {}
        self._since = 0.0
        self._count = 0
        self.late: float | None = None

    def begin(self, commit: Commit, now: float) -> bool:
        """Have a record written; whether its verdict has to wait for that."""
        kept = self._put(commit)
        if kept:
            self._asked[commit.ticket] = now
        if self.late is not None or not kept:
            self._let_go(now, 1)
            return False
        self._waiting[commit.ticket] = now
        return True

    def done(self, tickets: Sequence[int], now: float) -> list[int]:
        """These are on disk; gives those that waited for it. The last of them tells whether the disk keeps up again."""
        asked = now
        for ticket in tickets:
            asked = self._asked.pop(ticket, now)
            self._tally.histograms["commit_seconds"].observe(now - asked)
        waited = [ticket for ticket in tickets if self._waiting.pop(ticket, None) is not None]
        if self.late is not None and now - asked <= self._patience and asked >= self.late:
            self.late = None
        return waited

    def refused(self, now: float) -> list[int]:
        """The disk refuses: gives all that wait, for they wait no more."""
        return self._give_up(list(self._waiting), now)

    def overdue(self, now: float) -> list[int]:
        """Gives those that have waited for long enough."""
        before = now - self._patience
        waited = [ticket for ticket, since in self._waiting.items() if since <= before]
        return self._give_up(list(self._waiting), now) if waited else []

    @property
    def due(self) -> float | None:
        """When to ask what is overdue."""
        return next(iter(self._waiting.values())) + self._patience if self._waiting else None

    def report(self, now: float) -> Late | None:
        """What went on without waiting since this was asked last, for the records; None when there was nothing."""
        if not self._count:
            return None
        count, self._count = self._count, 0
        return Late(now, self._since, count)

    def _give_up(self, tickets: list[int], now: float) -> list[int]:
        self.late = now if self.late is None else self.late
        for ticket in tickets:
            del self._waiting[ticket]
        self._let_go(now, len(tickets))
        return tickets

    def _let_go(self, now: float, count: int) -> None:
        if not self._count:
            self._since = now
        self._count += count
        self._tally.count["records_late_total",] += count
