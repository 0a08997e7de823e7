"""Finding calls in the index, newest first; each page goes on behind the last row of the one before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from sqlalchemy import Connection, text

from proxy.store.index import Index
from proxy.store.index_schema import CALLS, DAY_MS, ENDS, EPOCH_MS, SEQ_BITS, SERIES_BITS, ms_of

Row: TypeAlias = dict[str, Any]
WHOLE: Final = 10  # digits from which on a number is looked up by its beginning; fewer may stand anywhere in one
_LAST: Final = "\U0010ffff"
_LOW: Final = SERIES_BITS + SEQ_BITS


@dataclass(frozen=True, slots=True)
class Question:
    """
    Which calls are wanted; empty fields ask for nothing.

    `numbers`: spellings of one number, whole or a part. `since` and `until`: the beginning of an RFC 3339 text in
    UTC, inclusive. `before`: the id of the last row of the page before.
    """

    numbers: tuple[str, ...] = ()
    trunk: str = ""
    customer: str = ""
    rule: str = ""
    verdict: str = ""
    status: int | None = None
    call_id: str = ""
    since: str = ""
    until: str = ""
    before: int = 0


def search(index: Index, asked: Question, most: int) -> list[Row]:
    """The newest calls that are wanted, as rows with `id`, at most so many. Raises StoreError."""
    found: list[Row] = []
    low, high = _bounds(asked)
    with index.read() as connection:
        for day in _days(connection, low, high):
            statement, values = _statement(day, asked, low, high)
            values["most"] = most - len(found)
            found += [_row(row, CALLS) for row in connection.execute(text(statement), values)]
            if len(found) >= most:
                break
    return found


def of_call(index: Index, call_id: str) -> list[Row]:
    """Every verdict and end of a Call-ID, oldest first. Raises StoreError."""
    found: list[Row] = []
    with index.read() as connection:
        for day in _days(connection, 0, 1 << 63):
            for table, columns in (("calls", CALLS), ("ends", ENDS)):
                statement = f"SELECT {', '.join(columns)} FROM {table}_{day} WHERE call_id = :call_id"
                found += [_row(row, columns) for row in connection.execute(text(statement), {"call_id": call_id})]
    return sorted(found, key=lambda row: int(row["id"]))


def _days(connection: Connection, low: int, high: int) -> Iterator[str]:
    first, last = _day_of(low), _day_of(min(high, (1 << 63) - 1))
    days = connection.execute(text("SELECT day FROM index_days ORDER BY day DESC"))
    return (day for (day,) in days.fetchall() if first <= day <= last)


def _statement(day: str, asked: Question, low: int, high: int) -> tuple[str, dict[str, Any]]:
    values: dict[str, Any] = {"low": low, "high": high}
    wanted = ["c.id >= :low", "c.id < :high"]
    joined = ""
    mark = _mark(asked)
    if mark:
        joined = f" JOIN marks_{day} m ON m.id = c.id"
        wanted += ["m.mark = :mark", "m.id >= :low", "m.id < :high"]
        values["mark"] = mark
    for name in ("trunk", "customer", "call_id"):
        if value := getattr(asked, name):
            wanted.append(f"c.{name} = :{name}")
            values[name] = value
    if asked.status is not None:
        wanted.append("c.status = :status")
        values["status"] = asked.status
    if asked.verdict:
        wanted.append("c.verdict = :verdict" + (" AND c.enforced = 0" if asked.verdict.startswith("would-") else ""))
        values["verdict"] = asked.verdict.removeprefix("would-")
    if asked.rule:
        wanted.append("(' ' || c.rules || ' ' LIKE :rule ESCAPE '\\' OR ' ' || c.rules LIKE :family ESCAPE '\\')")
        values |= {"rule": f"% {_like(asked.rule)} %", "family": f"% {_like(asked.rule)}.%"}
    if asked.numbers:
        wanted.append(_numbers(day, asked.numbers, values))
    order = "m.id" if mark else "c.id"
    columns = ", ".join(f"c.{name}" for name in CALLS)
    where = " AND ".join(wanted)
    return f"SELECT {columns} FROM calls_{day} c{joined} WHERE {where} ORDER BY {order} DESC LIMIT :most", values


def _mark(asked: Question) -> str:
    """The mark that leads to few calls; "" where columns do, or a number does."""
    if asked.call_id or any(len(item) >= WHOLE for item in asked.numbers):
        return ""
    mark = f"#{asked.rule}" if asked.rule else ""
    if not mark and asked.verdict and asked.verdict != "pass":
        mark = f"!{asked.verdict}"
    if not mark and asked.status is not None:
        mark = f"={asked.status}"
    whose = f"@{asked.trunk}" if asked.trunk else f"@@{asked.customer}" if asked.customer else ""
    return mark + whose if mark else ""


def _numbers(day: str, numbers: tuple[str, ...], values: dict[str, Any]) -> str:
    """A number by its beginning in the marks; a short part wherever it stands, row by row."""
    either = []
    whole = any(len(item) >= WHOLE for item in numbers)
    for place, number in enumerate(numbers):
        if whole:
            either.append(f"mark >= :from{place} AND mark < :to{place}")
            values |= {f"from{place}": number, f"to{place}": number + _LAST}
        else:
            either.append(f"c.caller || ' ' || c.called || ' ' || c.numbers LIKE :part{place} ESCAPE '\\'")
            values[f"part{place}"] = f"%{_like(number)}%"
    if whole:
        return f"c.id IN (SELECT id FROM marks_{day} WHERE id >= :low AND id < :high AND ({' OR '.join(either)}))"
    return f"({' OR '.join(either)})"


def _like(part: str) -> str:
    return part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _bounds(asked: Question) -> tuple[int, int]:
    """The ids that the times of a question allow: from, and up to without."""
    low = _moment(asked.since, last=False) if asked.since else 0
    high = _moment(asked.until, last=True) if asked.until else 1 << 63
    return low, min(high, asked.before or 1 << 63, (1 << 63) - 1)


def _moment(when: str, *, last: bool) -> int:
    """The first id of a moment, or the first behind the last one that begins so ("2026-11-23T08" has an hour)."""
    rest = "0000-01-01T00:00:00.000"[len(when) :]
    begin = datetime.fromisoformat((when + rest)[:23]).replace(tzinfo=UTC)
    ms = int(begin.timestamp()) * 1000 + begin.microsecond // 1000
    steps = {10: DAY_MS, 13: 3_600_000, 16: 60_000, 19: 1000, 21: 100, 22: 10}
    ms += steps.get(len(when), 1) if last else 0
    return max(0, ms - EPOCH_MS) << _LOW


def _day_of(number: int) -> str:
    seconds = min(ms_of(number) // 1000, 253_402_300_799)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y%m%d}"


def _row(row: Any, columns: tuple[str, ...]) -> Row:
    made = dict(zip(columns, row, strict=True))
    ms = ms_of(made["id"])
    second = datetime.fromtimestamp(ms // 1000, UTC)
    return made | {"ts": f"{second:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"}
