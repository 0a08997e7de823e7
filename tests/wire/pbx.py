"""A customer's PBX that places calls one by one, and what a node says meanwhile."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, Final
from urllib.error import URLError
from urllib.request import urlopen

from tests.story import SDP, request
from tests.wire.peers import CALLER, START_SECONDS, Sink
from tests.wire.trunkward import Proxy

SPOOFED: Final = "13900139000"


class Call:
    """One call from the PBX."""

    def __init__(self, node: Proxy, pbx: Sink, call_id: str, caller: str = "02488880001") -> None:
        self._node, self._pbx = node, pbx
        self._fixed: dict[str, Any] = {
            "via": f"SIP/2.0/UDP {pbx.host}:{pbx.port};branch=z9hG4bK-{call_id}",
            "caller": f"<sip:{caller}@{CALLER}>;tag=a",
            "call_id": call_id,
        }
        contact = f"Contact: <sip:pbx@{pbx.host}:{pbx.port}>"
        self.send("INVITE", fields=(contact, "Content-Type: application/sdp"), body=SDP)

    def send(self, method: str, **more: Any) -> None:
        """Send a request of this call."""
        self._pbx.send(request(method, f"sip:13800138000@{self._node.host}:{self._node.port}", **self._fixed, **more), self._node.address)  # fmt: skip

    def status(self) -> int:
        """The final status."""
        while (status := int(self._pbx.receive(b"SIP/2.0 ")[8:11])) < 200:
            pass
        self.send("ACK")
        return status


def log(node: Proxy) -> list[dict[str, Any]]:
    return [json.loads(line) for line in node.program.err.read_text().splitlines()]


def events(node: Proxy) -> list[str]:
    return [line["event"] for line in log(node)]


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def healthy(node: Proxy) -> bool:
    try:
        with urlopen(f"http://{node.host}:{node.admin_port}/healthz", timeout=5) as answer:
            return int(answer.status) == 200
    except URLError:
        return False
