"""Finding calls by the index of their records, and in the files what has not been indexed yet."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from proxy.observe.follow import Follower, Place
from proxy.observe.reading import VERDICT, Record, Wanted
from proxy.store.index import Index
from proxy.store.index_search import Question, Row, of_call, search

END: Final = "call.end"
_decode: Final = msgspec.json.Decoder(dict[str, Any]).decode
_place: Final = msgspec.json.Decoder(Place).decode


@dataclass(frozen=True, slots=True)
class Page:
    """Records, oldest first, and the id to go on before; 0 when there is nothing more."""

    records: list[Record]
    more: int = 0


class Finder:
    """
    Calls of one directory of record files and its index. `node` says whose files these are, "" where the index has
    those of one node only.
    """

    def __init__(self, directory: Path, index: Index, node: str = "") -> None:
        self._directory = directory
        self._index = index
        self._node = node

    def page(self, wanted: Wanted, most: int, before: int = 0) -> Page:
        """
        The newest verdicts that are wanted, at most so many, older than the one with the id `before`.

        Raises StoreError, OSError.
        """
        asked = Question(
            wanted.numbers,
            wanted.trunk,
            wanted.customer,
            wanted.rule,
            wanted.verdict,
            wanted.status,
            wanted.call_id,
            wanted.since,
            wanted.until,
            before,
        )
        newest = deque(() if before else self._behind(wanted), most)
        rows = search(self._index, asked, most - len(newest)) if len(newest) < most else []
        more = int(rows[-1]["id"]) if rows and len(newest) + len(rows) == most else 0
        found = [self._record(row, VERDICT) for row in reversed(rows)]
        return Page(found + sorted(newest, key=lambda record: str(record.get("ts", ""))), more)

    def call(self, call_id: str) -> list[Record]:
        """Every record of one Call-ID, oldest first. Raises StoreError, OSError."""
        behind = list(self._behind(Wanted(call_id=call_id)))
        rows = of_call(self._index, call_id)
        return [self._record(row, VERDICT if "verdict" in row else END) for row in rows] + behind

    def _behind(self, wanted: Wanted) -> Iterator[Record]:
        """What is wanted of the records that stand behind the places of the index."""
        places = {series: _place(place) for series, place in self._index.places(self._node).items()}
        follower = Follower(self._directory, places)
        while batches := follower.read():
            for batch in batches:
                follower.take(batch)
                for line in batch.lines:
                    record = _read(line)
                    if record is not None and wanted.takes(record):
                        yield record

    def _record(self, row: Row, event: str) -> Record:
        """The record of a row as it stands in its file; where that is elsewhere or gone, what the row says."""
        try:
            handle = os.open(self._directory / row["file"], os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return _told(row, event)
        try:
            record = _read(os.pread(handle, row["size"], row["place"]))
        finally:
            os.close(handle)
        same = record is not None and (record.get("call_id"), record.get("event")) == (row["call_id"], event)
        return record if record is not None and same else _told(row, event)


def _read(line: bytes) -> Record | None:
    try:
        return _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _told(row: Row, event: str) -> Record:
    """What a row says of a record."""
    told: Record = {"event": event} | row
    for key in ("id", "file", "place", "size"):
        del told[key]
    told["customer"] = told["customer"] or None
    if event == END:
        return told | {"answered": bool(told["answered"])}
    told["enforced"] = bool(told["enforced"])
    told["findings"] = [{"rule": rule} for rule in told.pop("rules").split()]
    del told["numbers"]
    return told
