"""The program is replaced under its calls: a new one loads everything, and takes the sockets over (docs/workers.md)."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Final

from proxy.core.owner import MARK, Owners
from proxy.net import line
from proxy.net.handover import Before, Inbox
from proxy.net.line import HungUp
from proxy.supervisor.inherit import LINE, TAKES

ANSWER_SECONDS: Final = 3.0  # that the workers of the old program have
TAKE_SECONDS: Final = 15.0  # that the old program has for its part


class Successor:
    """The new program, while the old one still has everything."""

    def __init__(self, command: Sequence[str], sockets: Sequence[socket.socket]) -> None:
        """Start it. Raises OSError."""
        self.line, theirs = line.line()
        files = [sock.fileno() for sock in sockets]
        environment = os.environ | {TAKES: ",".join(map(str, files)), LINE: str(theirs.fileno())}
        with theirs:
            self.process = subprocess.Popen(command, pass_fds=[*files, theirs.fileno()], env=environment)  # noqa: S603

    def give(self, calls: Sequence[int], inboxes: Sequence[Inbox]) -> None:
        """Let it begin: it learns whose calls stay with us (files of marks, which are closed), and the way to them."""
        for file in calls:
            line.say(self.line, line.CALLS, b"", file)
            os.close(file)
        for inbox in inboxes:
            line.say(self.line, line.INBOX, b"", inbox.writes.fileno())
        line.say(self.line, line.BEGIN)


def take_over(sock: socket.socket, key: bytes) -> Before | None:
    """Say that everything is loaded, and wait for what the process before gives; None when it is gone meanwhile."""
    line.say(sock, line.READY)
    sock.settimeout(TAKE_SECONDS)
    marks: set[bytes] = set()
    writes: list[socket.socket] = []
    try:
        while (said := line.hear(sock)) is not None and said.kind != line.BEGIN:
            if said.kind == line.CALLS:
                data = os.pread(said.file, os.fstat(said.file).st_size, 0)
                os.close(said.file)
                marks |= {data[at : at + MARK] for at in range(0, len(data), MARK)}
            elif said.kind == line.INBOX:
                writes.append(socket.socket(fileno=said.file))
                writes[-1].setblocking(False)
    except HungUp:
        return None
    return Before(Owners(key, 0, len(writes)), frozenset(marks), writes) if marks and writes else None


class Collected:
    """The files of marks that the old program's workers give; `done` is called once, with all that came in time."""

    def __init__(self, workers: int, done: Callable[[list[int]], None]) -> None:
        self._missing = workers
        self._files: list[int] = []
        self._done: Callable[[list[int]], None] | None = done
        self._until = monotonic() + ANSWER_SECONDS

    def add(self, file: int) -> None:
        """One worker has answered."""
        self._files.append(file)
        self._missing -= 1
        self.look(monotonic())

    def look(self, now: float) -> None:
        """Who has not answered by now is not waited for."""
        if self._done is not None and (self._missing <= 0 or now > self._until):
            done, self._done = self._done, None
            done(self._files)
