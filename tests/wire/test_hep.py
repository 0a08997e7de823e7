"""What a capture server sees of rejected calls: Kamailio's sipcapture reads our packets; without it, calls go on."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.wire.kamailio import Kamailio
from tests.wire.pbx import SPOOFED, Call, until
from tests.wire.peers import Sink, free_port
from tests.wire.trunkward import Proxy, Setting

CONFIG: Final = Path(__file__).with_name("capture.cfg")
VERSIONS: Final = "table_name(string) table_version(int)\nsip_capture:4\n"
LOGS: Final = (
    "date(int) micro_ts(double) correlation_id(str) source_ip(str) source_port(int) destination_ip(str) "
    "destination_port(int) proto(int) family(int) type(int) node(str) msg(blob)\n"
)


class Capture(Kamailio):
    """A capture server and what it has captured."""

    def __init__(self, directory: Path) -> None:
        port = free_port()
        self.tables = directory / "tables"
        self.tables.mkdir()
        (self.tables / "version").write_text(VERSIONS)
        (self.tables / "logs_capture").write_text(LOGS)
        values = {"LISTEN": f"udp:127.0.0.1:{port}", "TABLES": f'"text://{self.tables}"'}
        super().__init__(directory, CONFIG, port, values)

    def messages(self) -> list[str]:
        """The SIP messages, as the configuration tells of them."""
        return re.findall(r"captured (.*)", self.program.err.read_text())

    def logs(self) -> list[list[str]]:
        """The rows of the table of log entries, which is written at the stop."""
        rows = (self.tables / "logs_capture").read_text().splitlines()[1:]
        return [[value.replace("\\:", ":") for value in re.split(r"(?<!\\):", row)] for row in rows]


@pytest.fixture
def capture(tmp_path: Path) -> Iterator[Capture]:
    made = Capture(tmp_path)
    yield made
    made.kill()


@pytest.fixture
def node(tmp_path: Path, capture: Capture, core: Sink) -> Iterator[Proxy]:
    sections = f'shipping: {{hep: {{address: "127.0.0.1:{capture.port}", id: 4711}}}}\n'
    proxy = Proxy(tmp_path, Setting(core.port, sections=sections))
    yield proxy
    proxy.kill()


def spoofed(node: Proxy, pbx: Sink, call_id: str) -> None:
    """A call with somebody else's number is rejected."""
    assert Call(node, pbx, call_id, SPOOFED).status() == 403


def test_a_capture_server_reads_it_and_may_go(node: Proxy, pbx: Sink, capture: Capture) -> None:
    began = time.time()
    spoofed(node, pbx, "c-1@h")
    until(lambda: len(capture.messages()) == 2)
    until(lambda: node.metrics()["trunkward_hep_packets_total",] == 3)
    time.sleep(0.2)
    capture.stop()
    caller, own = f"{pbx.host}:{pbx.port}", f"{node.host}:{node.port}"
    assert sorted(capture.messages()) == [f"403 c-1@h from {own}", f"INVITE c-1@h from {caller}"]
    (row,) = capture.logs()
    assert began - 2 <= int(row[0]) <= time.time() + 2
    assert row[2:7] == ["c-1@h", *own.split(":"), *caller.split(":")]
    assert row[10].endswith(":4711")
    said = json.loads(":".join(row[11:]))
    assert (said["verdict"], said["enforced"], said["rules"]) == ("reject", True, ["caller.not_allocated"])

    for number in range(10):
        spoofed(node, pbx, f"d-{number}@h")
    until(lambda: node.metrics()["trunkward_hep_dropped_total", "reason=unreachable"] > 0)
    node.reload(sections="")
    spoofed(node, pbx, "e@h")
    node.stop()
