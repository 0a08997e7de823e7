"""Record files for tests of the commands that read them: a passed, a rejected, a noted and a cancelled call."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from proxy.checks.base import Finding, Verdict
from proxy.core.actions import Decided, Ended, Report
from proxy.observe.record import line_of
from tests.checks.calls import call
from tests.observe.reports import REJECT, WOULD, refused

PASS = Verdict("pass", enforced=True, mode="block", findings=())
NAME = Verdict(
    "reject",
    enforced=True,
    mode="block",
    findings=(
        Finding("caller.display_name", "From", '"\x1b[31m10086\u202e" <sip:1@h>', "no number"),
        Finding("caller.of_tomorrow", "From", "x", "y"),
    ),
    answer=REJECT.answer,
)
CALLER, CORE = "127.0.0.2:5060", "10.0.0.1:5060"
RINGS = (
    (0.0, "in", CALLER, "INVITE"),
    (0.001, "out", CALLER, "100 Trying"),
    (0.002, "out", CORE, "INVITE"),
    (1.5, "in", CORE, "180 Ringing"),
    (1.5, "out", CALLER, "180 Ringing"),
    (3.2, "in", CALLER, "CANCEL"),
    (3.2, "out", CORE, "CANCEL"),
    (3.3, "in", CORE, "487 Request Terminated"),
    (3.3, "out", CALLER, "487 Request Terminated"),
)


def _call(call_id: str, verdict: Verdict, number: str, end: Ended | None = None) -> list[Report]:
    made = replace(call(caller=f"<sip:{number}@h>;tag=a"), call_id=call_id)
    status = 403 if verdict.action == "reject" and verdict.enforced else None
    begun = Decided(0.0, made, verdict, status, "" if status else CORE, "core", 0.0003)
    return [begun] if end is None else [begun, replace(end, call=made, verdict=verdict)]


def write(directory: Path) -> Path:
    """Fill a directory with two days of records, a line a minute from 08:00 on; the last line is torn."""
    directory.mkdir()
    cancelled = Ended(3.3, call(), PASS, "core", CORE, 487, False, 1.8, 0.0, "caller", RINGS)
    turned_away = Ended(
        0.1, call(), REJECT, "", "", 403, False, 0.0, 0.0, "proxy", (*RINGS[:2], (0.0, "out", CALLER, "403 Forbidden"))
    )
    first = [*_call("good@pbx", PASS, "02488880001", cancelled), *_call("bad@pbx", REJECT, "13800138000", turned_away)]
    second = [*_call("noted@pbx", WOULD, "95588"), *_call("name@pbx", NAME, "02488880002"), refused()]
    for day, reports in (("23", first), ("24", second)):
        lines = [
            line_of(report, "gw1", f"2026-11-{day}T08:{minute:02}:00.000Z") for minute, report in enumerate(reports)
        ]
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        (directory / f"calls-202611{day}.jsonl").write_text(text, encoding="utf-8")
    with (directory / "calls-20261124.jsonl").open("a") as file:
        file.write('{"v":1,"event":"call.verd')
    return directory
