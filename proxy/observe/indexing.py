"""Fills the index of the call records from their files: what has been written since, each record once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any, Final

import msgspec
from structlog.typing import FilteringBoundLogger

from proxy.observe.follow import Batch, Follower, Place
from proxy.store.errors import StoreError
from proxy.store.index import Index
from proxy.store.index_rows import Rows

MOST: Final = 2000  # lines of a series that are taken in one transaction
PAUSE: Final = 1.0  # seconds until new lines are looked for
COMPLAIN: Final = 60.0  # seconds between log lines about a database that is away
_decode: Final = msgspec.json.Decoder(dict[str, Any]).decode
_place: Final = msgspec.json.Decoder(Place).decode


class Indexer:
    """
    Takes the record files of one node into the index, a batch a transaction, with the place of the last line.

    `broken` counts lines that were no record.
    """

    def __init__(self, directory: Path, node: str, index: Index) -> None:
        """Raises StoreError."""
        self._directory = directory
        self._node = node
        self._index = index
        self._numbers: dict[str, int] = {}
        self._saved: dict[str, str] = {}
        self.broken = 0
        self._follower = self._resumed()

    def step(self, most: int = MOST) -> int:
        """Take the next lines of each series; how many octets that were, 0 for none. Raises OSError, StoreError."""
        taken = 0
        for batch in self._follower.read(most):
            if not self._take(batch):
                self._follower = self._resumed()  # somebody else was faster, or the index has been emptied
                return 1
            taken += sum(map(len, batch.lines)) + len(batch.lines)
        if not taken and self._index.places(self._node) != self._saved:  # emptied, or read by somebody else
            self._follower = self._resumed()
            return 1
        return taken

    def _resumed(self) -> Follower:
        self._saved = self._index.places(self._node)
        self._numbers.clear()
        return Follower(self._directory, {series: _place(place) for series, place in self._saved.items()})

    def _take(self, batch: Batch) -> bool:
        series = batch.series
        if series not in self._numbers:
            self._numbers[series] = self._index.number_of(self._node, series)
        rows = Rows(self._numbers[series])
        place = batch.start.offset
        for line in batch.lines:
            try:
                rows.add(_decode(line), batch.start.file, place, len(line))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError, ValueError, TypeError):
                self.broken += 1
            place += len(line) + 1
        after = msgspec.json.encode(batch.behind(len(batch.lines))).decode()
        if not self._index.take(self._node, series, rows.days, self._saved.get(series, ""), after):
            return False
        self._saved[series] = after
        self._follower.take(batch)
        return True


def keep_indexing(
    directory: Path,
    node: str,
    opened: Callable[[], Index],
    oldest: Callable[[], str],
    stop: Event,
    log: FilteringBoundLogger,
) -> None:
    """
    Fill the index until `stop` is set, in a thread of its own; days before `oldest` (20261123) go. A database or a disk
    that is away is tried again.
    """
    told = -COMPLAIN
    while not stop.is_set():
        if not directory.is_dir():  # nothing has been recorded yet
            stop.wait(PAUSE)
            continue
        try:
            index = opened()
            index.prepare()
            _fill(index, Indexer(directory, node, index), oldest, stop, log)
        except (OSError, StoreError) as error:
            if monotonic() - told >= COMPLAIN:
                told = monotonic()
                log.warning("index.away", reason=_reason(error))
            stop.wait(PAUSE)


def _fill(
    index: Index,
    indexer: Indexer,
    oldest: Callable[[], str],
    stop: Event,
    log: FilteringBoundLogger,
) -> None:
    day = ""
    while not stop.is_set():
        if day != oldest():
            day = oldest()
            for gone in index.expire(day):
                log.info("index.expired", day=gone)
        if not indexer.step():
            stop.wait(PAUSE)


def _reason(error: OSError | StoreError) -> str:
    if isinstance(error, StoreError):
        return str(error.values.get("reason", error.message_key))
    return error.strerror or type(error).__name__
