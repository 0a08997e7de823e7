"""The control process as the supervisor keeps it: started, joined with each worker, started again, ended."""

from __future__ import annotations

import contextlib
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from proxy.admin.process import ControlError, spawn
from proxy.net import line
from proxy.net.line import HungUp
from proxy.settings.model import Settings


class Control:
    """One control process at a time; `listen` and `unlisten` are the supervisor's, for what it has to say."""

    def __init__(
        self,
        config: Path,
        log: FilteringBoundLogger,
        listen: Callable[[socket.socket, Callable[[], None]], None],
        unlisten: Callable[[socket.socket], None],
    ) -> None:
        self._config = config
        self._log = log
        self._listen = listen
        self._unlisten = unlisten
        self._running: tuple[subprocess.Popen[bytes], socket.socket] | None = None

    def start(self, settings: Settings, ended: Callable[[], None]) -> bool:
        """Start it; False when it does not come up. `ended` is called when it has gone by itself."""
        try:
            process, ours = spawn(settings.metrics.address, settings.admin.address, self._config)
        except ControlError:
            self._log.error("control.failed", advice="see the line above; is another trunkward running?")
            return False
        ours.setblocking(False)
        self._running = process, ours
        self._listen(ours, lambda: self._hear(ended))
        return True

    def connect(self, index: int, worker: socket.socket) -> None:
        """Join it and a worker, to which `worker` is the line, by a channel of their own."""
        if self._running is not None:
            asks, answers = socket.socketpair()
            with asks, answers:
                line.say(self._running[1], line.WORKER, b"%d" % index, asks.fileno())
                line.say(worker, line.CHANNEL, b"", answers.fileno())

    def reloaded(self) -> None:
        """Let it take the new configuration."""
        if self._running is not None:
            line.say(self._running[1], line.RELOADED)

    def stop(self) -> None:
        """End it."""
        if self._running is not None:
            process, ours = self._running
            self._running = None
            self._unlisten(ours)
            ours.close()  # it ends by that
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)

    def _hear(self, ended: Callable[[], None]) -> None:
        """It says nothing once it is ready: it has gone."""
        assert self._running is not None  # noqa: S101 - it was there to be heard
        process, ours = self._running
        with contextlib.suppress(HungUp):
            line.hear(ours)
            return
        self._running = None
        self._unlisten(ours)
        ours.close()
        process.kill()
        self._log.error("control.ended", status=process.wait())
        ended()
