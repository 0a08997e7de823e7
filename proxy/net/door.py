"""Where connections come in: a listening socket, emptied within bounds."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Final

from structlog.typing import FilteringBoundLogger

from proxy.core.actions import Address

AT_ONCE: Final = 64  # connections taken before others get their turn
REST_SECONDS: Final = 1.0  # without accepting, when there are no more file descriptors


class Door:
    """A socket that listens; each connection goes to `take` with the address that it comes from."""

    def __init__(
        self, sock: socket.socket, take: Callable[[socket.socket, Address], None], log: FilteringBoundLogger
    ) -> None:
        self._sock = sock
        self._take = take
        self._log = log
        self._rest: asyncio.TimerHandle | None = None

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to accept."""
        self._loop = loop
        self._rest = None
        loop.add_reader(self._sock.fileno(), self._accept)

    def close(self) -> None:
        """Take nobody any more."""
        if self._rest is not None:
            self._rest.cancel()
        self._loop.remove_reader(self._sock.fileno())
        self._sock.close()

    def _accept(self) -> None:
        for _ in range(AT_ONCE):
            try:
                sock, peer = self._sock.accept()
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionError:
                continue  # gone again before it was taken
            except OSError as error:
                self._log.warning("accept.failed", error=error.strerror)
                self._loop.remove_reader(self._sock.fileno())
                self._rest = self._loop.call_later(REST_SECONDS, self.open, self._loop)
                return
            self._take(sock, (peer[0], peer[1]))
