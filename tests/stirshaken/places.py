"""Places on the net that answer as a test wants it, and a clock that stands where a test puts it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from stirshaken.fetch import Fetched, FetchError, Reason
from tests.stirshaken.chains import NOW


@dataclass
class Net:
    """A fetch by URL; what is not there has status 404. `held` URLs answer when their event is set."""

    places: dict[str, bytes | Reason] = field(default_factory=dict)
    headers: tuple[tuple[bytes, bytes], ...] = ()
    held: dict[str, asyncio.Event] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def __call__(self, url: str) -> Fetched:
        self.asked.append(url)
        if url in self.held:
            await self.held[url].wait()
        await asyncio.sleep(0)
        answer = self.places.get(url, Reason.STATUS)
        if isinstance(answer, Reason):
            raise FetchError(answer, "404")
        return Fetched(answer, self.headers, 0.01)


@dataclass
class Clock:
    now: float = NOW

    def __call__(self) -> float:
        return self.now


async def settle() -> None:
    """Let what goes on in the background end."""
    for _ in range(30):
        await asyncio.sleep(0)
