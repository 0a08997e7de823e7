"""The certificates of those who sign calls: fetched, judged against the operator's anchors, and kept with the verdict."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Self

from stirshaken.certificate import Anchors, Validated, load_chain, validate
from stirshaken.crl import RevocationList
from stirshaken.fetch import Fetched
from stirshaken.repository import Bounds, Repository, Statistics


@dataclass(frozen=True, slots=True)
class Trust:
    """What an operator trusts: anchors, and the revocation lists that came from files."""

    anchors: Anchors
    crls: tuple[RevocationList, ...] = ()


class Certificates:
    """
    What each x5u leads to. `fetch` is Fetcher.fetch or its like; `clock` gives epoch seconds.

    A verdict is kept as long as its chain; `replace` of what is trusted drops all of them.
    """

    def __init__(
        self,
        fetch: Callable[[str], Awaitable[Fetched]],
        trust: Trust,
        clock: Callable[[], float],
        bounds: Bounds = Bounds(),
    ) -> None:
        self._trust = trust
        self._clock = clock
        self._chains: Repository[Validated] = Repository(fetch, self._load, bounds)

    @property
    def statistics(self) -> Statistics:
        """Of fetches and look-ups, for metrics."""
        return self._chains.statistics

    def lookup(self, url: str, now: float) -> Validated | str | None:
        """What is in memory: a verdict, or why there is none; None where it has to be waited for. Never waits."""
        entry = self._chains.lookup(url, now)
        return None if entry is None else entry.value or str(entry.reason)

    async def get(self, url: str, now: float, owner: str = "") -> Validated | str:
        """A verdict, or why there is none. `owner` is who made us ask (a trunk)."""
        entry = await self._chains.get(url, now, owner)
        return entry.value or str(entry.reason)

    async def aclose(self) -> None:
        """End all fetches."""
        await self._chains.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def _load(self, body: bytes) -> tuple[Validated, float]:
        validated = validate(load_chain(body), self._trust.anchors, self._clock(), self._trust.crls)
        return validated, validated.not_after
