"""UDP sockets."""

from __future__ import annotations

import socket
import time

import pytest

from proxy.net.udp import RECEIVE_BUFFER, ListenError, buffer_size, kernel_drops, open_socket, source_for, waited


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_large_buffers_where_the_kernel_grants_them(host: str) -> None:
    with open_socket(host, 0) as sock:
        assert buffer_size(sock) >= 2 * 106496
        assert sock.getblocking() is False


def test_losses_are_read_from_the_kernel() -> None:
    with open_socket("127.0.0.1", 0) as sock, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        assert kernel_drops(sock) == 0
        for _ in range(200):
            sender.sendto(b"x" * 1000, sock.getsockname())
        deadline = time.monotonic() + 5
        while not kernel_drops(sock) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert 0 < kernel_drops(sock) < 200


def test_how_long_a_datagram_waited() -> None:
    with open_socket("127.0.0.1", 0) as sock, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"x", sock.getsockname())
        sock.recv(10)
        assert waited(sock, time.time()) == 0.0  # nobody has asked before
        sender.sendto(b"x", sock.getsockname())
        sent = time.time()
        sock.recv(10)
        assert waited(sock, sent + 7.0) == pytest.approx(7.0, abs=0.5)
        assert waited(sock, sent - 7.0) == 0.0  # the clock of the day was put back


def test_taken_address() -> None:
    with (
        open_socket("127.0.0.1", 0) as sock,
        pytest.raises(ListenError, match=r"udp 127\.0\.0\.1:[0-9]+: Address already in use"),
    ):
        open_socket("127.0.0.1", sock.getsockname()[1])


def test_foreign_address() -> None:
    with pytest.raises(ListenError, match=r"192\.0\.2\.1"):
        open_socket("192.0.2.1", 5060)


@pytest.mark.parametrize(("ip", "source"), [("127.0.0.9", "127.0.0.1"), ("::1", "::1")])
def test_source_for(ip: str, source: str) -> None:
    assert source_for(ip) == source


def test_the_wanted_buffer_holds_thousands_of_invites() -> None:
    assert RECEIVE_BUFFER // 1150 > 3600
