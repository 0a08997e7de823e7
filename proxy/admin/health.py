"""Asking the workers without holding up anybody: many who want to know share one question."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest

from proxy.admin.exposition import SnapshotCollector, Workers


class Health:
    """What is known of the workers."""

    def __init__(self, workers: Workers, *own: Mapping[tuple[str, ...], float]) -> None:
        """`own` are what is counted in this process, and what those that it has started have counted."""
        self._workers = workers
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(SnapshotCollector(workers, *own))
        self._thread = ThreadPoolExecutor(1, "worker")
        self._asking: asyncio.Future[bool] | None = None

    async def answered(self) -> bool:
        """Whether every worker gives a snapshot, just now."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.get_running_loop().run_in_executor(self._thread, self._workers.ask)
        return await asyncio.shield(self._asking)

    async def exposition(self) -> bytes:
        """The metrics as text."""
        await self.answered()
        return await asyncio.get_running_loop().run_in_executor(self._thread, generate_latest, self._registry)
