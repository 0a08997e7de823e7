"""The worker's end of its channel to the control process: it asks, we answer with a snapshot, and never wait for it."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Final

QUESTION: Final = b"?"
LENGTH: Final = struct.Struct("!I")


class Channel:
    """Answers each question with one frame (four octets of length, then the snapshot)."""

    def __init__(self, sock: socket.socket, snapshot: Callable[[], bytes]) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._snapshot = snapshot
        self._unsent = b""
        self._answering = False
        self._loop: asyncio.AbstractEventLoop | None = None

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to answer."""
        self._loop = loop
        loop.add_reader(self._sock, self._readable)

    def close(self) -> None:
        """Hang up; the control process ends by that."""
        if self._loop is not None:
            self._loop.remove_reader(self._sock)
            self._loop.remove_writer(self._sock)
            self._loop = None
        self._sock.close()

    def _readable(self) -> None:
        try:
            asked = self._sock.recv(64)
        except BlockingIOError:
            return
        except OSError:
            asked = b""
        if not asked:
            self.close()
        elif not self._answering:  # a reader that has not taken the last answer gets no other: memory stays bounded
            data = self._snapshot()
            self._answering = True
            self._say(LENGTH.pack(len(data)) + data)

    def _say(self, frame: bytes) -> None:
        self._unsent += frame
        self._write()

    def _write(self) -> None:
        if self._loop is None:
            return
        try:
            sent = self._sock.send(self._unsent)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.close()
            return
        self._unsent = self._unsent[sent:]
        if self._unsent:
            self._loop.add_writer(self._sock, self._write)
        else:
            self._answering = False
            self._loop.remove_writer(self._sock)
