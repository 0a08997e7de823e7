"""Reading call records back from their files: streaming, filtered, and never a line that is not whole."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec

Record: TypeAlias = dict[str, Any]
PATTERN: Final = "calls-????????.jsonl"
_decode: Final = msgspec.json.Decoder(dict[str, Any]).decode


@dataclass(frozen=True, slots=True)
class Wanted:
    """
    Which records are wanted; empty fields ask for nothing. `number` matches any part of any calling or
    called number; `since` and `until` are RFC 3339 texts in UTC (or their beginnings), inclusive.
    """

    number: str = ""
    trunk: str = ""
    rule: str = ""
    verdict: str = ""
    since: str = ""
    until: str = ""
    event: str = ""

    def takes(self, record: Record) -> bool:
        """Whether a record is wanted."""
        ts = str(record.get("ts", ""))
        return (
            (not self.event or record.get("event") == self.event)
            and (not self.trunk or record.get("trunk") == self.trunk)
            and (not self.verdict or record.get("verdict") == self.verdict)
            and (not self.since or ts >= self.since)
            and (not self.until or ts[: len(self.until)] <= self.until)
            and (not self.rule or self.rule in rules_of(record))
            and (not self.number or any(self.number in item for item in numbers_of(record)))
        )


def rules_of(record: Record) -> list[str]:
    """The rules that a call broke, each once."""
    return list(dict.fromkeys(str(item.get("rule", "")) for item in record.get("findings") or ()))


def numbers_of(record: Record) -> Iterator[str]:
    """Every number of a record."""
    yield str(record.get("caller", ""))
    yield str(record.get("called", ""))
    for value in (record.get("numbers") or {}).values():
        yield from (str(item) for item in value) if isinstance(value, list) else (str(value or ""),)


class Records:
    """The record files of one directory. `broken` counts lines that were no record."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.broken = 0

    def files(self) -> list[Path]:
        """The files, oldest first."""
        return sorted(self._directory.glob(PATTERN))

    def read(self, wanted: Wanted) -> Iterator[Record]:
        """Every wanted record, oldest first; files outside the days asked for are not opened."""
        for path in self.files():
            day = f"{path.name[6:10]}-{path.name[10:12]}-{path.name[12:14]}"
            if (wanted.since and day < wanted.since[:10]) or (wanted.until and day > wanted.until[:10]):
                continue
            with path.open("rb") as file:
                for line in file:
                    record = self._record(line)
                    if record is not None and wanted.takes(record):
                        yield record

    def last(self, count: int, wanted: Wanted) -> list[Record]:
        """The last wanted records, oldest first."""
        return list(deque(self.read(wanted), maxlen=count))

    def call(self, call_id: str) -> list[Record]:
        """Every record of one call."""
        return [record for record in self.read(Wanted()) if record.get("call_id") == call_id]

    def follow(self, wanted: Wanted, pause: Callable[[], bool]) -> Iterator[Record]:
        """Records as they are written, from now on; `pause` waits, and says whether to go on."""
        files = self.files()
        path = files[-1] if files else None
        position = path.stat().st_size if path else 0
        while pause():
            newest = self.files()[-1:]
            if path is None or (newest and newest[0] != path and position >= path.stat().st_size):
                path, position = (newest[0], 0) if newest else (None, 0)
            if path is None:
                continue
            data = _behind(path, position)
            position += len(data)
            for line in data.splitlines(keepends=True):
                record = self._record(line)
                if record is not None and wanted.takes(record):
                    yield record

    def _record(self, line: bytes) -> Record | None:
        """One line as a record; None for the unfinished last line and for what is no record."""
        if not line.endswith(b"\n"):
            return None
        try:
            return _decode(line)
        except msgspec.DecodeError:
            self.broken += 1
            return None


def _behind(path: Path, position: int) -> bytes:
    """The whole lines behind an offset, at most a megabyte."""
    with path.open("rb") as file:
        file.seek(position, os.SEEK_SET)
        data = file.read(1 << 20)
    return data[: data.rfind(b"\n") + 1]
