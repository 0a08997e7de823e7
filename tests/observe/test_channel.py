"""The line to the control process: answers, and never waits."""

from __future__ import annotations

import asyncio
import socket

from proxy.observe.channel import LENGTH, QUESTION, Channel


def talk(snapshot: bytes, questions: int) -> tuple[bytes, int]:
    """Ask so many times at once; returns what was heard, and how often a snapshot was made."""
    ours, theirs = socket.socketpair()
    made = 0

    def make() -> bytes:
        nonlocal made
        made += 1
        return snapshot

    async def run() -> bytes:
        channel = Channel(ours, make)
        channel.attach(asyncio.get_running_loop())
        theirs.setblocking(False)
        loop = asyncio.get_running_loop()
        heard = b""
        for _ in range(questions):
            await loop.sock_sendall(theirs, QUESTION)
            await asyncio.sleep(0.01)
        while len(heard) < LENGTH.size + len(snapshot):
            heard += await asyncio.wait_for(loop.sock_recv(theirs, 1 << 20), 5)
        channel.close()
        return heard

    heard = asyncio.run(run())
    theirs.close()
    return heard, made


def test_a_question_gets_a_frame() -> None:
    assert talk(b"values", 1) == (LENGTH.pack(6) + b"values", 1)


def test_a_reader_that_does_not_read_gets_no_second_answer() -> None:
    big = b"x" * 4_000_000  # more than the socket holds
    heard, made = talk(big, 5)

    assert made == 1
    assert heard == LENGTH.pack(len(big)) + big


def test_it_hangs_up_with_the_other_side() -> None:
    ours, theirs = socket.socketpair()

    async def run() -> None:
        channel = Channel(ours, bytes)
        channel.attach(asyncio.get_running_loop())
        theirs.close()
        await asyncio.sleep(0.05)
        channel.close()

    asyncio.run(run())
    assert ours.fileno() == -1
