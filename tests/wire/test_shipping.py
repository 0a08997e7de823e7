"""Records of a running node in a real stream: a server that dies, freezes and comes back touches no call."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.story import request
from tests.wire.nats_server import NatsServer
from tests.wire.peers import CALLER, CORE, START_SECONDS, Sink
from tests.wire.trunkward import Proxy, Setting


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    (tmp_path / "nats").mkdir()
    made = NatsServer(tmp_path / "nats")
    yield made
    made.kill()


@pytest.fixture
def node(tmp_path: Path, server: NatsServer) -> Iterator[Proxy]:
    core = Sink(CORE)
    proxy = Proxy(tmp_path, Setting(core.port, sections=f'shipping: {{nats: {{servers: ["{server.url}"]}}}}\n'))
    yield proxy
    proxy.kill()
    core.close()


class Caller:
    """A PBX whose every call is rejected: two records each."""

    def __init__(self, node: Proxy) -> None:
        self._node, self._pbx = node, Sink(CALLER)
        self.calls = 0

    def call(self, count: int) -> None:
        """Place calls one after another; each is answered at once."""
        for _ in range(count):
            self.calls += 1
            via = f"SIP/2.0/UDP {CALLER}:{self._pbx.port};branch=z9hG4bK-{self.calls}"
            said = {"via": via, "caller": "<sip:13900139000@x>;tag=a", "call_id": f"c-{self.calls}"}
            self._pbx.send(request("INVITE", f"sip:13800138000@{CORE}:{self._node.port}", **said), self._node.address)  # type: ignore[arg-type]
            assert b" 403 " in self._pbx.receive(b"SIP/2.0 4", seconds=0.4), "sooner than the first retransmission"

    def close(self) -> None:
        """Free the address."""
        self._pbx.close()


def shipped(server: NatsServer) -> set[tuple[int, str]]:
    return {(record["seq"], record["hash"]) for record in (json.loads(each.data) for each in server.kept())}


def until_shipped(node: Proxy, server: NatsServer, count: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while server.count() < count or node.metrics()["trunkward_shipping_lag_records",] > 0:
        assert time.monotonic() < deadline, node.metrics()
        time.sleep(0.1)


@pytest.fixture
def caller(node: Proxy) -> Iterator[Caller]:
    made = Caller(node)
    yield made
    made.close()


def test_calls_go_on_and_every_record_arrives(node: Proxy, server: NatsServer, caller: Caller) -> None:
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
