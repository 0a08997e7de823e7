"""/metrics: the last snapshot of the worker and what is counted here, rendered by prometheus_client."""

from __future__ import annotations

import platform
import socket
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from threading import Lock
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from proxy import __version__
from proxy.observe.channel import LENGTH, QUESTION
from proxy.observe.metrics import METRICS, PREFIX, Snapshot, decode

ANSWER_SECONDS: Final = 1.0
MAX_SNAPSHOT: Final = 16 * 1024 * 1024
NOTHING: Final = Snapshot([], {})


class Gone(Exception):
    """The worker has hung up."""


class Worker:
    """The control process's end of the line to the worker."""

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(ANSWER_SECONDS)
        self._sock = sock
        self._lock = Lock()
        self.last: Snapshot | None = None
        self.reloads = 0
        self._owed = False

    def ask(self) -> bool:
        """
        Fetch a snapshot into `last`; False when the worker does not answer in time. Counts in `reloads` how often the
        worker has said that it has a new configuration. Raises Gone.
        """
        with self._lock:
            try:
                if not self._owed:
                    self._sock.sendall(QUESTION)
                    self._owed = True
                while (length := LENGTH.unpack(self._read(LENGTH.size))[0]) == 0:
                    self.reloads += 1
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


class SnapshotCollector(Collector):
    """Turns the last snapshot, and the `own` values of this process, into metric families."""

    def __init__(self, worker: Worker, *own: Mapping[tuple[str, ...], float]) -> None:
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
