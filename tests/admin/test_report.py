"""Reports: their periods, and what stands in them."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from proxy.admin.audit import Remark
from proxy.admin.report import Asked, Report, report
from proxy.checks.policy import RULES
from proxy.settings.catalogue import text
from proxy.store.index_report import Counts, Sums

SHANGHAI = ZoneInfo("Asia/Shanghai")


def made(kind: str = "daily", language: str = "en", trunk: str = "", **more: Any) -> Report:
    """A report on 2026-11-23 in Shanghai."""
    asked = Asked(kind, date(2026, 11, 23), trunk)  # type: ignore[arg-type]
    steps = 24 if kind == "daily" else 30
    good, bad = Counts(10, 8, 1, 1, 0, 10, 4, 240_000), Counts(4, 0, 3, 1)
    sums = Sums(
        good,
        {("acme-1", "acme"): good, ("bolt-1", "bolt"): bad},
        {"caller.dno": bad, "caller.of_tomorrow": Counts(1, 0, 1)},
        [good] + [Counts()] * (steps - 1),
        Counter({("+8613800138000", "bolt-1"): 3, ("<script>", "acme-1"): 3, ("+862488880001", "acme-1"): 9}),
    )
    customers = [
        {"customer": name, "name": f"{name} & Söhne", "state": "active", "missing": ["sites", "proof"]}
        for name in ("acme", "bolt")
    ]
    remarks = [Remark("acme-1", "acme", "monitor_since", {"since": "2026-10-01", "days": 53})]
    fixed: dict[str, Any] = {
        "node": "gw1",
        "made_at": datetime(2026, 11, 24, tzinfo=UTC),
        "zone": SHANGHAI,
        "language": language,
    }
    return report(asked, sums, remarks, customers, **fixed | more)


@pytest.mark.parametrize(
    ("kind", "day", "hours", "steps", "name"),
    [
        ("daily", date(2026, 11, 23), 24, 24, "2026-11-23"),
        ("monthly", date(2026, 11, 23), 720, 30, "2026-11"),
        ("monthly", date(2028, 2, 29), 696, 29, "2028-02"),
        ("monthly", date(2026, 12, 1), 744, 31, "2026-12"),
    ],
)
def test_periods_are_local(kind: Any, day: date, hours: int, steps: int, name: str) -> None:
    asked = Asked(kind, day)
    period = asked.period(SHANGHAI)
    begin = datetime.fromtimestamp(period.begin_ms / 1000, SHANGHAI)
    assert (begin.hour, begin.day, (period.end_ms - period.begin_ms) // 3_600_000) == (
        0,
        day.day if kind == "daily" else 1,
        hours,
    )
    assert (period.steps, period.step_ms * steps, asked.name) == (steps, hours * 3_600_000, name)


def test_what_stands_in_it() -> None:
    found = made()
    assert (found.total["calls"], found.total["mean_seconds"]) == (10, 60.0)
    assert [row["trunk"] for row in found.trunks] == ["acme-1", "bolt-1"]
    assert [(row["rule"], row["says"], row["rejected"], row["would_reject"]) for row in found.rules] == [
        ("caller.dno", "do-not-originate number", 3, 1), ("caller.of_tomorrow", "", 1, 0),
    ]  # fmt: skip
    assert [row["caller"] for row in found.callers] == ["+862488880001", "+8613800138000", "<script>"]
    assert found.steps[0]["begin"] == "2026-11-23T00:00"
    assert found.audit[0]["says"] == "in monitor mode since 2026-10-01, 53 days: nothing is rejected"
    assert "已 53 天" in made(language="zh").audit[0]["says"]


def test_numbers_are_masked() -> None:
    found = made(hides=True)
    assert [row["caller"] for row in found.callers][:2] == ["+8624****0001", "+86138****8000"]
    assert "13800138000" not in str(found.values())


def test_of_one_trunk_only_its_customer_is_shown() -> None:
    assert [row["customer"] for row in made(trunk="acme-1").customers] == ["acme"]


def test_every_value_has_its_cell() -> None:
    cells = [tuple(cell.values()) for cell in made().cells()]
    assert ("total", "", "calls", 10) in cells
    assert ("rules", "caller.dno", "would_reject", 1) in cells
    assert ("callers", "+862488880001 acme-1", "count", 9) in cells
    assert len({cell[:3] for cell in cells}) == len(cells)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_rule_has_a_short_name(language: str) -> None:
    for rule in RULES:
        assert text(f"report.rule.{rule}", language)
