"""
HEP version 3: the messages of calls for a capture server such as Homer (the HEP/EEP specification, revision 12, by
A. Dubovikov). Sent over UDP without waiting; who does not listen, or is slow, touches no call.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

import msgspec

from proxy.core.actions import Address, Shown
from proxy.core.tally import Tally

UDP: Final = 17  # IP protocols
TCP: Final = 6
SIP: Final = 1  # protocol types of the specification
LOG: Final = 100
QUEUE: Final = 1000  # calls that may wait
TURN: Final = 32  # calls that are sent in one go
PAUSE: Final = 0.01  # seconds between two goes
MAX_PACKET: Final = 65507  # octets that UDP over IPv4 carries
_CHUNK: Final = struct.Struct("!HHH")


@dataclass(frozen=True, slots=True)
class Packet:
    """One captured message; `at` is in seconds since the epoch, `correlation` the Call-ID."""

    at: float
    source: Address
    to: Address
    correlation: str
    payload: bytes
    kind: int = SIP
    by_stream: bool = False


@dataclass(frozen=True, slots=True)
class Agent:
    """Who captures: its number and name, and the key that the capture server knows it by (b"" for none)."""

    number: int
    name: str
    key: bytes = b""


def encode(packet: Packet, agent: Agent) -> bytes:
    """
    "HEP3", the length of all, then chunks: vendor 0, type, length, value, all in network order.

    Numbers of the types: 1 address family (2 or 10, as on Linux), 2 IP protocol, 3 and 4 (IPv6: 5 and 6) addresses,
    7 and 8 ports, 9 and 10 time in seconds and microseconds, 11 protocol type, 12 agent, 14 key, 15 payload,
    17 correlation, 19 name of the node.
    """
    source, to = ip_address(packet.source[0]).packed, ip_address(packet.to[0]).packed
    is_ipv6 = len(source) == 16
    micro = round(packet.at * 1e6)
    chunks = [
        _chunk(1, bytes((10 if is_ipv6 else 2,))),
        _chunk(2, bytes((TCP if packet.by_stream else UDP,))),
        _chunk(5 if is_ipv6 else 3, source),
        _chunk(6 if is_ipv6 else 4, to),
        _chunk(7, packet.source[1].to_bytes(2)),
        _chunk(8, packet.to[1].to_bytes(2)),
        _chunk(9, (micro // 1_000_000).to_bytes(4)),
        _chunk(10, (micro % 1_000_000).to_bytes(4)),
        _chunk(11, bytes((packet.kind,))),
        _chunk(12, agent.number.to_bytes(4)),
        _chunk(14, agent.key) if agent.key else b"",
        _chunk(17, packet.correlation.encode()[:1024]),
        _chunk(19, agent.name.encode()),
        _chunk(15, packet.payload),
    ]
    data = b"".join(chunks)
    return b"HEP3" + (len(data) + 6).to_bytes(2) + data


def _chunk(kind: int, value: bytes) -> bytes:
    return _CHUNK.pack(0, kind, 6 + len(value)) + value


def packets_of(shown: Shown, at: float) -> Iterator[Packet]:
    """What is told of a call: the request, the answer or the request as it went on, and the verdict as a log entry."""
    yield Packet(at, shown.source, shown.listener, shown.call_id, shown.request, SIP, shown.by_stream[0])
    if shown.sent:
        yield Packet(at, shown.egress, shown.to, shown.call_id, shown.sent, SIP, shown.by_stream[1])
    verdict = shown.verdict
    said = {
        "trunk": shown.trunk,
        "mode": verdict.mode,
        "verdict": verdict.action,
        "enforced": verdict.enforced,
        "rules": list(dict.fromkeys(finding.rule for finding in verdict.findings)),
    }
    yield Packet(at, shown.listener, shown.source, shown.call_id, msgspec.json.encode(said), LOG)


class Hep:
    """
    Sends what calls show. `put` only queues; a little is sent at a time, so that many rejected calls at once do not
    hold up the loop. What finds no room, in the queue or in the kernel's buffer, is dropped and counted.
    """

    def __init__(self, to: Address, agent: Agent, wall: Callable[[float], float], tally: Tally) -> None:
        """`wall` turns the core's clock into seconds since the epoch. Raises OSError."""
        self._agent = agent
        self._wall = wall
        self._tally = tally
        self._waiting: deque[Shown] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._socket = socket.socket(socket.AF_INET6 if ":" in to[0] else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._to = to
        self._is_connected = False  # so that the kernel tells when nobody hears there

    def put(self, shown: Shown) -> None:
        """Have it sent."""
        if len(self._waiting) >= QUEUE:
            self._tally.count["hep_dropped_total", "queue"] += 1
            return
        self._waiting.append(shown)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PAUSE, self._send_some)

    def close(self) -> None:
        """Send what waits, as far as the kernel takes it, and stop."""
        if self._timer is not None:
            self._timer.cancel()
        while self._waiting:
            self._send(self._waiting.popleft())
        self._socket.close()

    def _send_some(self) -> None:
        for _ in range(min(TURN, len(self._waiting))):
            self._send(self._waiting.popleft())
        again = asyncio.get_running_loop().call_later
        self._timer = again(PAUSE, self._send_some) if self._waiting else None

    def _send(self, shown: Shown) -> None:
        for packet in packets_of(shown, self._wall(shown.at)):
            if len(packet.payload) > MAX_PACKET - 2048 or len(data := encode(packet, self._agent)) > MAX_PACKET:
                self._tally.count["hep_dropped_total", "too_large"] += 1
                continue
            try:
                if not self._is_connected:
                    self._socket.connect(self._to)
                    self._is_connected = True
                self._socket.send(data)
            except OSError as error:
                full = error.errno in (errno.EAGAIN, errno.ENOBUFS)
                self._tally.count["hep_dropped_total", "socket" if full else "unreachable"] += 1
            else:
                self._tally.count["hep_packets_total",] += 1
