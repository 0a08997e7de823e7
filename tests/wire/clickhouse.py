"""
Runs config/clickhouse/01-records.sql in ClickHouse's own engine with records as the node writes them, and checks what
the views say. By hand, as the engine is large:  python -m venv c && c/bin/pip install chdb msgspec cryptography structlog
c/bin/python tests/wire/clickhouse.py
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from chdb.session import Session  # type: ignore[import-not-found]  # noqa: E402

from proxy.observe.chain import GENESIS, Chain  # noqa: E402
from proxy.observe.record import Lost, gap_line, line_of  # noqa: E402
from tests.observe.reports import WOULD, decided, ended  # noqa: E402


def lines() -> list[str]:
    """Two minutes of one trunk: rejects, would-rejects, answered calls, a gap."""
    chain = Chain(0, GENESIS)
    made = []
    for number in range(60):
        ts = f"2026-11-23T08:0{number // 30}:{number % 30:02}.123Z"
        report = decided(WOULD) if number % 3 == 0 else decided() if number % 3 == 1 else ended()
        made.append(chain.line(line_of(report, "gw1", ts) | {"call_id": f"c-{number}"}))
    made.append(chain.line(gap_line(Lost(0.0, 7, 0.0), "gw1", "2026-11-23T08:02:00.000Z", "2026-11-23T08:01:59.000Z")))
    return [line.decode()[:-1] for line in made]


def main() -> None:
    session = Session()

    def ask(query: str) -> list[dict[str, Any]]:
        return [json.loads(row) for row in str(session.query(query, "JSONEachRow")).splitlines() if row]

    def insert(rows: list[str]) -> None:
        body = "\n".join(json.dumps({"line": row}) for row in rows)
        session.query(f"INSERT INTO trunkward.lines FORMAT JSONEachRow {body}")

    print("ClickHouse", ask("SELECT version() AS v")[0]["v"])
    for _ in range(2):  # a second time changes nothing
        for statement in (ROOT / "config/clickhouse/01-records.sql").read_text().split(";\n"):
            if any(row.strip() and not row.startswith("--") for row in statement.splitlines()):
                session.query(statement)
    every = lines()
    insert([*every, "junk", "{}", '{"v":1,"hash":"' + "0" * 64 + '","ts":"never"}'])
    insert(every[:40])  # delivered a second time
    assert ask(
        "SELECT count() AS n, countDistinct(seq) AS m, any(length(line)) > 0 AS l FROM trunkward.records FINAL"
    ) == [{"n": 61, "m": 61, "l": 1}]
    said = ask("SELECT * EXCEPT line FROM trunkward.records FINAL WHERE seq = 2")[0]
    assert (said["trunk"], said["verdict"], said["enforced"], said["status"]) == ("acme-1", "reject", True, 403), said
    assert (said["rules"], said["ts"], said["elapsed_us"]) == (
        ["caller.not_allocated"],
        "2026-11-23 08:00:01.123",
        123,
    ), said
    rejects = ask("SELECT toString(minute) AS minute, trunk, rule, enforced, calls FROM trunkward.rejects ORDER BY ALL")
    assert [(row["minute"], row["enforced"], int(row["calls"])) for row in rejects] == [
        ("2026-11-23 08:00:00", False, 10), ("2026-11-23 08:00:00", True, 10),
        ("2026-11-23 08:01:00", False, 10), ("2026-11-23 08:01:00", True, 10),
    ], rejects  # fmt: skip
    (worst,) = ask("SELECT * FROM trunkward.offenders ORDER BY calls DESC LIMIT 20")
    assert (int(worst["calls"]), worst["rules"], worst["day"]) == (40, ["caller.not_allocated"], "2026-11-23"), worst
    (hour,) = ask("SELECT * FROM trunkward.traffic")
    assert [int(hour[name]) for name in ("calls", "rejected", "would_reject", "answered")] == [40, 20, 20, 20], hour
    (gap,) = ask("SELECT * FROM trunkward.gaps")
    assert (int(gap["lost"]), gap["reason"]) == (7, "queue"), gap
    print("tables, materialized views and views say what they should")


if __name__ == "__main__":
    main()
