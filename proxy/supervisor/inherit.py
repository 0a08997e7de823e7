"""Sockets that are there already: from systemd (LISTEN_FDS), or from the process that this one takes over from."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, MutableMapping
from typing import Final

from proxy.core.actions import Address

TAKES: Final = "TRUNKWARD_SOCKETS"  # descriptors, with commas between
LINE: Final = "TRUNKWARD_BEFORE"  # the line to the process before
_FIRST: Final = 3  # sd_listen_fds(3)
_TYPES: Final = {"udp": socket.SOCK_DGRAM}


class Inherited:
    """Sockets by type and address; each is taken once."""

    def __init__(self, files: Iterable[int]) -> None:
        self._sockets: dict[tuple[int, Address], socket.socket] = {}
        for file in files:
            os.set_inheritable(file, False)
            sock = socket.socket(fileno=file)
            sock.setblocking(False)
            if sock.family in (socket.AF_INET, socket.AF_INET6):
                host, port = sock.getsockname()[:2]
                self._sockets[sock.type, (host, port)] = sock

    def take(self, transport: str, address: Address) -> socket.socket | None:
        """The socket of a listener; None where it has to be opened."""
        return self._sockets.pop((_TYPES.get(transport, socket.SOCK_STREAM), address), None)

    def close(self) -> None:
        """Nobody wants the others."""
        for sock in self._sockets.values():
            sock.close()
        self._sockets = {}


def inherited(environment: MutableMapping[str, str]) -> Inherited:
    """What the environment tells of; it is told to nobody else."""
    files = [int(file) for file in environment.pop(TAKES, "").split(",") if file]
    count, pid = environment.pop("LISTEN_FDS", "0"), environment.pop("LISTEN_PID", "")
    environment.pop("LISTEN_FDNAMES", None)
    if not files and pid == str(os.getpid()):
        files = list(range(_FIRST, _FIRST + int(count)))
    return Inherited(files)


def line_before(environment: MutableMapping[str, str]) -> socket.socket | None:
    """The line to the process that this one takes over from; None at a start by itself."""
    file = environment.pop(LINE, "")
    if not file:
        return None
    os.set_inheritable(int(file), False)
    sock = socket.socket(fileno=int(file))
    sock.setblocking(False)
    return sock
