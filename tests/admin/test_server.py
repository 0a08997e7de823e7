"""The control process as its users meet it: over HTTP, and when the SIP process is gone."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
from collections.abc import Iterator
from threading import Event, Thread

import pytest

from proxy.admin.process import ControlError, spawn
from proxy.core.tally import Tally
from proxy.observe.channel import LENGTH, QUESTION
from proxy.observe.metrics import snapshot
from tests.wire.peers import free_port


class Node:
    """A SIP process reduced to its end of the line."""

    def __init__(self, channel: socket.socket) -> None:
        self.channel = channel
        self.silent = Event()
        channel.settimeout(None)
        Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        data = snapshot(Tally(), {("transactions",): 7.0})
        try:
            while (asked := self.channel.recv(64)) and not self.silent.is_set():
                assert asked == QUESTION
                self.channel.sendall(LENGTH.pack(len(data)) + data)
        except OSError:
            pass


@pytest.fixture
def control() -> Iterator[tuple[Node, int, int, subprocess.Popen[bytes]]]:
    metrics, admin = free_port(), free_port()
    process, channel = spawn(("127.0.0.1", metrics), ("127.0.0.1", admin))
    yield Node(channel), metrics, admin, process
    process.kill()
    process.wait()
    channel.close()


def ask(port: int, path: str, method: str = "GET") -> tuple[int, str, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request(method, path)
    response = connection.getresponse()
    return response.status, response.getheader("Content-Type") or "", response.read()


def test_pages(control: tuple[Node, int, int, subprocess.Popen[bytes]]) -> None:
    _, metrics, admin, _ = control

    assert b"\ntrunkward_transactions 7.0\n" in ask(metrics, "/metrics")[2]
    assert ask(metrics, "/metrics?x=1", "HEAD")[::2] == (200, b"")
    assert ask(admin, "/healthz")[0] == ask(admin, "/readyz")[0] == 200


@pytest.mark.parametrize("path", ["/", "/metrics", "/../etc/passwd"])
def test_other_pages_are_problem_documents(control: tuple[Node, int, int, subprocess.Popen[bytes]], path: str) -> None:
    status, kind, body = ask(control[2], path)

    assert (status, kind, json.loads(body)["status"]) == (404, "application/problem+json", 404)


def test_other_methods_are_refused(control: tuple[Node, int, int, subprocess.Popen[bytes]]) -> None:
    assert ask(control[1], "/metrics", "POST")[0] == 501


def test_not_ready_while_the_sip_process_hangs(
    control: tuple[Node, int, int, subprocess.Popen[bytes]],
) -> None:
    node, metrics, admin, _ = control
    assert ask(metrics, "/metrics")[0] == 200
    node.silent.set()

    assert ask(admin, "/readyz")[:2] == (503, "application/problem+json")
    assert ask(admin, "/healthz")[0] == 200
    assert b"trunkward_transactions 7.0" in ask(metrics, "/metrics")[2]  # the last values


def test_it_ends_with_the_sip_process(control: tuple[Node, int, int, subprocess.Popen[bytes]]) -> None:
    node, _, _, process = control
    node.channel.shutdown(socket.SHUT_RDWR)

    assert process.wait(10) == 0


def test_taken_address_is_said_at_once(capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ControlError):
            spawn(("127.0.0.1", port), ("127.0.0.1", free_port()))
    assert f"127.0.0.1:{port}" in capfd.readouterr().err
