"""Keeps the shipping process running, as the configuration at hand wants it, and knows its values."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Final

import msgspec

from proxy.observe import log

GOODBYE_SECONDS: Final = 5.0  # to write down how far it has come
RESTART_SECONDS: Final = (1.0, 2.0, 5.0, 10.0, 30.0)  # between two starts, the more often it ends by itself
STEADY_SECONDS: Final = 60.0  # a process that ran this long is no repeated failure

_values: Final = msgspec.json.Decoder(list[tuple[tuple[str, ...], float]]).decode


class Shipping:
    """`wanted` gives what the process is to work by, None for no process; it is asked again after `changed`."""

    def __init__(self, config: Path | None, wanted: Callable[[], object | None]) -> None:
        self.values: dict[tuple[str, ...], float] = {}
        self._config = config
        self._wanted = wanted
        self._changed = asyncio.Event()

    def changed(self) -> None:
        """The configuration is another one."""
        self._changed.set()

    async def run(self) -> None:
        """Keep it running until cancelled."""
        ended = 0
        while True:
            self._changed.clear()
            wanted = self._wanted()
            if wanted is None or self._config is None:
                await self._changed.wait()
                continue
            began = monotonic()
            if await self._one(self._config, wanted):
                ended = 0
                continue
            ended = 0 if monotonic() - began > STEADY_SECONDS else min(ended + 1, len(RESTART_SECONDS) - 1)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), RESTART_SECONDS[ended])

    async def _one(self, config: Path, wanted: object) -> bool:
        """One life of the process; whether it was we who ended it, because something else is wanted now."""
        command = ["-P", "-m", "proxy.admin.shipper", "--config", str(config)]
        process = await asyncio.create_subprocess_exec(sys.executable, *command, stdin=PIPE, stdout=PIPE)
        try:
            async with asyncio.TaskGroup() as group:
                listening = group.create_task(self._listen(process))
                while not listening.done() and self._wanted() == wanted:
                    self._changed.clear()
                    changing = group.create_task(self._changed.wait())
                    await asyncio.wait((listening, changing), return_when=asyncio.FIRST_COMPLETED)
                    changing.cancel()
                replaced = not listening.done()
                listening.cancel()
        finally:
            self.values.clear()
            status = await _end(process)
        if not replaced:
            log.get("control").error("shipping.ended", status=status)
        return replaced

    async def _listen(self, process: Process) -> None:
        assert process.stdout is not None  # noqa: S101 - it was asked for
        while line := await process.stdout.readline():
            with suppress(msgspec.DecodeError):
                self.values.update(_values(line))


async def _end(process: Process) -> int:
    """Hang up, and wait for the end."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        return await asyncio.wait_for(process.wait(), GOODBYE_SECONDS)
    except TimeoutError:
        process.kill()
        return await process.wait()
