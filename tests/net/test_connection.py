"""One connection: bounded in what it keeps, and opened from the address of its listener."""

from __future__ import annotations

import contextlib
import resource
import socket

import pytest

from proxy.net.connection import OTHER_FILES, Connection, allow_files, begin_connect, open_listener


def test_written_in_parts_and_read_whole() -> None:
    left, right = socket.socketpair()
    with left, right:
        left.setblocking(False)
        right.setblocking(False)
        one = Connection(left, 1, 0, ("192.0.2.1", 5060), 0.0)
        two = Connection(right, 2, 0, ("192.0.2.1", 5060), 0.0)
        sent = bytes(range(256)) * 8192
        one.out += sent
        found = b""
        while not one.write():
            found += two.read() or b""
        while part := two.read():
            found += part
        assert found == sent
        assert two.read() is None
        left.close()
        assert two.read() == b""


def test_opened_from_the_address_of_its_listener() -> None:
    with open_listener("127.0.0.1", 0) as listening, begin_connect("127.0.0.3", listening.getsockname()) as mine:
        listening.setblocking(True)
        peer, address = listening.accept()
        peer.close()
        assert address == mine.getsockname()
        assert address[0] == "127.0.0.3"


def test_an_address_that_cannot_be_had() -> None:
    with pytest.raises(OSError, match="address"), contextlib.closing(open_listener("192.0.2.1", 0)):
        pass
    with pytest.raises(OSError, match="address"), contextlib.closing(begin_connect("192.0.2.1", ("127.0.0.1", 9))):
        pass


def test_as_many_files_as_connections() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (300, before[1]))
        allow_files(500)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 500 + OTHER_FILES
        allow_files(10)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 500 + OTHER_FILES
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
