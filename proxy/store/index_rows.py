"""What the index keeps of a record: columns to filter and count by, marks to find it by, and where the line stands."""

from __future__ import annotations

import re
from calendar import timegm
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import strptime
from typing import Any, Final, TypeAlias

from proxy.store.index_schema import FIRST_DAY, id_of

Record: TypeAlias = Mapping[str, Any]
_FIRST: Final = "+0123456789"
_RUN: Final = re.compile(r"\+?[0-9]{10,}", re.ASCII)  # a number within what is none, such as the URI of a stranger


@dataclass(slots=True)
class Day:
    """The rows of one UTC day, by table."""

    calls: list[tuple[Any, ...]] = field(default_factory=list)
    ends: list[tuple[Any, ...]] = field(default_factory=list)
    marks: list[tuple[str, int]] = field(default_factory=list)


class Rows:
    """Collects the rows of records of one series; `series` is its number in the index."""

    def __init__(self, series: int) -> None:
        self.days: dict[str, Day] = {}
        self._series = series
        self._second = ("", 0)

    def add(self, record: Record, file: str, place: int, size: int) -> None:
        """Take a record whose line stands at an octet of a file. Raises KeyError, ValueError, TypeError."""
        ts, seq = str(record["ts"]), int(record.get("seq", place))
        number = id_of(self._ms(ts), self._series, seq)
        day = self.days.setdefault(max(ts[:10].replace("-", ""), FIRST_DAY), Day())
        if record.get("event") == "call.verdict":
            numbers = numbers_of(record)
            rules = rules_of(record)
            day.calls.append((*_call(number, record, numbers, rules), file, place, size))
            day.marks += [(mark, number) for mark in marks_of(record, numbers, rules)]
        elif record.get("event") == "call.end":
            day.ends.append((*_end(number, record), file, place, size))

    def _ms(self, ts: str) -> int:
        second, at = self._second
        if ts[:19] != second:
            at = timegm(strptime(ts[:19], "%Y-%m-%dT%H:%M:%S")) * 1000
            self._second = (ts[:19], at)
        return at + int(ts[20:23])


def numbers_of(record: Record) -> list[str]:
    """Every number of a record, each once."""
    found = [str(record.get("caller") or ""), str(record.get("called") or "")]
    numbers = record.get("numbers")
    for value in numbers.values() if isinstance(numbers, dict) else ():
        found += [str(item) for item in value] if isinstance(value, list) else [str(value or "")]
    return [item for item in dict.fromkeys(found) if item]


def rules_of(record: Record) -> list[str]:
    """The rules that a call broke, each once."""
    findings = record.get("findings")
    found = [str(item.get("rule", "")) for item in findings or () if isinstance(item, dict)]
    return list(dict.fromkeys(found))


def marks_of(record: Record, numbers: list[str], rules: list[str]) -> list[str]:
    """
    What a call is found by: its numbers; #rule and #family; !verdict and !would-verdict of what is no pass; =status.
    All but numbers also with @trunk, and with @@customer.
    """
    inside = [run for item in numbers if item[0] not in _FIRST for run in _RUN.findall(item)]
    marks = [f"#{rule}" for rule in rules]
    marks += dict.fromkeys(f"#{rule.partition('.')[0]}" for rule in rules)
    verdict = str(record.get("verdict"))
    if verdict != "pass":
        marks.append(f"!{verdict}")
        if not record.get("enforced"):
            marks.append(f"!would-{verdict}")
    if record.get("status") is not None:
        marks.append(f"={record['status']}")
    both = f"@{record.get('trunk')}", f"@@{record.get('customer') or ''}"
    return [*dict.fromkeys((*numbers, *inside)), *marks, *(mark + whose for whose in both for mark in marks)]


def _call(number: int, record: Record, numbers: list[str], rules: list[str]) -> tuple[Any, ...]:
    caller, called = str(record.get("caller") or ""), str(record.get("called") or "")
    return (
        number,
        str(record.get("node", "")),
        str(record.get("trunk") or ""),
        str(record.get("customer") or ""),
        caller,
        called,
        str(record.get("mode", "")),
        str(record.get("verdict", "")),
        int(bool(record.get("enforced"))),
        _whole(record.get("status")),
        " ".join(rules),
        " ".join(item for item in numbers if item not in (caller, called)),
        _whole(record.get("elapsed_us")) or 0,
        str(record.get("call_id", "")),
    )


def _end(number: int, record: Record) -> tuple[Any, ...]:
    return (
        number,
        str(record.get("node", "")),
        str(record.get("trunk") or ""),
        str(record.get("customer") or ""),
        _whole(record.get("status")),
        int(bool(record.get("answered"))),
        _whole(record.get("ring_ms")) or 0,
        _whole(record.get("duration_ms")) or 0,
        str(record.get("ended_by", "")),
        str(record.get("call_id", "")),
    )


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and abs(value) < 1 << 31 else None
