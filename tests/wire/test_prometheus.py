"""A real Prometheus: it takes our rules, scrapes our control process, and answers every expression of the dashboard."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml

from proxy.admin.process import spawn
from proxy.core.tally import Tally
from proxy.net.line import WORKER, say
from proxy.observe.channel import LENGTH
from proxy.observe.metrics import METRICS, snapshot
from tests.wire.peers import free_port, require

pytestmark = pytest.mark.wire
TRUNK = "acme-1"
VALUES = {
    "trunk": TRUNK, "mode": "monitor", "verdict": "reject", "rule": "caller.not_allocated", "direction": "out", "code": "403",
    "transport": "udp", "kind": "INVITE",
}  # fmt: skip


def dashboard(root: Path) -> list[str]:
    """Every expression of the dashboard, its variables filled in as Grafana does."""
    panels = json.loads((root / "config/grafana/overview.json").read_text(encoding="utf-8"))["panels"]
    found = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    return [expression.replace("$trunk", ".*") for expression in found]


def rules(root: Path) -> list[dict[str, Any]]:
    """Every rule of both rule files."""
    files = [root / "config/prometheus" / name for name in ("alerts.yml", "recording.yml")]
    return [
        rule
        for file in files
        for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
    ]


def test_promtool_takes_configuration_and_rules(root: Path) -> None:
    promtool = require("promtool", "prometheus")
    where = root / "config/prometheus"
    for command in (["check", "config", "prometheus.yml"], ["test", "rules", "alerts_test.yml"]):
        done = subprocess.run([promtool, *command], cwd=where, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_expressions_name_only_metrics_that_exist(root: Path) -> None:
    recorded = {rule["record"] for rule in rules(root) if "record" in rule}
    known = {
        "trunkward_" + name + suffix for name in METRICS for suffix in ("", "_bucket", "_count", "_sum")
    } | recorded
    for expression in [*dashboard(root), *(rule["expr"] for rule in rules(root))]:
        assert set(re.findall(r"trunkward[_:][a-z0-9_:]+", expression)) <= known, expression


def test_every_alert_has_its_paragraph(root: Path) -> None:
    page = (root / "docs/metrics.md").read_text(encoding="utf-8").lower()
    for rule in rules(root):
        if "alert" in rule:
            assert f"### {rule['alert'].lower()}" in page
            assert rule["annotations"]["runbook_url"].endswith("#" + rule["alert"].lower())


class Node:
    """A SIP process with traffic: each answer shows more calls."""

    def __init__(self, line: socket.socket) -> None:
        self.tally = Tally()
        asks, channel = socket.socketpair()
        with asks:
            assert say(line, WORKER, b"0", asks.fileno())
        Thread(target=self._run, args=(channel,), daemon=True).start()

    def _run(self, channel: socket.socket) -> None:
        gauges: dict[tuple[str, ...], float] = {}
        with channel, contextlib.suppress(ConnectionError):
            while channel.recv(64):
                for name, metric in METRICS.items():
                    key = (name, *(VALUES[label] for label in metric.labels if label in VALUES))
                    if metric.kind == "counter":
                        self.tally.count[key] += 5
                    elif metric.kind == "gauge" and name != "build_info":
                        gauges[key] = 1.0
                for histogram in self.tally.histograms.values():
                    histogram.observe(0.2)
                data = snapshot(self.tally, gauges)
                channel.sendall(LENGTH.pack(len(data)) + data)


@pytest.fixture
def prometheus(tmp_path: Path, root: Path) -> Iterator[str]:
    """The address of a Prometheus that scrapes a control process each second."""
    program = require("prometheus", "prometheus")
    metrics, web = free_port(), free_port()
    control, channel = spawn(("127.0.0.1", metrics), ("127.0.0.1", free_port()))
    Node(channel)
    text = (root / "config/prometheus/prometheus.yml").read_text(encoding="utf-8")
    text = text.replace("127.0.0.1:9464", f"127.0.0.1:{metrics}").replace("15s", "1s")
    (tmp_path / "prometheus.yml").write_text(text, encoding="utf-8")
    for name in ("alerts.yml", "recording.yml"):
        # the rules as shipped, looking back over seconds instead of minutes
        rule = (root / "config/prometheus" / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(re.sub(r"\[(5m|15m|1h)\]", "[10s]", rule), encoding="utf-8")
    command = [
        program,
        f"--config.file={tmp_path}/prometheus.yml",
        f"--storage.tsdb.path={tmp_path}/data",
        f"--web.listen-address=127.0.0.1:{web}",
    ]
    with (tmp_path / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as server:
        try:
            yield f"http://127.0.0.1:{web}"
        finally:
            server.terminate()
            server.wait(20)
            control.kill()
            control.wait()
            channel.close()


def ask(address: str, expression: str) -> list[Any]:
    query = urllib.parse.urlencode({"query": expression})
    with urllib.request.urlopen(f"{address}/api/v1/query?{query}", timeout=10) as response:
        answer = json.load(response)
    assert answer["status"] == "success"
    result: list[Any] = answer["data"]["result"]
    return result


def test_prometheus_answers_every_expression_of_the_dashboard(prometheus: str, root: Path) -> None:
    waiting = {re.sub(r"\[(5m|15m|1h)\]", "[10s]", expression) for expression in dashboard(root)}
    assert len(waiting) > 20
    deadline = time.monotonic() + 60
    while waiting and time.monotonic() < deadline:
        time.sleep(1)
        try:
            waiting = {expression for expression in waiting if not ask(prometheus, expression)}
        except OSError:
            continue  # still starting
    assert waiting == set()
    for rule in rules(root):
        ask(prometheus, rule["expr"])
