"""The journal: records on their way to disk, in one thread behind a bounded queue, chained by hash."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Final, Literal

from structlog.typing import FilteringBoundLogger

from proxy.core.actions import Commit, Late, Report
from proxy.observe import checkpoint
from proxy.observe.chain import Chain, file_name, files_of, last_line, link_of
from proxy.observe.checkpoint import Reason, Signer
from proxy.observe.record import Clock, Lost, gap_line, line_of, masked
from proxy.observe.resume import resume

# How long the writer lets records gather: one wake-up and one write for all of them.
GATHER: Final = 0.05
RETRY: Final = 1.0  # seconds between tries while the disk refuses
COMPLAIN: Final = 60.0  # seconds between log lines about it
SYNC: Final = 1.0  # seconds between fdatasyncs under the policy "interval"
MAX_BATCH: Final = 1000
Fsync = Literal["off", "interval", "every"]


def _nobody(*_: object) -> None:
    """Nobody waits."""


class Journal:
    """
    Writes one chain of records of a node into `calls-YYYYMMDD.jsonl` (UTC days of the records), those of a further
    `series` into `calls-YYYYMMDD-1.jsonl` and so on.

    `put` never blocks. The disk refusing (full, broken) loses nothing until the queue is full; then the
    newest are dropped, counted, and a gap is recorded in their place. Files older than `retention` seconds go
    when a new day begins. With a `signer`, a checkpoint closes each file, at least every `checkpoint` seconds,
    and at the stop (docs/evidence.md). `wall` turns the core's clock into seconds since the epoch.

    `commit` has a record on disk as soon as can be, together with those that have come meanwhile: `committed` is told
    the tickets of each batch, `refusing` that the disk refuses, both from the journal's thread.
    """

    def __init__(
        self,
        directory: Path,
        node: str,
        *,
        mask: bool,
        capacity: int,
        retention: float,
        wall: Callable[[float], float],
        log: FilteringBoundLogger,
        fsync: Fsync = "interval",
        checkpoint: float = 3600.0,
        signer: Signer | None = None,
        series: str = "",
        committed: Callable[[list[int]], object] = _nobody,
        refusing: Callable[[], object] = _nobody,
    ) -> None:
        """Open the journal and start its thread. Raises OSError when the directory cannot be used."""
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._node = node
        self._mask = mask
        self._capacity = capacity
        self._retention = timedelta(seconds=retention)
        self._wall = wall
        self._log = log
        self._fsync = fsync
        self._interval = checkpoint
        self._signer = signer
        self._series = series
        self._committed = committed
        self._refusing = refusing
        self._tickets: list[int] = []  # of records that have been taken and are not known to be on disk
        self._queue: deque[Report | Commit | Lost] = deque()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._closing = False
        self.dropped = 0
        self.gaps = 0  # that have been recorded
        self._lost: Lost | None = None  # what was dropped since the last record that was queued
        self._clock = Clock()
        self._day = ""
        self._file = -1
        self._unwritten = b""
        self._unsynced = False
        self._synced_at = self._seal_at = monotonic()
        self._notes: list[bytes] = []  # checkpoints about expired files that are not on disk yet
        self._complained = -COMPLAIN
        self._write_refused = self._seal_refused = False
        self._found = resume(directory, signer.keys if signer else {}, log, series)
        self._sealed = -1
        self._chain = Chain(self._found.seq, self._found.previous)
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def commit(self, wanted: Commit) -> bool:
        """Record something and tell its ticket when it is on disk; False when it is dropped."""
        kept = self._queued(wanted)
        if kept and not self._wake.is_set():
            self._wake.set()
        return kept

    def put(self, report: Report) -> None:
        """Record something."""
        self._queued(report)

    def _queued(self, report: Report | Commit) -> bool:
        """Whether there is room for it."""
        if len(self._queue) >= self._capacity:
            self.dropped += 1
            self._lost = Lost(report.at, 1, report.at) if self._lost is None else self._lost.more(report.at)
            return False
        if self._lost is not None:
            self._queue.append(self._lost)
            self._lost = None
        self._queue.append(report)
        return True

    @property
    def queued(self) -> int:
        """How many records wait."""
        return len(self._queue)

    @property
    def unsealed(self) -> int:
        """How many records stand behind the last checkpoint."""
        return self._chain.seq - max(0, self._sealed)

    @property
    def refused(self) -> bool:
        """Whether the disk takes no records or no checkpoints at the moment."""
        return self._write_refused or self._seal_refused

    def close(self, timeout: float = 10.0) -> None:
        """Write all that waits, seal it, and stop."""
        if self._lost is not None:
            self._queue.append(self._lost)
            self._lost = None
        self._closing = True
        self._stopping.set()
        self._wake.set()
        self._thread.join(timeout)
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _run(self) -> None:
        begun = False
        while not begun or not self._closing or self._queue or self._unwritten:
            if not self._closing:
                self._wake.wait(GATHER)
                self._wake.clear()
            try:
                begun = begun or self._begin()
                self._write_some()
                if self._fsync == "interval" and monotonic() - self._synced_at >= SYNC:
                    self._sync()
            except OSError as error:
                self._write_refused = True
                if self._closing:
                    self._log.error("records.lost", error=error.strerror, records=len(self._queue))
                    return
                self._complain(error)
                self._refusing()
                self._stopping.wait(RETRY)
                continue
            if self._write_refused:
                self._write_refused = False
                self._log.info("records.written_again", waiting=len(self._queue))
            if monotonic() >= self._seal_at and (self._chain.seq > self._sealed or self._notes):
                self._seal("interval" if self._sealed >= 0 else "start")
        self._seal("stop")

    def _begin(self) -> bool:
        """Seal what an earlier process left behind, before anything is written."""
        found = self._found
        if found.day:
            self._open(found.day)
            self._unsynced = True  # perhaps: who wrote it may have been killed
        if found.begins is not None and self._signer is not None:
            self._notes.append(self._line("begin", found.begins.seq - 1, found.begins.prev))
        self._seal("start")
        return True

    def _complain(self, error: OSError) -> None:
        if monotonic() - self._complained >= COMPLAIN:
            self._complained = monotonic()
            self._log.error("records.not_written", error=error.strerror, waiting=len(self._queue))

    def _write_some(self) -> None:
        """Write what is left of the last batch, then the next ones, until the queue is empty."""
        self._flush()
        while self._queue:
            if self._found.is_unclean:
                self._queue.appendleft(Lost(self._queue[0].at, None, None))
                self._found = self._found.told()
            day = max(self._day, self._time_of(self._queue[0])[:10])  # a clock that is set back stays in its file
            self._open(day)  # before anything is taken: the disk may refuse
            lines: list[bytes] = []
            for _ in range(min(MAX_BATCH, len(self._queue))):
                time = self._time_of(self._queue[0])
                if time[:10] > day:
                    break
                lines.append(self._render(self._queue.popleft(), time))
            self._unwritten = b"".join(lines)
            self._flush()

    def _time_of(self, report: Report | Commit | Lost) -> str:
        return self._clock.text(self._wall(report.at))

    def _render(self, report: Report | Commit | Lost, time: str) -> bytes:
        if isinstance(report, Commit):
            self._tickets.append(report.ticket)
            report = report.report
        if isinstance(report, Lost | Late):
            since = self._found.since if report.since is None else self._clock.text(self._wall(report.since))
            self.gaps += 1
            return self._chain.line(gap_line(report, self._node, time, since))
        record = line_of(report, self._node, time)
        return self._chain.line(masked(record) if self._mask else record)

    def _flush(self) -> None:
        """
        Write whole lines; what a full disk takes only in part is continued where it stopped. Who waits for one of them
        to be on disk is told.
        """
        while self._unwritten:
            written = os.write(self._file, self._unwritten)
            self._unwritten = self._unwritten[written:]
            self._unsynced = True
        if self._fsync == "every" or self._tickets:
            self._sync()
        if self._tickets:
            tickets, self._tickets = self._tickets, []
            self._committed(tickets)

    def _sync(self) -> None:
        """Have on disk what was written."""
        if self._unsynced:
            os.fdatasync(self._file)
            self._unsynced = False
        self._synced_at = monotonic()

    def _seal(self, reason: Reason) -> None:
        """Sign where the chain stands; a disk that refuses it does not hold up the records."""
        if self._signer is None:
            return
        try:
            self._write_notes()
            self._sync()
            checkpoint.append(self._directory, self._line(reason, self._chain.seq, self._chain.previous), self._series)
        except OSError as error:
            self._seal_refused = True
            self._seal_at = monotonic() + RETRY
            self._complain(error)
            return
        self._seal_refused = False
        self._sealed = self._chain.seq
        self._seal_at = monotonic() + self._interval

    def _line(self, reason: Reason, seq: int, digest: str, file: str = "") -> bytes:
        """A checkpoint of now."""
        assert self._signer is not None  # noqa: S101 - who has none makes no checkpoints
        name = file or (file_name(self._day, self._series) if self._day else "")
        return self._signer.line(reason, Clock().text(self._wall(monotonic())), name, seq, digest)

    def _open(self, day: str) -> None:
        if day == self._day:
            return
        if self._day:
            self._seal("day")
            self._sync()
        file = os.open(
            self._directory / file_name(day, self._series), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640
        )
        if self._file >= 0:
            os.close(self._file)
        self._file, self._day = file, day
        _sync_directory(self._directory)
        self._expire(datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC))

    def _expire(self, today: datetime) -> None:
        """Delete files that are too old; a checkpoint says where the chain begins from now on."""
        oldest = file_name(f"{today - self._retention:%Y-%m-%d}", self._series)
        for path in files_of(self._directory, self._series):
            if path.name >= oldest:
                return
            link = link_of(last_line(path).data[:-1])
            if link is not None and self._signer is not None:
                self._notes.append(self._line("expired", link.seq, link.hash, path.name))
                with suppress(OSError):  # a full disk, of all, must not keep old files from going: the note waits
                    self._write_notes()
            path.unlink(missing_ok=True)
            self._log.info("records.expired", file=path.name)

    def _write_notes(self) -> None:
        while self._notes:
            checkpoint.append(self._directory, self._notes[0], self._series)
            del self._notes[0]


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
