"""Follows record files as they are written: each series of a directory, line by line, from a place that is kept."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from proxy.observe.chain import last_line, link_of, record_files, series_of

BLOCK: Final = 1 << 20  # octets that are read at once
MAX_LINE: Final = 1 << 24  # octets; a line without end beyond that is none
_END: Final = re.compile(rb'"hash":"([0-9a-f]{64})"}\n')
_END_LENGTH: Final = len('"hash":""}\n') + 64


class Place(msgspec.Struct, frozen=True):
    """Behind a line: of which file, at which octet, and the `seq` and `hash` of that line (0 and "" for none)."""

    file: str
    offset: int = 0
    seq: int = 0
    hash: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """
    Whole lines of one series ("" for the first chain of a node, then "1" …), without their ends, behind `start`.

    `missed` says how many records between the last line taken and these were gone before anybody had read them.
    """

    series: str
    start: Place
    lines: list[bytes]
    missed: int = 0

    def behind(self, count: int) -> Place:
        """The place behind the first `count` lines."""
        if not count:
            return self.start
        taken = self.lines[:count]
        offset = self.start.offset + sum(map(len, taken)) + count
        link = link_of(taken[-1])
        if link is None:  # no record: how far the chain had come stands before it
            links = (link.seq for line in reversed(taken) if (link := link_of(line)) is not None)
            return Place(self.start.file, offset, next(links, self.start.seq))
        return Place(self.start.file, offset, link.seq, link.hash)


@dataclass(frozen=True, slots=True)
class Waiting:
    """What has not been taken: how many records, and the time of the oldest (RFC 3339, "" for none)."""

    records: int = 0
    since: str = ""


class Follower:
    """
    Reads on from `places`, the last line that was taken of each series; what has no place is read from its oldest file.

    A file that is not what it was, because a power cut took its end or somebody put another in its place, is read
    again from its beginning: what was taken comes a second time, and nothing is left out.
    """

    def __init__(self, directory: Path, places: Mapping[str, Place]) -> None:
        self.places = dict(places)
        self._directory = directory
        self._known: dict[str, str] = {}  # the files whose places have been held against their octets

    def read(self, most: int = 1000) -> list[Batch]:
        """The next lines of each series that has any, `most` of each at most. Raises OSError."""
        batches = (self._next(series, files, most) for series, files in self._files().items())
        return [batch for batch in batches if batch is not None]

    def take(self, batch: Batch, count: int | None = None) -> None:
        """The first `count` lines of a batch, all by default, need not come again."""
        self.places[batch.series] = batch.behind(len(batch.lines) if count is None else count)

    def waiting(self) -> Waiting:
        """What has not been taken. Raises OSError."""
        records, since = 0, ""
        for series, files in self._files().items():
            batch = self._next(series, files, 1)
            if batch is None:
                continue
            first = link_of(batch.lines[0])
            ends = (link_of(last_line(self._directory / name).data[:-1]) for name in reversed(files))
            last = next((link for link in ends if link is not None), None)
            records += max(1, last.seq - first.seq + 1) if first and last else 1
            since = min(filter(None, (since, first.ts if first else "")), default="")
        return Waiting(records, since)

    def _files(self) -> dict[str, list[str]]:
        """The names of each series' files, oldest first."""
        found: dict[str, list[str]] = {}
        next(self._directory.iterdir(), None)  # glob says nothing of a directory that cannot be read
        for path in record_files(self._directory):
            found.setdefault(series_of(path.name) or "", []).append(path.name)
        return found

    def _next(self, series: str, files: list[str], most: int) -> Batch | None:
        """What stands behind the place of a series, in its file or in the first later one that has anything."""
        start = self.places.get(series)
        later = files if start is None else [name for name in files if name >= start.file]
        for name in later:
            try:
                with (self._directory / name).open("rb") as file:
                    behind = Place(name, 0, start.seq if start is not None else 0)
                    if start is not None and start.file == name:
                        behind = self._held(series, start, file)
                    lines = _lines(file, behind.offset, most)
            except FileNotFoundError:  # it has expired meanwhile
                continue
            if lines:
                return Batch(series, behind, lines, _missed(start, lines[0]))
        return None

    def _held(self, series: str, place: Place, file: BinaryIO) -> Place:
        """A place whose file is what it was, else the file's beginning."""
        if not place.offset:
            return place
        size = file.seek(0, os.SEEK_END)
        if size >= place.offset and self._known.get(series) == place.file:
            return place
        self._known[series] = place.file
        file.seek(max(0, place.offset - _END_LENGTH))
        end = _END.fullmatch(file.read(_END_LENGTH))
        good = size >= place.offset and (not place.hash or (end is not None and end[1].decode() == place.hash))
        return place if good else Place(place.file)


def _missed(before: Place | None, line: bytes) -> int:
    """How many records are missing between a place and the line that is read next."""
    link = link_of(line)
    if before is None or link is None or not before.seq:
        return 0
    return max(0, link.seq - before.seq - 1)


def _lines(file: BinaryIO, offset: int, most: int) -> list[bytes]:
    """Whole lines behind an offset; a long one is read whole."""
    size = BLOCK
    while True:
        file.seek(offset)
        data = file.read(size)
        end = data.rfind(b"\n")
        if end >= 0:
            return data[:end].split(b"\n", most)[:most]
        if len(data) < size or size >= MAX_LINE:
            return []
        size *= 2
