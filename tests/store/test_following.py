"""Following PostgreSQL: every committed change is told, a look is not, and a database that is away is told once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import date
from pathlib import Path

from proxy.store.database import Store, open_store
from proxy.store.following import RETRY_SECONDS, follow
from proxy.store.history import By, note
from tests.store.postgres import Server

BY = By("ann", "2026-11-25T08:00:00Z", date(2026, 11, 25))


async def reaches(count: Callable[[], int], wanted: int) -> None:
    async with asyncio.timeout(20):
        while count() < wanted:
            await asyncio.sleep(0.01)


def change(store: Store, *, commit: bool = True) -> None:
    with store.write() as session:
        note(session, BY, "dno add", "dno 1")
        note(session, BY, "dno add", "dno 2")
        session.flush()
        if not commit:
            session.rollback()


def test_changes_are_told(server: Server) -> None:
    url = server.database("ready")
    store, told, away = open_store(url, Path()), [], []

    async def main() -> None:
        task = asyncio.create_task(follow(url, lambda: told.append(1), away.append))  # noqa: TID251 - kept, cancelled
        await reaches(lambda: len(told), 1)
        await asyncio.to_thread(change, store)
        await reaches(lambda: len(told), 2)
        await asyncio.to_thread(change, store, commit=False)
        await asyncio.to_thread(change, store)
        await reaches(lambda: len(told), 3)
        server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
        await reaches(lambda: len(told), 4)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert (len(told), len(away)) == (4, 1)


def test_a_database_that_is_away_is_told_once_without_its_password() -> None:
    away: list[str] = []

    async def main() -> None:
        url = "postgresql://tw:secret@127.0.0.1:1/tw"
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(RETRY_SECONDS * 3.5):
                await follow(url, lambda: None, away.append)

    asyncio.run(main())
    (said,) = away
    assert "secret" not in said
