"""Counts over a period of the index: what reports are made of."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text

from proxy.store.index import Index
from proxy.store.index_schema import EPOCH_MS, SEQ_BITS, SERIES_BITS

_SHIFT = SERIES_BITS + SEQ_BITS
MOST_CALLERS = 10_000  # of one day that are counted; who stands behind them is no top offender


@dataclass(slots=True)
class Counts:
    """Calls by what became of them."""

    calls: int = 0
    passed: int = 0
    rejected: int = 0
    would_reject: int = 0
    replaced: int = 0
    ended: int = 0
    answered: int = 0
    duration_ms: int = 0
    monitored: int = 0

    def judged(self, verdict: str, mode: str, *, enforced: bool, count: int) -> None:
        """Count verdicts."""
        self.calls += count
        self.monitored += count if mode == "monitor" else 0
        if verdict == "reject":
            self.rejected += count if enforced else 0
            self.would_reject += 0 if enforced else count
        else:
            self.passed += count
            self.replaced += count if verdict == "replace" and enforced else 0

    def over(self, count: int, answered: int, duration_ms: int) -> None:
        """Count ends."""
        self.ended += count
        self.answered += answered
        self.duration_ms += duration_ms


@dataclass(slots=True)
class Sums:
    """A period in figures; `steps` are its equal parts in order, `callers` those whose calls broke a rule."""

    total: Counts = field(default_factory=Counts)
    trunks: dict[tuple[str, str], Counts] = field(default_factory=dict)  # by trunk and customer
    rules: dict[str, Counts] = field(default_factory=dict)
    steps: list[Counts] = field(default_factory=list)
    callers: Counter[tuple[str, str]] = field(default_factory=Counter)  # by number and trunk


@dataclass(frozen=True, slots=True)
class Period:
    """From a moment up to another without it (milliseconds since the epoch), in steps; of one trunk or customer."""

    begin_ms: int
    end_ms: int
    steps: int
    trunk: str = ""
    customer: str = ""

    @property
    def step_ms(self) -> int:
        """How long a step is."""
        return -(-(self.end_ms - self.begin_ms) // self.steps)


def sums(index: Index, period: Period) -> Sums:
    """Count everything of a period. Raises StoreError."""
    found = Sums(steps=[Counts() for _ in range(period.steps)])
    values: dict[str, Any] = {
        "low": (period.begin_ms - EPOCH_MS) << _SHIFT,
        "high": (period.end_ms - EPOCH_MS) << _SHIFT,
        "step": period.step_ms << _SHIFT,
        "most": MOST_CALLERS,
    }
    where = "id >= :low AND id < :high"
    for name in ("trunk", "customer"):
        if value := getattr(period, name):
            where += f" AND {name} = :{name}"
            values[name] = value
    with index.read() as connection:
        for (day,) in connection.execute(text("SELECT day FROM index_days ORDER BY day")).fetchall():
            _verdicts(connection, day, where, values, found)
            _ends(connection, day, where, values, found)
            _callers(connection, day, where, values, found)
    return found


def _verdicts(connection: Connection, day: str, where: str, values: dict[str, Any], found: Sums) -> None:
    group = "trunk, customer, verdict, enforced, mode, rules, (id - :low) / :step"
    rows = connection.execute(
        text(f"SELECT {group}, count(*) FROM calls_{day} WHERE {where} GROUP BY 1,2,3,4,5,6,7"), values
    )
    for trunk, customer, verdict, enforced, mode, rules, step, count in rows:
        counted = [found.total, found.trunks.setdefault((trunk, customer), Counts()), found.steps[int(step)]]
        counted += [found.rules.setdefault(rule, Counts()) for rule in rules.split()]
        for each in counted:
            each.judged(verdict, mode, enforced=bool(enforced), count=count)


def _ends(connection: Connection, day: str, where: str, values: dict[str, Any], found: Sums) -> None:
    asked = (
        f"SELECT trunk, customer, count(*), sum(answered), sum(duration_ms) FROM ends_{day} WHERE {where} GROUP BY 1, 2"
    )
    for trunk, customer, count, answered, duration in connection.execute(text(asked), values):
        for each in (found.total, found.trunks.setdefault((trunk, customer), Counts())):
            each.over(count, int(answered), int(duration))


def _callers(connection: Connection, day: str, where: str, values: dict[str, Any], found: Sums) -> None:
    asked = f"SELECT caller, trunk, count(*) FROM calls_{day} WHERE verdict <> 'pass' AND {where} GROUP BY 1, 2"
    for caller, trunk, count in connection.execute(text(f"{asked} ORDER BY 3 DESC, 1, 2 LIMIT :most"), values):
        found.callers[caller, trunk] += count
