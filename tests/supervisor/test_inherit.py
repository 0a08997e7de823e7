"""Sockets that are there already are taken by their address."""

from __future__ import annotations

import os
import socket

from proxy.net.udp import open_socket
from proxy.supervisor.inherit import LINE, TAKES, Inherited, inherited, line_before


def test_a_socket_is_taken_once_by_type_and_address() -> None:
    with open_socket("127.0.0.1", 0) as udp, socket.create_server(("127.0.0.1", 0)) as tcp:
        environment = {TAKES: f"{os.dup(udp.fileno())},{os.dup(tcp.fileno())}", "LISTEN_FDS": "7", "OTHER": "1"}
        there = inherited(environment)
        assert environment == {"OTHER": "1"}
        assert there.take("udp", ("127.0.0.1", 9)) is None
        assert there.take("tcp", udp.getsockname()) is None
        for transport, sock in (("udp", udp), ("tls", tcp)):
            taken = there.take(transport, sock.getsockname())
            assert taken is not None
            assert (taken.getsockname(), taken.getblocking(), taken.get_inheritable()) == (sock.getsockname(), False, False)  # fmt: skip
            taken.close()
            assert there.take(transport, sock.getsockname()) is None


def test_what_nobody_wants_is_closed() -> None:
    with open_socket("127.0.0.1", 0) as udp:
        file = os.dup(udp.fileno())
        Inherited([file]).close()
        assert not os.path.exists(f"/proc/self/fd/{file}")  # noqa: PTH110


def test_descriptors_for_another_process_are_not_ours() -> None:
    environment = {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid() + 1), "LISTEN_FDNAMES": "x"}
    assert inherited(environment).take("udp", ("127.0.0.1", 5060)) is None
    assert environment == {}


def test_the_line_to_the_process_before() -> None:
    ours, theirs = socket.socketpair()
    with ours:
        taken = line_before({LINE: str(theirs.detach())})
        assert taken is not None
        with taken:
            ours.send(b"x")
            assert taken.recv(1) == b"x"
    assert line_before({}) is None
