"""Asking the SIP process: many share one question, and nobody is held up."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter

from proxy.admin.exposition import Worker, Workers
from proxy.admin.health import Health
from proxy.core.tally import Tally
from proxy.observe.channel import LENGTH
from proxy.observe.metrics import snapshot

SNAPSHOT = snapshot(Tally(), {("transactions",): 7.0})
FRAME = LENGTH.pack(len(SNAPSHOT)) + SNAPSHOT


def workers(*socks: socket.socket) -> Workers:
    made = Workers()
    for index, sock in enumerate(socks):
        made.put(index, Worker(sock))
    return made


def test_many_share_one_question() -> None:
    ours, theirs = socket.socketpair()

    async def main() -> tuple[list[bool], bytes]:
        health = Health(workers(ours), {})
        waiting = [asyncio.get_running_loop().create_task(health.answered()) for _ in range(20)]
        await asyncio.sleep(0.05)
        theirs.sendall(FRAME)
        answers = await asyncio.gather(*waiting)
        return answers, theirs.recv(100)

    with ours, theirs:
        assert asyncio.run(main()) == ([True] * 20, b"?")


def test_a_silent_worker_holds_up_nobody() -> None:
    ours, theirs = socket.socketpair()

    async def main() -> tuple[bool, int]:
        health = Health(workers(ours), {})
        ours.settimeout(0.2)
        turns, asking = 0, asyncio.get_running_loop().create_task(health.answered())
        while not asking.done():
            await asyncio.sleep(0.01)
            turns += 1
        return asking.result(), turns

    with ours, theirs:
        answered, turns = asyncio.run(main())
    assert not answered
    assert turns > 5


def test_one_who_stops_waiting_does_not_stop_the_others() -> None:
    ours, theirs = socket.socketpair()

    async def main() -> bool:
        health = Health(workers(ours), {})
        first, second = (asyncio.get_running_loop().create_task(health.answered()) for _ in range(2))
        await asyncio.sleep(0.05)
        first.cancel()
        theirs.sendall(FRAME)
        return await second

    with ours, theirs:
        assert asyncio.run(main())


def test_a_worker_that_is_gone() -> None:
    ours, theirs = socket.socketpair()
    theirs.close()

    async def main() -> tuple[bool, bool]:
        health = Health(workers(ours), {})
        return await health.answered(), await health.answered()

    with ours:
        assert asyncio.run(main()) == (False, False)


def test_the_values_of_all_workers_are_shown_as_one() -> None:
    first, second = socket.socketpair(), socket.socketpair()
    other = snapshot(Tally(), {("transactions",): 5.0})

    async def main() -> tuple[bool, bytes]:
        first[1].sendall(FRAME)
        second[1].sendall(LENGTH.pack(len(other)) + other)
        health = Health(workers(first[0], second[0]), {})
        text = await health.exposition()
        second[1].close()
        return await health.answered(), text

    with first[0], first[1], second[0]:
        answered, text = asyncio.run(main())
    assert b"\ntrunkward_transactions 12.0\n" in text
    assert not answered  # while one of them is missing


def test_the_counters_of_this_process_are_shown_too() -> None:
    ours, theirs = socket.socketpair()
    counts = Counter({("stir_requests_total", "signing", "signed"): 3})

    async def main() -> bytes:
        theirs.sendall(FRAME)
        return await Health(workers(ours), counts).exposition()

    with ours, theirs:
        text = asyncio.run(main())
    assert b'\ntrunkward_stir_requests_total{kind="signing",result="signed"} 3.0\n' in text
    assert b"\ntrunkward_transactions 7.0\n" in text
