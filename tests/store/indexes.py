"""Records for tests of the index, and an index that holds them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from proxy.store.index import Index, open_index
from proxy.store.index_rows import Rows
from tests.store.postgres import Server


def verdict(seq: int, ts: str = "2026-11-23T08:00:00.000Z", **more: Any) -> dict[str, Any]:
    """The record of a verdict that passed, or as `more` says."""
    return {
        "v": 1, "event": "call.verdict", "ts": ts, "node": "gw1", "seq": seq, "call_id": f"call-{seq}", "trunk": "acme-1",
        "customer": "acme", "caller": "+862488880001", "called": "+8613800138000", "mode": "block", "verdict": "pass",
        "enforced": True, "status": None, "findings": [], "elapsed_us": 300,
        "numbers": {"from": "+862488880001", "pai": [], "ppi": None, "rpid": None, "diversion": []},
    } | more  # fmt: skip


def rejected(seq: int, *rules: str, **more: Any) -> dict[str, Any]:
    """A verdict that broke rules."""
    return verdict(seq, verdict="reject", status=403, findings=[{"rule": rule} for rule in rules]) | more


def end(seq: int, call: int, **more: Any) -> dict[str, Any]:
    """The end of a call."""
    fixed = {"event": "call.end", "call_id": f"call-{call}", "status": 200, "answered": True, "ring_ms": 1, "duration_ms": 2, "ended_by": "caller"}  # fmt: skip
    return verdict(seq) | fixed | more


def fill(index: Index, *records: dict[str, Any], node: str = "gw1", series: str = "", before: str = "", after: str = "x") -> bool:  # fmt: skip
    """Put records in."""
    rows = Rows(index.number_of(node, series))
    for place, record in enumerate(records):
        rows.add(record, "calls-20261123.jsonl", place * 1000, 1000)
    return index.take(node, series, rows.days, before, after)


def made_for(request: pytest.FixtureRequest, place: Path) -> Index:
    """An index in SQLite or PostgreSQL, as the parameter of a fixture says, with nothing in it."""
    url = f"sqlite:{place / 'index.db'}"
    if request.param == "postgresql":
        server: Server = request.getfixturevalue("server")
        url = server.database()
    made = open_index(url, Path(), create=True)
    made.prepare()
    return made
