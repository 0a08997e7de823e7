"""Records of a running node in a real stream: a server that dies, freezes and comes back touches no call."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.wire.nats_server import NatsServer
from tests.wire.pbx import SPOOFED, Call
from tests.wire.peers import START_SECONDS, Sink
from tests.wire.trunkward import Proxy, Setting


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    (tmp_path / "nats").mkdir()
    made = NatsServer(tmp_path / "nats")
    yield made
    made.kill()


@pytest.fixture
def node(tmp_path: Path, server: NatsServer, core: Sink) -> Iterator[Proxy]:
    """Two workers: two chains."""
    sections = f'shipping: {{nats: {{servers: ["{server.url}"]}}}}\n'
    proxy = Proxy(tmp_path, Setting(core.port, sections=sections, workers=2))
    yield proxy
    proxy.kill()


class Caller:
    """A PBX whose every call is rejected: two records each."""

    def __init__(self, node: Proxy, pbx: Sink) -> None:
        self._node, self._pbx = node, pbx
        self._calls = 0

    def call(self, count: int) -> None:
        """Place calls one after another."""
        for _ in range(count):
            self._calls += 1
            assert Call(self._node, self._pbx, f"c-{self._calls}", SPOOFED).status() == 403


def shipped(server: NatsServer) -> set[tuple[int, str]]:
    return {(record["seq"], record["hash"]) for record in (json.loads(each.data) for each in server.kept())}


def until_shipped(node: Proxy, server: NatsServer, count: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while server.count() < count or node.metrics()["trunkward_shipping_lag_records",] > 0:
        assert time.monotonic() < deadline, node.metrics()
        time.sleep(0.1)


def test_calls_go_on_and_every_record_arrives(node: Proxy, server: NatsServer, pbx: Sink) -> None:
    caller = Caller(node, pbx)
    caller.call(20)
    until_shipped(node, server, 40)
    server.kill()
    caller.call(20)
    server.start()
    until_shipped(node, server, 80)
    server.freeze()
    caller.call(20)
    assert node.metrics()["trunkward_shipping_lag_records",] >= 0, "the control process answers"
    server.thaw()
    until_shipped(node, server, 120)

    node.kill()  # all its processes
    node.restart()
    caller.call(20)
    until_shipped(node, server, 160)
    node.stop()
    records = node.records()
    assert len(records) >= 160
    assert shipped(server) == {(record["seq"], record["hash"]) for record in records}
    assert server.count() == len(records)
