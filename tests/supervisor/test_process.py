"""A node of two workers as it really runs: calls to both, one killed, one hung, one refused at its start, reloads."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.observe.evidence import series_in, verify
from proxy.observe.evidence_key import PUBLIC, public_keys
from tests.story import response
from tests.wire.pbx import SPOOFED, Call, events, healthy, until
from tests.wire.peers import Sink
from tests.wire.trunkward import Proxy, Setting


@pytest.fixture
def node(tmp_path: Path, core: Sink) -> Iterator[Proxy]:
    """A node of two workers in mode block."""
    proxy = Proxy(tmp_path, Setting(core.port, workers=2))
    yield proxy
    proxy.kill()


def refused(node: Proxy, pbx: Sink, name: str, count: int = 12) -> None:
    """So many calls, to both workers, that are rejected."""
    for number in range(count):
        assert Call(node, pbx, f"{name}-{number}", SPOOFED).status() == 403


def test_calls_go_to_both_and_their_counts_and_records_are_those_of_one_node(
    node: Proxy, core: Sink, pbx: Sink
) -> None:
    refused(node, pbx, "spoofed", 20)
    for number in range(8):
        call = Call(node, pbx, f"good-{number}")
        core.send(response(core.receive(b"INVITE"), "486 Busy Here"), node.address)
        assert call.status() == 486
    node.wait_records("call.end", 28)
    told = node.metrics()
    assert told["trunkward_calls_total", "mode=block", "trunk=acme-1", "verdict=reject"] == 20
    assert told["trunkward_calls_total", "mode=block", "trunk=acme-1", "verdict=pass"] == 8
    assert (told["trunkward_workers",], told["trunkward_worker_restarts_total",]) == (2, 0)
    node.stop()

    records = node.directory / "records"
    keys = public_keys([(node.directory / "state" / PUBLIC).read_bytes()])
    assert series_in(records) == ["", "1"]
    found = [verify(records, keys, series=series) for series in ("", "1")]
    assert [each.is_good for each in found] == [True, True]
    assert min(each.last for each in found) > 0
    assert sum(each.last for each in found) == 56
    of_calls = [
        {json.loads(line)["call_id"] for line in path.read_bytes().splitlines()} for path in node.record_files()
    ]
    assert of_calls[0].isdisjoint(of_calls[1])  # a call is one worker's


def test_a_worker_that_is_killed_is_followed_at_once(node: Proxy, pbx: Sink) -> None:
    refused(node, pbx, "before")
    first, second = node.workers
    os.kill(first, signal.SIGKILL)
    until(lambda: len(node.workers) == 2 and first not in node.workers)
    refused(node, pbx, "after")
    until(lambda: node.metrics()["trunkward_worker_restarts_total",] == 1)
    told = node.metrics()

    assert second in node.workers
    assert told["trunkward_calls_total", "mode=block", "trunk=acme-1", "verdict=reject"] >= 12
    assert [line["status"] for line in node.log("worker.ended")] == [-9]
    node.stop()
    assert {record["call_id"] for record in node.records("call.verdict")} >= {f"after-{number}" for number in range(12)}


def test_a_worker_that_hangs_is_ended(node: Proxy, pbx: Sink) -> None:
    hung = node.workers[1]
    os.kill(hung, signal.SIGSTOP)
    until(lambda: "worker.hung" in events(node))
    until(lambda: len(node.workers) == 2 and hung not in node.workers)
    refused(node, pbx, "after")
    node.stop()


def test_a_reload_is_taken_by_all(node: Proxy, pbx: Sink, core: Sink) -> None:
    refused(node, pbx, "before")
    assert node.reload(more=f'      - {{number: "+86{SPOOFED}"}}\n')["ok"]
    for number in range(12):
        call = Call(node, pbx, f"after-{number}", SPOOFED)
        core.send(response(core.receive(b"INVITE"), "486 Busy Here"), node.address)
        assert call.status() == 486
    os.kill(node.workers[0], signal.SIGKILL)  # who begins now has it as well
    until(lambda: len(node.log("worker.ended")) == 1 and len(node.workers) == 2)
    for number in range(12):
        call = Call(node, pbx, f"later-{number}", SPOOFED)
        core.send(response(core.receive(b"INVITE"), "486 Busy Here"), node.address)
        assert call.status() == 486


def test_a_control_process_that_dies_is_followed(node: Proxy, pbx: Sink) -> None:
    pid = node.program.process.pid
    children = set(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))
    (control,) = children - set(node.workers)
    until(lambda: healthy(node))
    os.kill(control, signal.SIGKILL)
    until(lambda: len(node.log("control.ended")) == 1)
    refused(node, pbx, "meanwhile")
    until(lambda: healthy(node) and node.metrics()["trunkward_workers",] == 2)


def test_workers_do_not_outlive_their_supervisor(node: Proxy) -> None:
    workers = node.workers
    os.kill(node.program.process.pid, signal.SIGKILL)
    until(lambda: not any(lives(pid) for pid in workers))


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_what_hinders_a_worker_at_the_start_is_said(node: Proxy) -> None:
    node.stop()
    records = node.directory / "records"
    (records / "chain.lock").unlink()
    (records / "chain.lock").mkdir()
    argv = [sys.executable, "-P", "-m", "proxy", "serve", "-c", "trunkward.yaml", "--lang", "en"]
    done = subprocess.run(argv, cwd=node.directory, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "chain.lock" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
