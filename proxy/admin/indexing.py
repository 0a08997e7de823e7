"""Keeps the index of the call records up to date while the control process runs, in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from time import time

from proxy.observe import log
from proxy.observe.indexing import keep_indexing
from proxy.settings.model import Settings
from proxy.store.index import open_index


@asynccontextmanager
async def indexing(settings: Settings | None, config: Path | None) -> AsyncIterator[None]:
    """Index within this context what the node of a configuration records; nothing without one, or where it is off."""
    if settings is None or config is None or not settings.records.index_url:
        yield
        return
    records, stopping = settings.records, threading.Event()
    thread = threading.Thread(
        target=keep_indexing,
        name="index",
        args=(
            Path(records.directory),
            settings.node.name,
            partial(open_index, records.index_url, config.parent, create=True),
            partial(_oldest, records.retention),
            stopping,
            log.get("control"),
        ),
        daemon=True,
    )
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(5)


def _oldest(retention: float) -> str:
    """The first UTC day that is kept."""
    return f"{datetime.fromtimestamp(time(), UTC) - timedelta(seconds=retention):%Y%m%d}"
