"""HEP packets, read back by a reader of their own (tests/wire/test_hep.py: by Kamailio); and a capture server that touches no call."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from dataclasses import replace

import pytest

from proxy.core.actions import Shown
from proxy.core.tally import Tally
from proxy.observe import hep
from proxy.observe.hep import Agent, Hep, Packet, encode, packets_of
from tests.observe.reports import REJECT
from tests.wire.peers import free_port

AT = 1_795_465_600.123456
INVITE = b"INVITE sip:1@h SIP/2.0\r\nCall-ID: c@h\r\n\r\n"
ANSWER = b"SIP/2.0 403 Forbidden\r\nCall-ID: c@h\r\n\r\n"
AGENT = Agent(2001, "gw1", b"s\xc3\xa9cret")
SHOWN = Shown(
    100.0,
    "c@h",
    "acme-1",
    REJECT,
    INVITE,
    ("192.0.2.7", 5062),
    ("192.0.2.1", 5060),
    ANSWER,
    ("192.0.2.1", 5060),
    ("192.0.2.7", 5062),
)


def chunks(data: bytes) -> dict[int, bytes]:
    """Read a packet as the specification says, which has no other code in common with what wrote it."""
    assert data[:4] == b"HEP3"
    assert struct.unpack("!H", data[4:6])[0] == len(data)
    found, at = {}, 6
    while at < len(data):
        vendor, kind, length = struct.unpack("!HHH", data[at : at + 6])
        assert vendor == 0
        assert kind not in found
        found[kind] = data[at + 6 : at + length]
        at += length
    assert at == len(data)
    return found


def test_a_packet_over_ipv4() -> None:
    assert chunks(encode(Packet(AT, ("192.0.2.7", 5062), ("192.0.2.1", 5060), "c@h", INVITE), AGENT)) == {
        1: b"\x02", 2: b"\x11", 3: bytes((192, 0, 2, 7)), 4: bytes((192, 0, 2, 1)), 7: struct.pack("!H", 5062),
        8: struct.pack("!H", 5060), 9: struct.pack("!I", 1_795_465_600), 10: struct.pack("!I", 123456), 11: b"\x01",
        12: struct.pack("!I", 2001), 14: "sécret".encode(), 15: INVITE, 17: b"c@h", 19: b"gw1",
    }  # fmt: skip


def test_a_packet_over_ipv6_without_a_key() -> None:
    found = chunks(encode(Packet(AT, ("2001:db8::7", 5060), ("::1", 5060), "c", b""), Agent(4294967295, "gw1")))
    assert (found[1], found[5], found[6]) == (
        b"\x0a",
        socket.inet_pton(socket.AF_INET6, "2001:db8::7"),
        bytes(15) + b"\x01",
    )
    assert (found[12], found[15]) == (b"\xff" * 4, b"")
    assert {3, 4, 14}.isdisjoint(found)


def test_tcp_and_tls_are_told_as_tcp() -> None:
    first, second, _ = packets_of(replace(SHOWN, by_stream=(True, False)), AT)
    assert [chunks(encode(each, AGENT))[2] for each in (first, second)] == [b"\x06", b"\x11"]


def test_what_is_told_of_a_call() -> None:
    first, second, third = packets_of(SHOWN, AT)
    assert (first.source, first.to, first.payload) == (("192.0.2.7", 5062), ("192.0.2.1", 5060), INVITE)
    assert (second.source, second.to, second.payload) == (("192.0.2.1", 5060), ("192.0.2.7", 5062), ANSWER)
    assert third.kind == 100
    assert json.loads(third.payload) == {
        "trunk": "acme-1", "mode": "block", "verdict": "reject", "enforced": True, "rules": ["caller.not_allocated"],
    }  # fmt: skip
    assert {each.correlation for each in (first, second, third)} == {"c@h"}


@pytest.fixture
def collector() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.settimeout(5)
    return sock


def played(to: tuple[str, int], count: int, wait: float, **more: bytes) -> Tally:
    tally = Tally()

    async def main() -> None:
        sender = Hep(to, AGENT, lambda at: at + 1_795_465_500.0, tally)
        for _ in range(count):
            sender.put(
                SHOWN if not more else Shown(**{**{name: getattr(SHOWN, name) for name in Shown.__slots__}, **more})
            )  # type: ignore[arg-type]
        await asyncio.sleep(wait)
        sender.close()

    asyncio.run(main())
    return tally


def test_packets_arrive(collector: socket.socket) -> None:
    with collector:
        tally = played(collector.getsockname(), 40, 0.2)
        found = [chunks(collector.recv(65536)) for _ in range(120)]
    assert [each[15] for each in found[:2]] == [INVITE, ANSWER]
    assert struct.unpack("!I", found[0][9])[0] == 1_795_465_600
    assert dict(tally.count) == {("hep_packets_total",): 120}


def test_what_waits_at_the_end_is_sent(collector: socket.socket) -> None:
    with collector:
        tally = played(collector.getsockname(), 5, 0.0)
    assert tally.count["hep_packets_total",] == 15


def test_too_many_at_once_are_dropped_and_counted(collector: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hep, "QUEUE", 10)
    with collector:
        tally = played(collector.getsockname(), 25, 0.0)
    assert tally.count["hep_dropped_total", "queue"] == 15


def test_a_message_that_no_packet_holds_is_dropped_and_counted(collector: socket.socket) -> None:
    with collector:
        tally = played(collector.getsockname(), 1, 0.05, request=b"x" * 65500)
    assert dict(tally.count) == {("hep_dropped_total", "too_large"): 1, ("hep_packets_total",): 2}


@pytest.mark.parametrize("to", [("127.0.0.1", 0), ("255.255.255.255", 9060)], ids=["nobody", "not-allowed"])
def test_who_cannot_be_reached_costs_no_more_than_a_count(to: tuple[str, int]) -> None:
    tally = played(to if to[1] else ("127.0.0.1", free_port()), 2, 0.05)
    assert sum(tally.count.values()) == 6
    assert tally.count["hep_dropped_total", "unreachable"] > 0
