"""Reading call records back from their files: newest first, filtered, and never a line that is not whole."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import merge
from itertools import groupby, islice
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeAlias

import msgspec

from proxy.call.numbers import normalise
from proxy.call.trunk import DialPlan
from proxy.observe.chain import record_files, series_of
from proxy.observe.record import masked

Record: TypeAlias = dict[str, Any]
VERDICT: Final = "call.verdict"
_BLOCK: Final = 1 << 20
_decode: Final = msgspec.json.Decoder(dict[str, Any]).decode
_DIGITS: Final = re.compile(r"\+?[0-9]+")
_AGO: Final = re.compile(r"([0-9]{1,6})([smhd])")
_AGO_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_MOMENT: Final = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[T ](?P<time>[0-9]{2}(?::[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,3})?)?)?)(?P<zone>Z|[+-][0-9]{2}:[0-9]{2})?)?"
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """
    Which records are wanted; empty fields ask for nothing.

    `numbers`: any part of any calling or called number, in one of these spellings. `rule`: a rule or its family.
    `verdict`: as the record has it, or "would-reject". `since` and `until`: what `moment` gives, inclusive.
    """

    numbers: tuple[str, ...] = ()
    trunk: str = ""
    rule: str = ""
    verdict: str = ""
    since: str = ""
    until: str = ""
    event: str = ""
    call_id: str = ""
    customer: str = ""
    status: int | None = None

    def takes(self, record: Record) -> bool:
        """Whether a record is wanted."""
        ts = str(record.get("ts", ""))
        return (
            (not self.event or record.get("event") == self.event)
            and (not self.trunk or record.get("trunk") == self.trunk)
            and (not self.customer or record.get("customer") == self.customer)
            and (self.status is None or record.get("status") == self.status)
            and (not self.call_id or record.get("call_id") == self.call_id)
            and (not self.verdict or self.verdict in verdicts_of(record))
            and (not self.since or ts >= self.since)
            and (not self.until or ts[: len(self.until)] <= self.until)
            and (not self.rule or any(f"{rule}.".startswith(f"{self.rule}.") for rule in rules_of(record)))
            and (not self.numbers or any(part in item for item in numbers_of(record) for part in self.numbers))
        )

    def has_day(self, path: Path) -> bool:
        """Whether a file's day is within the days asked for."""
        day = f"{path.name[6:10]}-{path.name[10:12]}-{path.name[12:14]}"
        return (not self.since or day >= self.since[:10]) and (not self.until or day <= self.until[:10])


def moment(text: str, now: float) -> str:
    """
    Read a moment as people write it: a day, a day and a time (UTC unless a zone stands behind), or how long
    before `now` (30s, 10m, 2h, 7d). Gives the beginning of an RFC 3339 text in UTC, as exact as was asked.

    Raises ValueError for anything else.
    """
    if ago := _AGO.fullmatch(text):
        before = datetime.fromtimestamp(now, UTC) - timedelta(seconds=int(ago[1]) * _AGO_SECONDS[ago[2]])
        return before.isoformat()[:19]
    found = _MOMENT.fullmatch(text.upper())
    if not found:
        raise ValueError(text)
    day, time, zone = found["day"], found["time"], found["zone"] or "Z"
    if time is None:
        return datetime.fromisoformat(day).isoformat()[:10]
    exact = datetime.fromisoformat(f"{day}T{time}{zone}")
    if zone != "Z":
        length = max(len(f"{day}T{time}"), len("2026-11-23T08:00"))  # zones move minutes
        return exact.astimezone(UTC).isoformat(timespec="milliseconds")[:length]
    return f"{day}T{time}"


def spellings(number: str, country: str) -> tuple[str, ...]:
    """How a number (or its beginning, or any part) that people write as 024-8888 or 0086… may stand in a record."""
    bare = re.sub(r"[-.() ]", "", number)
    if not _DIGITS.fullmatch(bare):
        return (number,)
    found = [bare]
    if bare.startswith("00"):
        found.append(f"+{bare[2:]}")
    elif bare.startswith("0"):
        found.append(f"+{country}{bare[1:]}")
    elif bare[0] != "+":
        found += [f"+{bare}", f"+{country}{bare}"]
    if whole := normalise(bare, DialPlan(country=country)):
        found += [whole, masked({"number": whole})["number"]]
    return tuple(dict.fromkeys(found))


def findings_of(record: Record) -> list[dict[str, Any]]:
    """The findings of a record, whatever else stands in their place."""
    findings = record.get("findings")
    return [item for item in findings if isinstance(item, dict)] if isinstance(findings, list) else []


def rules_of(record: Record) -> list[str]:
    """The rules that a call broke, each once."""
    return list(dict.fromkeys(str(item.get("rule", "")) for item in findings_of(record)))


def verdicts_of(record: Record) -> tuple[str, ...]:
    """The words by which a verdict is found: its own, and "would-…" where it was not acted on."""
    verdict = str(record.get("verdict", ""))
    return (verdict,) if record.get("enforced") or verdict == "pass" else (verdict, f"would-{verdict}")


def numbers_of(record: Record) -> Iterator[str]:
    """Every number of a record."""
    yield str(record.get("caller", ""))
    yield str(record.get("called", ""))
    numbers = record.get("numbers")
    for value in numbers.values() if isinstance(numbers, dict) else ():
        yield from (str(item) for item in value) if isinstance(value, list) else (str(value or ""),)


