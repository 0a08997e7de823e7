"""The control process: its addresses, what they show, and the line to the SIP process that it lives by."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import Counter
from pathlib import Path
from time import time
from typing import Final

from proxy.admin.exposition import Worker
from proxy.admin.health import Health
from proxy.admin.indexing import indexing
from proxy.admin.listener import Listener, open_socket
from proxy.admin.pages import admin_pages, metrics_pages
from proxy.admin.services import Services
from proxy.admin.shipping import Shipping
from proxy.admin.stir import Stir
from proxy.observe import log
from proxy.observe.channel import READY
from proxy.settings.problems import ConfigError

Address = tuple[str, int]
# How often a control process that nobody asks looks whether its worker is still there.
WATCH_SECONDS: Final = 1.0


def run(channel: socket.socket, metrics: Address, admin: Address, config: Path | None = None) -> None:
    """Serve until the worker hangs up. Raises OSError when an address is taken, ConfigError."""
    asyncio.run(_serve(channel, metrics, admin, config))


async def _serve(channel: socket.socket, metrics: Address, admin: Address, config: Path | None) -> None:
    counts: Counter[tuple[str, ...]] = Counter()
    services = Services(config, time)
    shipping = Shipping(config, services.shipped)
    health = Health(Worker(channel), counts, shipping.values)
    shown = Listener(metrics_pages(health), open_socket(metrics), None)
    asked = Listener(admin_pages(health, Stir(services, counts)), open_socket(admin), services.tls)
    async with asyncio.TaskGroup() as group, indexing(services.settings, config):
        for listener in (shown, asked):
            group.create_task(listener.serve())
            await listener.listening.wait()
        shipper = group.create_task(shipping.run())
        channel.sendall(READY)
        await _watch(channel, health, services, asked, shipping)
        shipper.cancel()
        for listener in (shown, asked):
            listener.should_exit = True
    await services.aclose()


async def _watch(
    channel: socket.socket, health: Health, services: Services, asked: Listener, shipping: Shipping
) -> None:
    """Ask the worker now and then, and whenever it says something by itself, until it has gone."""
    loop, seen = asyncio.get_running_loop(), 0
    while not health.gone.is_set():
        spoke = asyncio.Event()
        loop.add_reader(channel, spoke.set)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(spoke.wait(), WATCH_SECONDS)
        loop.remove_reader(channel)
        await health.answered()
        if health.reloads != seen:
            seen = health.reloads
            await _reload(services, asked)
            shipping.changed()


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
