"""A walk along the chain: every line against its hash, its neighbour and the checkpoints, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from typing import IO, Final

import msgspec

from proxy.observe.chain import GENESIS, TAIL, Link, digest_of, link_of
from proxy.observe.checkpoint import Checkpoint
from proxy.observe.findings import Fault, Findings, Gap, Kind, Place

BLOCK: Final = 1 << 20
MAX_LINE: Final = 1 << 24  # octets; what is longer is no record
_GAP: Final = b'{"v":1,"event":"gap",'


class GapLine(msgspec.Struct, frozen=True):
    """What a gap says."""

    lost: int | None
    since: str
    ts: str
    reason: str


class Walk:
    """
    Takes files in their order, and tells at the end what was found.

    `checkpoints` are those that may be believed. `is_part` lets the chain begin anywhere, as in a bundle.
    """

    def __init__(self, checkpoints: Iterable[Checkpoint], *, is_part: bool = False) -> None:
        self.found = Findings()
        self._marks: dict[int, list[Checkpoint]] = {}
        for each in checkpoints:
            self._marks.setdefault(each.seq, []).append(each)
        self._is_part = is_part
        self.place = Place("", 0, 0)  # of the last line that was taken
        self._begun = False
        self._next = 1
        self._previous = GENESIS  # "" where the line before is not to be believed
        self._instead: tuple[int, str] | None = None  # where the chain goes on if the last faulty line was too much
        self._twin: Place | None = None  # the line that was too much then, where it is not the faulty one
        self._bad_before = 0  # lines before the first that can be believed

    def file(self, name: str, file: IO[bytes], *, last: bool, progress: Callable[[int], object]) -> None:
        """Take one file; what stands behind the last line end of the `last` one is torn. Raises OSError."""
        self.found.files += 1
        number = 0
        for lines, whole in _blocks(file, progress):
            if whole:
                self._take(name, number, lines)
                number += len(lines)
            elif last and len(lines[0]) < MAX_LINE:
                self.found.torn = len(lines[0])
            else:
                self._fault("changed", Place(name, number + 1, self._next))
                self._distrust(self._next)

    def finish(self) -> Findings:
        """What was found, when all files have been taken."""
        found = self.found
        for fault in found.faults:
            fault.settle()
        found.last = self._next - 1 if self._begun else 0
        end = max(self._marks, default=0)
        if not self._begun and all(mark.begins for mark in self._marks.get(end, ())):
            end = 0
        if end > found.last:
            place = Place(self.place.file, self.place.line + 1, found.last + 1)
            self._fault("truncated", place, found.last + 1, end)
        return found

    def _take(self, name: str, number: int, lines: list[bytes]) -> None:
        """Take whole lines behind line `number`: those that are right in this loop, the others in `_odd`."""
        seq, previous, marks = self._next, self._previous, self._marks
        for line in lines:
            number += 1
            digest = sha256(line[:-TAIL]).hexdigest()
            if line.endswith(f',"seq":{seq},"prev":"{previous}","hash":"{digest}"}}'.encode()) and self._begun:
                if seq in marks:
                    self._compare(Place(name, number, seq), digest)
                if line.startswith(_GAP):
                    self._gap(Place(name, number, seq), line)
                previous = digest
                seq += 1
            else:
                self._next, self._previous = seq, previous
                self._odd(name, number, line)
                seq, previous = self._next, self._previous
        self._next, self._previous = seq, previous
        self.place = Place(name, number, seq - 1)
        self.found.lines += len(lines)

    def _odd(self, name: str, number: int, line: bytes) -> None:
        """A line that is not what was expected, or the first of all."""
        link = link_of(line)
        if link is None or link.hash != digest_of(line):
            self._fault("changed", Place(name, number, self._next if self._begun else link.seq if link else 0))
            self._distrust(self._next)
            return
        place = Place(name, number, link.seq)
        if not self._begun:
            self._begin(place, link)
        elif link.seq == 1 and link.prev == GENESIS and self._next > 1:
            self._fault("anew", place)
        elif (link.seq, link.prev) == self._instead:
            self._call_inserted()
        elif link.seq < self._next:
            self._misplaced(place, link)
            return
        elif link.seq > self._next:
            self._fault("dropped", place, self._next, link.seq - 1)
        elif self._previous:
            self._fault("changed", self._before(place))
        self._instead = None
        self._next, self._previous = link.seq + 1, link.hash
        if link.seq in self._marks:
            self._compare(place, link.hash)
        if link.event == "gap":
            self._gap(place, line)

    def _distrust(self, seq: int) -> None:
        """Go on behind a line that cannot be believed: the next one may follow it, or the one before."""
        if not self._begun:
            self._bad_before += 1
            return
        self._instead = (self._next, self._previous) if self._previous else self._instead
        self._twin = None
        self._next, self._previous = seq + 1, ""

    def _begin(self, place: Place, link: Link) -> None:
        """The first line that can be believed: what may stand before it?"""
        self._begun = True
        first = link.seq - self._bad_before
        before = [mark for mark in self._marks.get(link.seq - 1, ()) if mark.begins]
        self.found.first = max(1, first)
        if link.seq == 1 and link.prev == GENESIS:
            self.found.begin = "whole"
        elif any(mark.hash == link.prev for mark in before):
            self.found.begin = "expired"
        elif self._is_part:
            self.found.begin = "part"
        elif self._bad_before or not self._marks:
            self.found.begin = "unproven"
        else:
            self.found.begin = "unproven"
            expired = max((seq for seq, marks in self._marks.items() for mark in marks if mark.begins), default=0)
            start = expired + 1 if expired < first else 1
            self._fault("dropped" if start < first else "changed", place, start, max(start, first - 1))

    def _misplaced(self, place: Place, link: Link) -> None:
        """A line whose turn is over: one that was missed before, or one too many."""
        for fault in self.found.faults:
            if fault.kind == "dropped" and fault.first <= place.seq <= fault.last:
                fault.found += 1
                return
        self._fault("inserted", place)
        if link.seq == self._next - 1 and link.hash != self._previous:  # of two with one seq, the next line tells
            before = self._before(place)
            self._instead, self._twin = (self._next, link.hash), Place(before.file, before.line, link.seq)

    def _call_inserted(self) -> None:
        """The chain goes on as if the last faulty line, or its twin, were not there."""
        fault = self.found.faults[-1]
        fault.kind, fault.place = "inserted", self._twin or fault.place
        self._twin = None

    def _before(self, place: Place) -> Place:
        """The line before."""
        return Place(place.file, place.line - 1, place.seq - 1) if place.line > 1 else self.place

    def _compare(self, place: Place, digest: str) -> None:
        """Hold a record against the checkpoints that name it."""
        good = [mark for mark in self._marks[place.seq] if mark.hash == digest]
        if len(good) < len(self._marks[place.seq]):
            self._fault("rewritten", place, max(self.found.sealed + 1, self.found.first), place.seq)
        else:
            self.found.sealed, self.found.sealed_at = place.seq, good[-1].ts
            self.found.checkpoints += len(good)

    def _gap(self, place: Place, line: bytes) -> None:
        try:
            gap = msgspec.json.decode(line, type=GapLine)
        except (msgspec.DecodeError, UnicodeDecodeError):
            self._fault("changed", place)
            return
        self.found.gap(Gap(place, gap.lost, gap.since, gap.ts, gap.reason))

    def _fault(self, kind: Kind, place: Place, first: int = 0, last: int = 0) -> None:
        self.found.fault(Fault(kind, place, first, last))


def _blocks(file: IO[bytes], progress: Callable[[int], object]) -> Iterator[tuple[list[bytes], bool]]:
    """Whole lines without their ends, many at a time; at last what has no end, which is no whole line."""
    rest = b""
    while data := file.read(BLOCK):
        *lines, rest = (rest + data).split(b"\n")
        if lines:
            yield lines, True
        if len(rest) >= MAX_LINE:
            break
        progress(len(data))
    if rest:
        yield [rest], False
