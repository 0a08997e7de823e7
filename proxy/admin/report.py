"""Daily and monthly reports: the figures of a period, the numbers that broke rules, and the audit of the trunks."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Any, Final, Literal, TypeAlias

from proxy.admin.audit import Remark
from proxy.checks.policy import RULES
from proxy.observe.record import masked
from proxy.settings.catalogue import text
from proxy.store.index_report import Period, Sums

Kind: TypeAlias = Literal["daily", "monthly"]
Row: TypeAlias = dict[str, Any]
TOP: Final = 20


@dataclass(frozen=True, slots=True)
class Asked:
    """Which report: of a local day or of the month that a day is in, of one trunk, one customer, or all."""

    kind: Kind
    day: date
    trunk: str = ""
    customer: str = ""

    def period(self, zone: tzinfo | None) -> Period:
        """Its period; days begin at local midnight (`zone` None is the machine's)."""
        first, last = self.day, self.day
        if self.kind == "monthly":
            first = self.day.replace(day=1)
            last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
        steps = 24 if self.kind == "daily" else (last - first).days + 1
        begin, end = (_midnight(day, zone) for day in (first, last + timedelta(days=1)))
        return Period(begin, end, steps, self.trunk, self.customer)

    @property
    def name(self) -> str:
        """2026-11-23 or 2026-11."""
        return self.day.isoformat() if self.kind == "daily" else f"{self.day:%Y-%m}"


@dataclass(frozen=True, slots=True)
class Report:
    """A report as values for people and programs; `customers` is empty where the directory is a file."""

    kind: Kind
    period: str
    node: str
    made_at: str
    trunk: str
    customer: str
    total: Row
    steps: list[Row]
    trunks: list[Row]
    rules: list[Row]
    callers: list[Row]
    customers: list[Row]
    audit: list[Row]

    def values(self) -> Row:
        """All of it by name."""
        return asdict(self)

    def cells(self) -> Iterator[Row]:
        """All of it as section, name, measure and value: a table that every program reads."""
        yield from _cells("total", "", self.total)
        sections = {
            "steps": ("begin",),
            "trunks": ("trunk",),
            "rules": ("rule",),
            "callers": ("caller", "trunk"),
            "customers": ("customer",),
            "audit": ("trunk", "code"),
        }
        for section, keys in sections.items():
            for row in getattr(self, section):
                rest = {key: value for key, value in row.items() if key not in keys}
                yield from _cells(section, " ".join(str(row[key]) for key in keys), rest)


def report(
    asked: Asked,
    sums: Sums,
    remarks: list[Remark],
    customers: list[Row],
    *,
    node: str,
    made_at: datetime,
    zone: tzinfo | None,
    language: str,
    hides: bool = False,
) -> Report:
    """Put a report together. `hides` masks the numbers."""
    period = asked.period(zone)
    wanted = [row for row in customers if asked.customer in ("", row["customer"])]
    if asked.trunk:
        owners = {owner for trunk, owner in sums.trunks if trunk == asked.trunk} | {each.customer for each in remarks}
        wanted = [row for row in wanted if row["customer"] in owners]
    callers = [
        {"caller": caller, "trunk": trunk, "count": count}
        for (caller, trunk), count in sorted(sums.callers.items(), key=lambda each: (-each[1], each[0]))[:TOP]
    ]
    return Report(
        kind=asked.kind,
        period=asked.name,
        node=node,
        made_at=made_at.isoformat(timespec="seconds"),
        trunk=asked.trunk,
        customer=asked.customer,
        total=_figures(sums.total),
        steps=[
            {"begin": _moment(period.begin_ms + place * period.step_ms, zone)}
            | {key: getattr(step, key) for key in ("calls", "passed", "rejected", "would_reject")}
            for place, step in enumerate(sums.steps)
        ],
        trunks=[
            {"trunk": trunk, "customer": customer} | _figures(counts)
            for (trunk, customer), counts in sorted(sums.trunks.items(), key=lambda each: (-each[1].calls, each[0]))
        ],
        rules=[
            {"rule": rule, "says": text(f"report.rule.{rule}", language) if rule in RULES else ""}
            | {"calls": counts.calls, "rejected": counts.rejected, "would_reject": counts.would_reject}
            for rule, counts in sorted(sums.rules.items(), key=lambda each: (-each[1].calls, each[0]))
        ],
        callers=[masked(row) for row in callers] if hides else callers,
        customers=wanted,
        audit=[
            {"trunk": each.trunk, "customer": each.customer, "code": each.code}
            | {"says": text(f"report.audit.{each.code}", language, **each.values)}
            for each in remarks
        ],
    )


def _figures(counts: Any) -> Row:
    """Counts as they are shown; the mean duration is of answered calls, in seconds."""
    found = asdict(counts)
    duration = found.pop("duration_ms")
    return found | {"mean_seconds": round(duration / 1000 / counts.answered, 1) if counts.answered else None}


def _cells(section: str, name: str, row: Row) -> Iterator[Row]:
    for measure, value in row.items():
        yield {"section": section, "name": name, "measure": measure, "value": value}


def _midnight(day: date, zone: tzinfo | None) -> int:
    local = datetime(day.year, day.month, day.day, tzinfo=zone) if zone else datetime(day.year, day.month, day.day)  # noqa: DTZ001
    return int(local.timestamp()) * 1000


def _moment(ms: int, zone: tzinfo | None) -> str:
    return datetime.fromtimestamp(ms / 1000, zone).isoformat(timespec="minutes")[:16]
