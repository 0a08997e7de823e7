"""/metrics: the last snapshots of the workers and what is counted here, rendered by prometheus_client."""

from __future__ import annotations

import platform
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import accumulate
from threading import Lock
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from proxy import __version__
from proxy.observe.channel import LENGTH, QUESTION
from proxy.observe.metrics import METRICS, PREFIX, Snapshot, counted, decode, together

ANSWER_SECONDS: Final = 1.0
MAX_SNAPSHOT: Final = 16 * 1024 * 1024
NOTHING: Final = Snapshot([], {})


class Gone(Exception):
    """The worker has hung up."""


class Worker:
    """The control process's end of the channel to one worker."""

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(ANSWER_SECONDS)
        self._sock = sock
        self._lock = Lock()
        self.last: Snapshot | None = None
        self._owed = False

    def question(self) -> None:
        """Ask for a snapshot, which `answer` then takes; nothing happens while an answer is owed. Raises Gone."""
        if not self._owed:
            try:
                self._sock.sendall(QUESTION)
            except TimeoutError:
                return
            except OSError as error:
                raise Gone from error
            self._owed = True

    def close(self) -> None:
        """The worker is gone."""
        self._sock.close()

    def ask(self) -> bool:
        """Fetch a snapshot into `last`; False when the worker does not answer in time. Raises Gone."""
        with self._lock:
            self.question()
            if not self._owed:
                return False
            try:
                length = LENGTH.unpack(self._read(LENGTH.size))[0]
                if length > MAX_SNAPSHOT:
                    raise Gone
                self.last = decode(self._read(length))
                self._owed = False
            except TimeoutError:
                return False
            except OSError as error:
                raise Gone from error
            return True

    def _read(self, size: int) -> bytes:
        data = self._sock.recv(size, socket.MSG_WAITALL)
        if not data:
            raise Gone
        while len(data) < size:
            more = self._sock.recv(size - len(data))
            if not more:
                raise Gone
            data += more
        return data


class Workers:
    """
    The channels to all workers of a node, and their values taken together. What a worker has counted that is gone
    counts on: a counter never falls.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._workers: dict[int, Worker] = {}
        self._gone = NOTHING
        self._known: set[int] = set()
        self.restarts = 0

    def put(self, index: int, worker: Worker) -> None:
        """A worker has begun; the one with its index, if there is one, is gone."""
        with self._lock:
            self._lose(index)
            self.restarts += index in self._known
            self._known.add(index)
            self._workers[index] = worker

    def ask(self) -> bool:
        """Fetch a snapshot of each worker; False when there is none, or one of them does not answer in time."""
        with self._lock:
            for worker in self._workers.values():
                with suppress(Gone):
                    worker.question()  # all at once, so that they work at the same time
            answers = [self._ask(index, worker) for index, worker in list(self._workers.items())]
            return bool(answers) and all(answers)

    @property
    def last(self) -> Snapshot:
        """The last values of all workers together."""
        now = [worker.last for worker in self._workers.values() if worker.last is not None]
        return together([self._gone, *now]) if self._gone is not NOTHING or len(now) > 1 else (now or [NOTHING])[0]

    def _ask(self, index: int, worker: Worker) -> bool:
        try:
            return worker.ask()
        except Gone:
            self._lose(index)
            return False

    def _lose(self, index: int) -> None:
        lost = self._workers.pop(index, None)
        if lost is not None:
            lost.close()
            if lost.last is not None:
                self._gone = together([self._gone, counted(lost.last)])


class SnapshotCollector(Collector):
    """Turns the last snapshots, and the `own` values of this process, into metric families."""

    def __init__(self, worker: Worker | Workers, *own: Mapping[tuple[str, ...], float]) -> None:
        self._worker = worker
        self._own = own

    def collect(self) -> Iterator[Metric]:
        """Every metric that has a value, under its full name."""
        build = GaugeMetricFamily(
            PREFIX + "build_info", METRICS["build_info"].help, labels=METRICS["build_info"].labels
        )
        build.add_metric([__version__, platform.python_version()], 1.0)
        yield build
        # a copy of each is made in one step: they change while this thread reads
        yield from _families(self._worker.last or NOTHING, [dict(own) for own in self._own])


def _families(snapshot: Snapshot, own: Sequence[Mapping[tuple[str, ...], float]]) -> Iterator[Metric]:
    values: dict[str, list[tuple[list[str], float]]] = {}
    for key, value in [*snapshot.values, *((list(key), value) for each in own for key, value in each.items())]:
        values.setdefault(key[0], []).append((key[1:], value))
    for name, metric in METRICS.items():
        if metric.kind == "histogram":
            yield from _histogram(name, snapshot)
        elif name in values:
            family = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
            made = family(PREFIX + name, metric.help, labels=metric.labels)
            for labels, value in values[name]:
                made.add_metric(labels, value)
            yield made


def _histogram(name: str, snapshot: Snapshot) -> Iterator[Metric]:
    if name in snapshot.histograms:
        bounds, counts, total = snapshot.histograms[name]
        made = HistogramMetricFamily(PREFIX + name, METRICS[name].help)
        texts = [*map(str, bounds), "+Inf"]
        made.add_metric([], list(zip(texts, map(float, accumulate(counts)), strict=True)), total)
        yield made
