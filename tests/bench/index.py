"""Ten million calls in the index, and how long a search takes (docs/records.md, "The index")."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from proxy.store.index import Index, open_index
from proxy.store.index_report import Period, sums
from proxy.store.index_rows import Rows
from proxy.store.index_schema import DAY_MS
from proxy.store.index_search import Question, of_call, search
from tests.store.postgres import running

BATCH = 20_000
DAYS = 30
BEGIN = datetime(2026, 11, 1, tzinfo=UTC).timestamp()
RULES = ("caller.not_allocated", "caller.conflict", "traffic.rate", "identity.missing")


def main() -> None:
    """Fill, search, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.index", description=__doc__)
    parser.add_argument("--calls", type=int, default=10_000_000)
    parser.add_argument("--store", choices=("sqlite", "postgresql"), default="sqlite")
    options = parser.parse_args()
    with ExitStack() as stack:
        if options.store == "sqlite":
            place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trunkward-index-")))
            url = f"sqlite:{place / 'index.db'}"
        else:
            server = stack.enter_context(running())
            url = server.database()
        index = open_index(url, Path(), create=True)
        index.prepare()
        began = time.monotonic()
        fill(index, options.calls)
        print(f"{options.calls} calls with their ends in {time.monotonic() - began:.0f} s, {_size(index)}", flush=True)
        for name, asked in questions(options.calls).items():
            took = sorted(_timed(index, asked) for _ in range(5))
            print(f"{1000 * took[0]:8.1f} ms at best, {1000 * took[-1]:8.1f} at worst: {name}", flush=True)
        for days in (1, DAYS):
            began = time.monotonic()
            sums(index, Period(round(BEGIN * 1000), round(BEGIN * 1000) + days * DAY_MS, days))
            print(f"{time.monotonic() - began:8.1f} s: the figures of a report on {days} days", flush=True)


def fill(index: Index, calls: int) -> None:
    """As the control process fills it: batches of rows with a place."""
    number, before = index.number_of("gw1", ""), ""
    for first in range(0, calls, BATCH):
        rows = Rows(number)
        for record in records(first, min(first + BATCH, calls), calls):
            rows.add(record, f"calls-{record['ts'][:10].replace('-', '')}.jsonl", record["seq"] * 900, 900)
        after = str(first + BATCH)
        assert index.take("gw1", "", rows.days, before, after)
        before = after


def records(first: int, last: int, calls: int) -> Iterator[dict[str, Any]]:
    """The records of some of the calls: a hundred trunks, two in a hundred calls rejected."""
    for call in range(first, last):
        seconds = BEGIN + call * (DAYS * 86400.0 / calls)
        ts = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{int(seconds * 1000) % 1000:03d}Z"
        trunk, bad = call * 7919 % 100, call * 2_654_435_761 % 4_294_967_296 % 50 == 0
        caller, called = f"+8624{call * 104729 % 10_000_000:08d}", f"+861{call * 1299709 % 10_000_000_000:010d}"
        shared = {
            "ts": ts, "node": "gw1", "call_id": f"{call:016x}@pbx{trunk}.example.net", "trunk": f"trunk-{trunk}",
            "customer": f"customer-{trunk // 4}", "caller": caller, "called": called, "mode": "block",
            "verdict": "reject" if bad else "pass", "enforced": call % 2 == 0 if bad else True,
        }  # fmt: skip
        findings = [{"rule": RULES[call // 2 % 4]}] if bad else []
        numbers = {"from": caller, "pai": [caller], "ppi": None, "rpid": None, "diversion": []}
        status = 403 if bad and call % 2 == 0 else None
        yield shared | {
            "event": "call.verdict", "seq": 2 * call, "numbers": numbers, "findings": findings, "status": status,
            "elapsed_us": 300,
        }  # fmt: skip
        yield shared | {
            "event": "call.end", "seq": 2 * call + 1, "status": status or 200, "answered": not status,
            "ring_ms": 2000, "duration_ms": 61000, "ended_by": "caller",
        }  # fmt: skip


def questions(calls: int) -> dict[str, Question]:
    """What people ask."""
    some = next(records(calls // 3 + 1, calls // 3 + 2, calls))
    old = next(records(50, 51, calls))
    return {
        "the newest": Question(),
        "a calling number": Question(numbers=(some["caller"],)),
        "the called number of one of the oldest calls": Question(numbers=(old["called"],)),
        "the beginning of a number, ten digits": Question(numbers=(some["called"][:11],)),
        "four digits anywhere": Question(numbers=("8421",)),
        "a trunk": Question(trunk="trunk-17"),
        "a customer, rejected": Question(customer="customer-5", verdict="reject"),
        "a rule of a trunk": Question(rule="traffic.rate", trunk="trunk-50"),
        "rejected calls of a customer that has none": Question(customer="customer-99", verdict="reject"),
        "a family of rules": Question(rule="identity"),
        "would-reject": Question(verdict="would-reject"),
        "status 403 within an hour three weeks ago": Question(status=403, since="2026-11-08T08", until="2026-11-08T08"),
        "no call at all: a rule nobody broke": Question(rule="origin.site"),
        "a Call-ID": Question(call_id=some["call_id"]),
        "the page behind the first million": Question(before=_id_behind(calls)),
    }


def _id_behind(calls: int) -> int:
    rows = Rows(0)
    rows.add(next(records(calls * 9 // 10, calls, calls)), "", 0, 0)
    return int(next(iter(rows.days.values())).calls[0][0])


def _timed(index: Index, asked: Question) -> float:
    began = time.monotonic()
    if asked.call_id:
        of_call(index, asked.call_id)
    else:
        search(index, asked, 100)
    return time.monotonic() - began


def _size(index: Index) -> str:
    if index.is_sqlite:
        return f"{Path(index.shown).stat().st_size >> 20} MB"
    with index.read() as connection:
        found = connection.exec_driver_sql("SELECT pg_database_size(current_database()) / 1048576").scalar()
    return f"{found} MB"


if __name__ == "__main__":
    main()
