"""Follows a PostgreSQL directory: every committed change is told to the nodes that listen (LISTEN, NOTIFY)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import psycopg
from psycopg.conninfo import make_conninfo

from proxy.settings.kinds import hide_password
from proxy.store.history import CHANNEL

RETRY_SECONDS: Final = 1.0
# a peer that vanished without a word is found out in half a minute
_TERMS: Final = {"connect_timeout": 5, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 4}


async def follow(url: str, changed: Callable[[], None], away: Callable[[str], None]) -> None:
    """
    Call `changed` after every change, and once for each connection, because something may have happened before it.

    While the database is away `away` is told why, once; it is tried again until the task is cancelled.
    """
    told = False
    while True:
        try:
            address = make_conninfo(url, **_TERMS)
            async with await psycopg.AsyncConnection.connect(address, autocommit=True) as connection:
                await connection.execute(f"LISTEN {CHANNEL}")
                told = False
                changed()
                async for _ in connection.notifies():
                    changed()
        except psycopg.Error as error:
            if not told:
                away(hide_password(str(error).partition("\n")[0]))
            told = True
        await asyncio.sleep(RETRY_SECONDS)
