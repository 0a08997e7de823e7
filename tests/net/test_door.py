"""A listening socket: whoever comes is taken, and running out of descriptors is a pause and no busy loop."""

from __future__ import annotations

import asyncio
import resource
import socket

import structlog

from proxy.core.actions import Address
from proxy.net.connection import open_listener
from proxy.net.door import Door

LOG = structlog.make_filtering_bound_logger(50)(structlog.PrintLogger(), [], {})


def test_whoever_comes_is_taken() -> None:
    async def script() -> None:
        taken: list[tuple[socket.socket, Address]] = []
        listening = open_listener("127.0.0.1", 0)
        door = Door(listening, lambda sock, peer: taken.append((sock, peer)), LOG)
        door.open(asyncio.get_running_loop())
        clients = [socket.create_connection(listening.getsockname()) for _ in range(3)]
        while len(taken) < 3:
            await asyncio.sleep(0.01)
        assert {peer for _, peer in taken} == {client.getsockname() for client in clients}
        door.close()
        for sock in (*clients, *(sock for sock, _ in taken)):
            sock.close()

    asyncio.run(asyncio.wait_for(script(), 10))


def test_no_descriptors_left_is_a_pause() -> None:
    async def script() -> None:
        taken: list[socket.socket] = []
        listening = open_listener("127.0.0.1", 0)
        door = Door(listening, lambda sock, peer: taken.append(sock), LOG)
        door.open(asyncio.get_running_loop())
        client = socket.create_connection(listening.getsockname())
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (client.fileno() + 1, hard))
        try:
            await asyncio.sleep(0.1)
            assert taken == []
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        while not taken:
            await asyncio.sleep(0.05)
        door.close()
        client.close()
        taken[0].close()

    asyncio.run(asyncio.wait_for(script(), 10))
