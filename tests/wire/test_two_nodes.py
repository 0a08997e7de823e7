"""Two nodes behind one address: when one dies, hangs or is cut off, the other one takes over, and no call is lost."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.wire.hosts import CORE, FIRST, SECOND, SHARED, TRUNK, Host, Lan
from tests.wire.play import Load, Who

CALLS = 300
LOAD = Load(calls=CALLS, rate=50, hold=1000, log=False, linger=4000, seconds=60)
WHO = Who(host=TRUNK)
KEY = "5a" * 32
ENDLESS = Load(calls=0, log=False, linger=4000, seconds=90)


@pytest.fixture
def lan(tmp_path: Path) -> Iterator[Lan]:
    made = Lan(tmp_path)
    yield made
    made.close()


def pair(lan: Lan) -> tuple[Host, Host, list[Path]]:
    """Two nodes with the same key, the first of which holds the shared address."""
    nodes = lan.host(FIRST), lan.host(SECOND)
    homes = [node.node(KEY) for node in nodes]
    for node, priority in zip(nodes, ("110", "100"), strict=True):
        node.keepalived({"203.0.113.5/24": f"{SHARED}/24", "priority 110": f"priority {priority}"})
        wait_for(nodes[0])
    return *nodes, homes


def wait_for(node: Host, seconds: float = 30.0) -> float:
    """Wait until a node holds the address; returns how long that took."""
    began = time.monotonic()
    while not node.has(SHARED):
        assert time.monotonic() < began + seconds, "the address was not taken over"
        time.sleep(0.02)
    return time.monotonic() - began


def passed(home: Path) -> int:
    """How many calls a node has let pass."""
    lines = [
        json.loads(line) for file in (home / "records").glob("calls-*.jsonl") for line in file.read_bytes().splitlines()
    ]
    return sum(line["event"] == "call.verdict" and line["verdict"] == "pass" for line in lines)


@pytest.mark.parametrize("fault", ["dies", "hangs", "is cut off"])
def test_the_other_node_takes_over_and_no_call_is_lost(lan: Lan, fault: str) -> None:
    lan.host(CORE).callee(ENDLESS)
    first, second, homes = pair(lan)
    caller = lan.host(TRUNK).caller(LOAD, WHO)
    time.sleep(2.0)

    if fault == "dies":
        first.program.kill()
    elif fault == "hangs":
        os.killpg(first.program.process.pid, signal.SIGSTOP)
    else:
        first.plug(into=False)
    took = wait_for(second)
    if fault == "is cut off":  # it has held the address all the time, and does not know that another one has it too
        time.sleep(1.0)
        first.plug(into=True)
    counted = caller.wait(60)
    print(f"{fault}: the address was taken over in {took:.2f} s, {counted}")

    assert (counted.succeeded, counted.failed) == (CALLS, 0)
    assert all(passed(home) for home in homes)