def calls_of(records: Sequence[Record]) -> list[Record]:
    """
    Verdicts and ends as calls, each one record: when it began, and how it ended if it has.

    One Call-ID may be several calls: a softswitch may send a call back through the node, and a caller may
    use a Call-ID again.
    """
    calls: list[Record] = []
    for record in records:
        if record.get("event") == VERDICT:
            calls.append(dict(record))
            continue
        side = (record.get("trunk"), record.get("source"))
        begun = [
            call for call in calls if call.get("event") == VERDICT and (call.get("trunk"), call.get("source")) == side
        ]
        if begun:
            begun[-1].update(record, ts=begun[-1].get("ts"))
        else:  # its verdict was dropped, or has expired
            calls.append(dict(record))
    return calls


class Records:
    """
    The record files of one directory.

    `broken` counts lines that were no record. `progress` is told how many octets have been read.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._read_to: dict[Path, int] = {}
        self.broken = 0
        self.progress: Callable[[int], object] = _nobody

    def files(self) -> list[Path]:
        """The files, oldest first."""
        return record_files(self._directory)

    def size(self, wanted: Wanted) -> int:
        """How many octets there are to read at most."""
        return sum(path.stat().st_size for path in self.files() if wanted.has_day(path))

    def read(self, wanted: Wanted) -> Iterator[Record]:
        """Every wanted record, newest first; files outside the days asked for are not opened. Raises OSError."""
        takes = _Filter(wanted)
        paths = [path for path in reversed(self.files()) if wanted.has_day(path)]
        for _, of_day in groupby(paths, key=lambda path: path.name[6:14]):
            chains = [self._read(path, takes) for path in of_day]
            yield from chains[0] if len(chains) == 1 else merge(*chains, key=_ts, reverse=True)

    def _read(self, path: Path, takes: _Filter) -> Iterator[Record]:
        """The wanted records of one file, newest first."""
        with suppress(FileNotFoundError), path.open("rb") as file:  # it may have expired meanwhile
            size = file.seek(0, os.SEEK_END)
            pieces = _backwards(file, size, self.progress)
            self._read_to[path] = size - len(next(pieces))  # what stands behind the last line end is no line yet
            yield from self._records(pieces, takes)

    def last(self, count: int, wanted: Wanted) -> list[Record]:
        """The last wanted records, oldest first."""
        return list(islice(self.read(wanted), count))[::-1]

    def call(self, call_id: str) -> list[Record]:
        """Every record of one Call-ID, oldest first."""
        return list(self.read(Wanted(call_id=call_id)))[::-1]

    def follow(self, wanted: Wanted, pause: Callable[[], bool]) -> Iterator[Record]:
        """Records as they are written, behind those read before; `pause` waits, and says whether to go on."""
        takes = _Filter(wanted)
        at = {series_of(path.name): (path, self._read_to[path]) for path in sorted(self._read_to)}
        found = False
        while found or pause():
            found = False
            for series, paths in self._by_series().items():
                path, position = at.get(series, (paths[0], 0))
                data = _behind(path, position)
                at[series] = path, position + len(data)
                found = found or bool(data)
                yield from self._records(data.split(b"\n")[:-1], takes)
                later = [file for file in paths if file > path]
                if later and not data:
                    at[series] = later[0], 0

    def _by_series(self) -> dict[str | None, list[Path]]:
        """The files of each chain, oldest first."""
        found: dict[str | None, list[Path]] = {}
        for path in self.files():
            found.setdefault(series_of(path.name), []).append(path)
        return found

    def _records(self, lines: Iterator[bytes] | list[bytes], takes: _Filter) -> Iterator[Record]:
        for line in lines:
            try:
                record = takes(line)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                self.broken += 1
                continue
            if record is not None:
                yield record


class _Filter:
    """A line as a wanted record. Looks for what must stand in it before decoding: ten times faster."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        texts = (wanted.trunk, wanted.customer, wanted.rule, wanted.event, wanted.call_id)
        self._all = [_as_json(text) for text in texts if text]
        self._any = [_as_json(text) for text in wanted.numbers] or [b""]

    def __call__(self, line: bytes) -> Record | None:
        """The record, if it is wanted. Raises DecodeError, UnicodeDecodeError, RecursionError for what is none."""
        if line[:1] != b"{" or line[-1:] != b"}":
            raise msgspec.DecodeError("no object")
        for text in self._all:
            if text not in line:
                return None
        if not any(text in line for text in self._any):
            return None
        record = _decode(line)
        return record if self._wanted.takes(record) else None


def _as_json(text: str) -> bytes:
    """How a text stands within a JSON string; what argv held that is no UTF-8 stands nowhere."""
    return msgspec.json.encode(text.encode("utf-8", "replace").decode())[1:-1]


def _backwards(file: BinaryIO, size: int, progress: Callable[[int], object]) -> Iterator[bytes]:
    """What stands between line ends, from the end of a file on; first what stands behind the last line end."""
    rest = b""
    while size > 0:
        step = min(_BLOCK, size)
        size -= step
        file.seek(size)
        rest, *lines = (file.read(step) + rest).split(b"\n")
        yield from reversed(lines)
        progress(step)
    yield rest


def _behind(path: Path, position: int) -> bytes:
    """The whole lines behind an offset, at most a megabyte; none when the file has expired."""
    with suppress(FileNotFoundError), path.open("rb") as file:
        file.seek(position, os.SEEK_SET)
        data = file.read(_BLOCK)
        return data[: data.rfind(b"\n") + 1]
    return b""


def _ts(record: Record) -> str:
    return str(record.get("ts", ""))


def _nobody(_octets: int) -> None:
    """Nobody watches."""
