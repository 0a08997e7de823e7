"""What certificates refer to and do not hold: lists of revoked certificates and of numbers, fetched and kept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, pairwise
from math import inf
from typing import Any, Final

from cryptography import x509

from stirshaken import crl, tnauthlist
from stirshaken.certificate import Validated
from stirshaken.crl import RevocationList
from stirshaken.fetch import Fetched
from stirshaken.repository import Bounds, Repository, Statistics
from stirshaken.tnauthlist import TNAuthList

MAX_PLACES: Final = 2  # URLs of one certificate's list that are asked: a second place for the first one's failure
MAX_URLS: Final = 8  # of one chain
HOUR: Final = 3600.0
# A list is used until its nextUpdate, whatever HTTP says of it, and looked for anew every hour that it is in use. Who
# may make us ask is bounded already: these URLs stand in certificates that lead to a trust anchor.
LIST_BOUNDS: Final = Bounds(floor=HOUR, stale=inf, entries=256, failures=256, per_owner=256)
# Numbers change whenever their owner likes (RFC 8226 §10.1), so the repository's own times count.
NUMBER_BOUNDS: Final = Bounds(floor=300.0, stale=HOUR, entries=1024, failures=256, per_owner=256)
_UNBOUNDED: Final = 7 * 24 * HOUR  # of a list without nextUpdate, which proves revocations only

Fetch = Callable[[str], Awaitable[Fetched]]


@dataclass(frozen=True, slots=True)
class Options:
    """
    How revocation is looked into.

    `require_revocation`: a certificate whose list cannot be had is unknown and not passed. `fetch_lists`: lists are
    fetched from where a certificate says they are, not only read from files. `plain_http`: from http too; without it
    http places are as good as none. `patience`: seconds that a first verdict waits for lists that are not required.
    """

    require_revocation: bool = False
    fetch_lists: bool = True
    plain_http: bool = False
    patience: float = 1.5


@dataclass(frozen=True, slots=True)
class Needed:
    """The URLs that a verdict on a chain wants: of revocation lists, and of the leaf's numbers ("" for none)."""

    lists: tuple[str, ...] = ()
    numbers: str = ""


@dataclass(frozen=True, slots=True)
class Referred:
    """
    What was there. `sources` are the URLs that were asked with the value that each gave, None for none; `until` is
    when the first of them must not be used any more, in epoch seconds.
    """

    crls: tuple[RevocationList, ...] = ()
    numbers: TNAuthList | None = None
    until: float = inf
    sources: tuple[tuple[Repository[Any], str, object], ...] = field(default=(), repr=False)

    @property
    def incomplete(self) -> bool:
        """Whether something could not be had."""
        return any(value is None for _, _, value in self.sources)

    def moved(self, now: float) -> bool:
        """Whether there is something else by now. Asked for every call, it keeps what is in use fresh."""
        current = ((repository.lookup(url, now), value) for repository, url, value in self.sources)
        return any((None if entry is None else entry.value) is not value for entry, value in current)


def needed(validated: Validated, files: Sequence[RevocationList], now: float, options: Options) -> Needed | None:
    """
    Say what to fetch for a chain, None for nothing.

    Nothing for one that has failed already, for strangers would choose where we go. A certificate that a list
    from a file speaks for now is not asked about elsewhere.
    """
    if validated.findings:
        return None
    numbers = validated.by_reference_url if validated.authority is None else None
    urls: Iterable[str] = ()
    if options.fetch_lists:
        schemes = ("https://", "http://") if options.plain_http else ("https://",)
        spoken = ((each, crl.revocation(each, issuer, files, now)) for each, issuer in pairwise(validated.path))
        open_ = (each for each, check in spoken if check is None or check.ok is None)
        urls = chain.from_iterable(_places(each, schemes) for each in open_)
    lists = tuple(dict.fromkeys(urls))[:MAX_URLS]
    return Needed(lists, numbers or "") if lists or numbers else None


class References:
    """The lists that certificates refer to. `fetch` is Fetcher.fetch or its like, `clock` gives epoch seconds."""

    def __init__(self, fetch: Fetch, clock: Callable[[], float]) -> None:
        async def fetch_list(url: str) -> Fetched:
            return replace(await fetch(url), headers=())

        self._clock = clock
        self._lists: Repository[tuple[RevocationList, ...]] = Repository(fetch_list, self._load_lists, LIST_BOUNDS)
        self._numbers: Repository[TNAuthList] = Repository(fetch, self._load_numbers, NUMBER_BOUNDS)

    @property
    def statistics(self) -> Statistics:
        """Of fetches and look-ups of revocation lists, for metrics."""
        return self._lists.statistics

    async def obtain(self, wanted: Needed, now: float, patience: float | None) -> Referred:
        """
        Give what is in memory, else fetch it; what has not come after `patience` seconds is not waited for, but goes
        on being fetched.
        """
        asked: list[tuple[Repository[Any], str]] = [(self._lists, url) for url in wanted.lists]
        if wanted.numbers:
            asked.append((self._numbers, wanted.numbers))
        loop = asyncio.get_running_loop()
        tasks = [loop.create_task(repository.get(url, now)) for repository, url in asked]
        try:
            await asyncio.wait(tasks, timeout=patience)
        finally:
            for task in tasks:
                task.cancel()
        entries = [task.result() if task.done() and not task.cancelled() else None for task in tasks]
        values = [None if entry is None else entry.value for entry in entries]
        until = min((entry.stale_until for entry in entries if entry is not None and entry.value), default=inf)
        crls = tuple(each for found in values[: len(wanted.lists)] for each in found or ())
        sources = tuple((*place, value) for place, value in zip(asked, values, strict=True))
        return Referred(crls, values[-1] if wanted.numbers else None, until, sources)

    async def aclose(self) -> None:
        """End all fetches."""
        await self._lists.aclose()
        await self._numbers.aclose()

    def _load_lists(self, body: bytes) -> tuple[tuple[RevocationList, ...], float]:
        """Keep a list until its nextUpdate; an outdated one for a moment, for what it revokes stays revoked."""
        found = crl.load(body)
        now = self._clock()
        until = min(now + _UNBOUNDED if each.next_update is None else each.next_update for each in found)
        return found, max(until, now + LIST_BOUNDS.lasting)

    def _load_numbers(self, body: bytes) -> tuple[TNAuthList, float]:
        return tnauthlist.decode(body), inf


def _places(certificate: x509.Certificate, schemes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(url for url in crl.distribution_points(certificate) if url.startswith(schemes))[:MAX_PLACES]
