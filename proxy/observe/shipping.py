"""
Ships every record to a stream, at least once: the record files are the buffer, and what has been acknowledged is
remembered on disk. It lives in a process of its own; whatever happens to it, no call is touched (docs/shipping.md).
"""

from __future__ import annotations

import asyncio
import os
import re
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Final, TypeAlias

import msgspec
from structlog.typing import FilteringBoundLogger

from proxy.observe.follow import Batch, Follower, Place
from proxy.observe.jetstream import Event, Stream, StreamError

UNDER_WAY: Final = 500  # records that are sent before the first of them has to be acknowledged
IDLE: Final = 0.2  # seconds between looks for new records
KEEP: Final = 1.0  # seconds between writings of the place
COMPLAIN: Final = 60.0  # seconds between log lines about one failure
BACK_OFF: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
Open: TypeAlias = Callable[[int], AbstractAsyncContextManager[Stream]]


class _Line(msgspec.Struct, frozen=True):
    """What a record says of itself."""

    event: str
    node: str
    seq: int
    hash: str


_line: Final = msgspec.json.Decoder(_Line).decode
_ODD: Final = re.compile(r"[^A-Za-z0-9_-]")  # what no word of a subject may hold


def event_of(line: bytes, subject: str, series: str = "") -> Event | None:
    """
    A record as an event: `trunkward.<node>.call.verdict`, numbered by node, chain, `seq` and the beginning of `hash`.
    None for what is no record.
    """
    try:
        said = _line(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    words = [_ODD.sub("_", word) for word in (said.node, *said.event.split(".", 3))]
    if not all(words):
        return None
    number = f"{words[0]}/{series}/{said.seq}/{_ODD.sub('_', said.hash[:16])}"
    return Event(f"{subject}.{'.'.join(words)}", number, line, series)


class Kept(msgspec.Struct, frozen=True):
    """The file that remembers how far each series has been shipped."""

    v: int
    places: dict[str, Place]


def read_places(path: Path, log: FilteringBoundLogger) -> dict[str, Place]:
    """How far each series has been shipped; nothing, and a warning, where the file is damaged. Raises OSError."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Kept).places
    except FileNotFoundError:
        return {}
    except (msgspec.DecodeError, UnicodeDecodeError):
        log.warning("shipping.place_lost", file=str(path), advice="all records are shipped again")
        return {}


def write_places(path: Path, places: Mapping[str, Place]) -> None:
    """Replace the file in one step, on disk. Raises OSError."""
    new = path.with_name(path.name + ".new")
    with new.open("wb") as out:
        out.write(msgspec.json.encode(Kept(1, dict(places))) + b"\n")
        out.flush()
        os.fsync(out.fileno())
    new.replace(path)


class Shipper:
    """
    Ships the records of one directory. `open_stream` connects, `clock` gives epoch seconds.

    Counts: `published` (acknowledged), `missed` (expired before they were shipped), `errors` by reason; `is_up` while
    the stream is open.
    """

    def __init__(
        self,
        directory: Path,
        kept: Path,
        subject: str,
        open_stream: Open,
        clock: Callable[[], float],
        log: FilteringBoundLogger,
    ) -> None:
        """Raises OSError when the file `kept` cannot be read."""
        self._directory = directory
        self._follower = Follower(directory, read_places(kept, log))
        self._kept = kept
        self._written = dict(self._follower.places)
        self._written_at = monotonic()
        self._subject = subject
        self._open = open_stream
        self._clock = clock
        self._log = log
        self._works = False  # as the log says
        self._complained: dict[str, float] = {}
        self.published = 0
        self.missed = 0
        self.errors: Counter[str] = Counter()
        self.is_up = False

    async def run(self) -> None:
        """Ship until cancelled; then the place is written."""
        turn = failures = 0
        try:
            while True:
                before = self.published
                try:
                    async with self._open(turn) as stream:
                        self.is_up = True
                        await self._ship_all(stream)
                except StreamError as error:
                    self._failed("stream", str(error))
                except OSError as error:
                    self._failed("disk", error.strerror or type(error).__name__)
                finally:
                    self.is_up = False
                turn += 1
                failures = 0 if self.published > before else failures + 1
                await asyncio.sleep(BACK_OFF[min(failures, len(BACK_OFF) - 1)])
        finally:
            with suppress(OSError):
                self._keep()

    def values(self) -> dict[tuple[str, ...], float]:
        """What /metrics shows. Raises OSError; reads files."""
        waiting = Follower(self._directory, self._follower.places).waiting()  # that one may be reading
        age = self._clock() - datetime.fromisoformat(waiting.since).timestamp() if waiting.since else 0.0
        return {
            ("shipping_up",): float(self.is_up),
            ("shipping_published_total",): self.published,
            ("shipping_missed_total",): self.missed,
            ("shipping_lag_records",): waiting.records,
            ("shipping_lag_seconds",): max(0.0, age),
            **{("shipping_errors_total", reason): self.errors[reason] for reason in ("stream", "disk", "record")},
        }

    async def _ship_all(self, stream: Stream) -> None:
        while stream.is_open:
            batches = await asyncio.to_thread(self._follower.read, UNDER_WAY)
            for batch in batches:
                await self._ship(stream, batch)
            if not self._works:
                self._works = True
                self._complained.clear()
                self._log.info("shipping.works", published=self.published)
            if monotonic() - self._written_at >= KEEP:
                await asyncio.to_thread(self._keep)
            if not batches:
                await asyncio.sleep(IDLE)
        raise StreamError("the connection was closed")

    async def _ship(self, stream: Stream, batch: Batch) -> None:
        """Ship a batch; what has been acknowledged will not be sent again. Raises StreamError."""
        found = [event_of(line, self._subject, batch.series) for line in batch.lines]
        sent = [(index, event) for index, event in enumerate(found) if event is not None and stream.fits(event)]
        had, why = await stream.publish([event for _, event in sent])
        count = len(found) if had == len(sent) else sent[had][0]
        if count:
            self._follower.take(batch, count)
            self._tell_missed(batch)
            self._tell_unfit(batch, count - had)
        self.published += had
        if why:
            raise StreamError(why)

    def _tell_missed(self, batch: Batch) -> None:
        if batch.missed:
            self.missed += batch.missed
            self._log.error("shipping.missed", records=batch.missed, series=batch.series, before=batch.start.file)

    def _tell_unfit(self, batch: Batch, count: int) -> None:
        if count:
            self.errors["record"] += count
            self._log.error("shipping.no_record", lines=count, file=batch.start.file)

    def _failed(self, reason: str, why: str) -> None:
        self.errors[reason] += 1
        self._works = False
        if monotonic() - self._complained.get(reason, -COMPLAIN) >= COMPLAIN:
            self._complained[reason] = monotonic()
            self._log.warning("shipping.failed", reason=reason, error=why)

    def _keep(self) -> None:
        places = dict(self._follower.places)
        if places != self._written:
            write_places(self._kept, places)
            self._written = places
        self._written_at = monotonic()
