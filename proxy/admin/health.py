"""Asking the SIP process without holding up anybody: many who want to know share one question."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest

from proxy.admin.exposition import Gone, SnapshotCollector, Worker


class Health:
    """What is known of the SIP process; `gone` is set when it has hung up."""

    def __init__(self, worker: Worker, *own: Mapping[tuple[str, ...], float]) -> None:
        """`own` are what is counted in this process, and what those that it has started have counted."""
        self.gone = asyncio.Event()
        self._worker = worker
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(SnapshotCollector(worker, *own))
        self._thread = ThreadPoolExecutor(1, "worker")
        self._asking: asyncio.Future[bool] | None = None

    @property
    def reloads(self) -> int:
        """How often the SIP process has said that it has a new configuration."""
        return self._worker.reloads

    async def answered(self) -> bool:
        """Whether the SIP process gives a snapshot, just now."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.get_running_loop().run_in_executor(self._thread, self._worker.ask)
        try:
            return await asyncio.shield(self._asking)
        except Gone:
            self.gone.set()
            return False

    async def exposition(self) -> bytes:
        """The metrics as text."""
        await self.answered()
        return await asyncio.get_running_loop().run_in_executor(self._thread, generate_latest, self._registry)
