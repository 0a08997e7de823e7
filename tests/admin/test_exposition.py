"""/metrics as Prometheus reads it; promtool is asked for its opinion."""

from __future__ import annotations

import socket
import subprocess
from threading import Thread

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from proxy.admin.exposition import Gone, SnapshotCollector, Worker, Workers
from proxy.core.tally import Tally
from proxy.observe.channel import LENGTH
from proxy.observe.metrics import METRICS, snapshot
from tests.wire.peers import require


def values() -> bytes:
    tally = Tally()
    gauges: dict[tuple[str, ...], float] = {}
    for name, metric in METRICS.items():
        key = (name, *(f"{label}-1" for label in metric.labels))
        if metric.kind == "counter":
            tally.count[key] += 1
        elif metric.kind == "gauge" and name != "build_info":
            gauges[key] = 1.0
    tally.histograms["verdict_seconds"].observe(0.0002)
    return snapshot(tally, gauges, {"certificate_fetch_seconds": ((0.1,), (1, 0), 0.05)})


def exposed(data: bytes) -> str:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        worker = Worker(ours)
        theirs.sendall(LENGTH.pack(len(data)) + data)
        assert worker.ask()
        registry = CollectorRegistry()
        registry.register(SnapshotCollector(worker))
        return generate_latest(registry).decode()


def test_every_metric_is_exposed_under_its_name() -> None:
    families = {family.name: family for family in text_string_to_metric_families(exposed(values()))}

    assert set(families) == {"trunkward_" + name.removesuffix("_total") for name in METRICS}
    buckets = [
        sample.value for sample in families["trunkward_verdict_seconds"].samples if sample.name.endswith("_bucket")
    ]
    assert buckets == sorted(buckets)
    assert buckets[-1] == 1
    assert "_created" not in exposed(values())


def test_promtool_finds_nothing_to_lint() -> None:
    promtool = require("promtool", "prometheus")
    done = subprocess.run(
        [promtool, "check", "metrics"], input=exposed(values()), text=True, capture_output=True, check=False
    )

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_a_worker_that_does_not_answer_leaves_the_last_values() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        worker = Worker(ours)
        ours.settimeout(0.05)
        assert not worker.ask()
        theirs.sendall(LENGTH.pack(len(values())) + values())  # late: it answers the same question
        assert worker.ask()
        assert theirs.recv(10) == b"?"


def test_a_counter_does_not_fall_with_its_worker() -> None:
    workers = Workers()
    for _ in range(2):
        ours, theirs = socket.socketpair()
        with theirs:
            workers.put(0, Worker(ours))
            theirs.sendall(LENGTH.pack(len(values())) + values())
            assert workers.ask()
    told = {tuple(key): value for key, value in workers.last.values}
    assert (told["retransmissions_total",], told["transactions",], workers.restarts) == (2, 1, 1)
    assert workers.last.histograms["verdict_seconds"][2] == 0.0004
    assert not workers.ask()


def test_a_worker_that_is_gone() -> None:
    ours, theirs = socket.socketpair()
    theirs.close()
    with ours, pytest.raises(Gone):
        Worker(ours).ask()


def test_a_frame_in_pieces() -> None:
    ours, theirs = socket.socketpair()
    frame = LENGTH.pack(len(values())) + values()
    with ours, theirs:
        sender = Thread(
            target=lambda: [theirs.sendall(frame[index : index + 100]) for index in range(0, len(frame), 100)]
        )
        sender.start()
        assert Worker(ours).ask()
        sender.join()
