"""The control process: its addresses, what they show, and the line to the supervisor that it lives by."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import Counter, deque
from pathlib import Path
from time import time
from typing import Final

from proxy.admin.exposition import Worker, Workers
from proxy.admin.health import Health
from proxy.admin.indexing import indexing
from proxy.admin.listener import Listener, open_socket
from proxy.admin.pages import admin_pages, metrics_pages
from proxy.admin.services import Services
from proxy.admin.shipping import Shipping
from proxy.admin.stir import Stir
from proxy.net import line
from proxy.net.line import HungUp, Said
from proxy.observe import log
from proxy.settings.problems import ConfigError

Address = tuple[str, int]
# How often the workers are asked, though nobody wants to know: what one has counted that dies is lost since then.
WATCH_SECONDS: Final = 1.0


def run(supervisor: socket.socket, metrics: Address, admin: Address, config: Path | None = None) -> None:
    """Serve until the supervisor hangs up. Raises OSError when an address is taken, ConfigError."""
    asyncio.run(_serve(supervisor, metrics, admin, config))


async def _serve(supervisor: socket.socket, metrics: Address, admin: Address, config: Path | None) -> None:
    counts: Counter[tuple[str, ...]] = Counter()
    services = Services(config, time)
    shipping = Shipping(config, services.shipped)
    workers = Workers()
    health = Health(workers, counts, shipping.values)
    shown = Listener(metrics_pages(health), open_socket(metrics), None)
    asked = Listener(admin_pages(health, Stir(services, counts)), open_socket(admin), services.tls)
    async with asyncio.TaskGroup() as group, indexing(services.settings, config):
        for listener in (shown, asked):
            group.create_task(listener.serve())
            await listener.listening.wait()
        shipper = group.create_task(shipping.run())
        line.say(supervisor, line.READY)
        await _Watch(supervisor, workers, counts, services, asked, shipping).run(health)
        shipper.cancel()
        for listener in (shown, asked):
            listener.should_exit = True
    await services.aclose()


class _Watch:
    """Listens to the supervisor until it has gone."""

    def __init__(
        self,
        supervisor: socket.socket,
        workers: Workers,
        counts: Counter[tuple[str, ...]],
        services: Services,
        asked: Listener,
        shipping: Shipping,
    ) -> None:
        self._supervisor = supervisor
        self._workers = workers
        self._counts = counts
        self._services = services
        self._asked = asked
        self._shipping = shipping
        self._spoke = asyncio.Event()
        self._said: deque[Said] = deque()
        self._gone = False

    async def run(self, health: Health) -> None:
        """Do what is said; and ask the workers now and then."""
        asyncio.get_running_loop().add_reader(self._supervisor, self._hear)
        while not self._gone:
            self._spoke.clear()
            while self._said:
                await self._obey(self._said.popleft())
            await health.answered()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._spoke.wait(), WATCH_SECONDS)

    def _hear(self) -> None:
        try:
            while (said := line.hear(self._supervisor)) is not None:
                self._said.append(said)
        except HungUp:
            asyncio.get_running_loop().remove_reader(self._supervisor)
            self._gone = True
        self._spoke.set()

    async def _obey(self, said: Said) -> None:
        if said.kind == line.WORKER:
            self._workers.put(int(said.text), Worker(socket.socket(fileno=said.file)))
            self._counts["worker_restarts_total",] = self._workers.restarts
        elif said.kind == line.RELOADED:
            await _reload(self._services, self._asked)
            self._shipping.changed()


async def _reload(services: Services, asked: Listener) -> None:
    tls = services.tls
    try:
        await services.reload()
    except ConfigError as error:
        log.get("control").error("control.reload_refused", problems=[item.text("en") for item in error.problems])
    except Exception as error:  # noqa: BLE001  # whatever a file has done to us, the old services go on
        log.get("control").error("control.reload_refused", problems=[type(error).__name__])
    if services.tls is not tls:
        await asked.change_tls(services.tls)
