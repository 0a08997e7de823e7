"""What systemd wants to hear of a service (sd_notify(3), Type=notify): one datagram each."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextlib import suppress
from time import CLOCK_MONOTONIC, clock_gettime_ns


class Notify:
    """Says how the service is; without systemd to nobody."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        path = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + path[1:] if path.startswith("@") else path
        usec = environment.get("WATCHDOG_USEC", "")
        self._every = int(usec) / 2e6 if usec.isdigit() else 0.0
        self._due = 0.0

    def ready(self, pid: int) -> None:
        """All workers listen; `pid` is the process to look at from now on."""
        self._say(f"READY=1\nMAINPID={pid}")

    def reloading(self) -> None:
        """A reload has begun; `ready` ends it."""
        self._say(f"RELOADING=1\nMONOTONIC_USEC={clock_gettime_ns(CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        """The end has begun."""
        self._say("STOPPING=1")

    def alive(self, now: float) -> None:
        """Feed the watchdog, twice as often as it wants to be."""
        if self._every and now >= self._due:
            self._due = now + self._every
            self._say("WATCHDOG=1")

    def _say(self, text: str) -> None:
        if self._address:
            with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
                sock.setblocking(False)
                sock.sendto(text.encode(), self._address)
