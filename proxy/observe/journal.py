"""The journal: records on their way to disk, in one thread behind a bounded queue, chained by hash."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Final

import msgspec
from structlog.typing import FilteringBoundLogger

from proxy.core.actions import Report
from proxy.observe.chain import GENESIS, PATTERN, Chain, last_line
from proxy.observe.record import Clock, line_of, masked

# How long the writer lets records gather: one wake-up and one write for all of them.
GATHER: Final = 0.05
RETRY: Final = 1.0  # seconds between tries while the disk refuses
COMPLAIN: Final = 60.0  # seconds between log lines about it
MAX_BATCH: Final = 1000


class Journal:
    """
    Writes the records of one node into `calls-YYYYMMDD.jsonl` (UTC days of the records).

    `put` never blocks. The disk refusing (full, broken) loses nothing until the queue is full; then the
    newest are dropped and counted. Files older than `retention` seconds go when a new day begins. `wall`
    turns the core's clock into seconds since the epoch.
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
        self._queue: deque[Report] = deque()
        self._wake = threading.Event()
        self._closing = False
        self.dropped = 0
        self._clock = Clock()
        self._day = ""
        self._file = -1
        self._unwritten = b""
        self._complained = -COMPLAIN
        seq, previous = self._resume()
        self._chain = Chain(seq, previous)
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def put(self, report: Report) -> None:
        """Record something."""
        if len(self._queue) >= self._capacity:
            self.dropped += 1
        else:
            self._queue.append(report)

    @property
    def queued(self) -> int:
        """How many records wait."""
        return len(self._queue)

    def close(self, timeout: float = 10.0) -> None:
        """Write all that waits, and stop."""
        self._closing = True
        self._wake.set()
        self._thread.join(timeout)
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _run(self) -> None:
        while not self._closing or self._queue or self._unwritten:
            if not self._closing:
                self._wake.wait(GATHER)
            try:
                self._write_some()
            except OSError as error:
                if self._closing:
                    self._log.error("records.lost", error=error.strerror, records=len(self._queue))
                    return
                self._complain(error)
                self._wake.wait(RETRY)

    def _complain(self, error: OSError) -> None:
        if monotonic() - self._complained >= COMPLAIN:
            self._complained = monotonic()
            self._log.error("records.not_written", error=error.strerror, waiting=len(self._queue))

    def _write_some(self) -> None:
        """Write what is left of the last batch, then the next ones, until the queue is empty."""
        self._flush()
        while self._queue:
            day = self._time_of(self._queue[0])[:10]
            self._open(day.replace("-", ""))  # before anything is taken: the disk may refuse
            lines: list[bytes] = []
            for _ in range(min(MAX_BATCH, len(self._queue))):
                time = self._time_of(self._queue[0])
                if not time.startswith(day):
                    break
                lines.append(self._render(self._queue.popleft(), time))
            self._unwritten = b"".join(lines)
            self._flush()

    def _time_of(self, report: Report) -> str:
        return self._clock.text(self._wall(report.at))

    def _render(self, report: Report, time: str) -> bytes:
        record = line_of(report, self._node, time)
        return self._chain.line(masked(record) if self._mask else record)

    def _flush(self) -> None:
        """Write whole lines; what a full disk takes only in part is continued where it stopped."""
        while self._unwritten:
            written = os.write(self._file, self._unwritten)
            self._unwritten = self._unwritten[written:]

    def _open(self, day: str) -> None:
        if day == self._day:
            return
        path = self._directory / f"calls-{day}.jsonl"
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
        if self._file >= 0:
            os.close(self._file)
        self._file, self._day = file, day
        self._expire(datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC))

    def _expire(self, today: datetime) -> None:
        oldest = f"calls-{today - self._retention:%Y%m%d}.jsonl"
        for path in self._directory.glob(PATTERN):
            if path.name < oldest:
                path.unlink(missing_ok=True)
                self._log.info("records.expired", file=path.name)

    def _resume(self) -> tuple[int, str]:
        """Where the chain stands: cut a line that was torn by a kill off the newest file, and read its last line."""
        for path in sorted(self._directory.glob(PATTERN), reverse=True):
            last = last_line(path)
            torn = path.stat().st_size - last.end
            if torn:
                os.truncate(path, last.end)
                self._log.warning("records.torn_line_cut", file=path.name, octets=torn)
            if last.data:
                try:
                    record = msgspec.json.decode(last.data)
                    return int(record["seq"]), str(record["hash"])
                except (msgspec.DecodeError, KeyError, TypeError, ValueError):
                    self._log.error("records.chain_broken", file=path.name)
                    return 0, GENESIS
        return 0, GENESIS
