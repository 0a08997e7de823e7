"""Certificates kept in memory: a call is judged at once by one that is known, and a crowd of calls fetches it once."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from math import inf
from typing import Final, Generic, Self, TypeVar
from weakref import WeakValueDictionary

from stirshaken.errors import MalformedError
from stirshaken.fetch import Fetched, FetchError, Reason
from stirshaken.freshness import freshness

T = TypeVar("T")

# Reasons of an entry without a value, beside those of stirshaken.fetch.
UNUSABLE: Final = "unusable"  # `load` would not have it
EXPIRED: Final = "expired"  # its not_after has passed
LIMITED: Final = "limited"  # the owner has asked for too many distinct URLs; not kept
BUSY: Final = "busy"  # too many fetches are waiting; not kept
INTERNAL: Final = "internal"  # a fault of this program, raised to who asked
CLOSED: Final = "closed"

# What another try soon may mend; the rest needs hands at the other end.
PASSING: Final = frozenset({Reason.DNS, Reason.CONNECT, Reason.TIMEOUT, Reason.PROTOCOL})
# Seconds of one fetch, upper bounds of a histogram: from a near cache to the fetcher's own limit.
BUCKETS: Final = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 3.0, inf)
MINUTE: Final = 60
ROUNDING: Final = 5.0  # seconds that callers' moments may be apart, who take them at different steps of one call


@dataclass(frozen=True, slots=True)
class Bounds:
    """Times in seconds, and bounds."""

    floor: float = 24 * 3600.0  # ATIS-1000074: kept a day, whatever the repository says
    stale: float = 3600.0  # used on while it is fetched again, where the repository names no time
    ahead: float = 300.0  # one that is in use is fetched again this long before its time is over …
    ahead_share: float = 0.1  # … but not in more than this last share of it
    passing: float = 15.0  # how long a passing failure is remembered, and the pause before a refresh is tried again
    lasting: float = 60.0  # how long another failure is
    entries: int = 4096  # a parsed chain takes some 10 KiB
    failures: int = 4096  # apart, so that failures drive out no certificate
    parallel: int = 16
    parallel_per_host: int = 8  # a repository that hangs leaves room for the others
    waiting: int = 256  # fetches under way or waiting for room
    per_owner: int = 30  # distinct URLs that are not kept yet, per owner and minute


@dataclass(frozen=True, slots=True)
class Entry(Generic[T]):
    """
    What is known of a URL: a value, or None and the reason why there is none (of stirshaken.fetch, or
    UNUSABLE, EXPIRED, LIMITED, BUSY, INTERNAL, CLOSED).

    Past `fresh_until` a value is used until `stale_until`, never past its own not_after.
    """

    value: T | None
    reason: str
    fresh_until: float
    stale_until: float
    refresh_at: float = inf
    detail: str = ""


@dataclass(slots=True)
class Statistics:
    """
    For metrics: `answers` by kind (hit, stale, failure, joined, started, limited, busy); `fetches` by outcome
    ("loaded" or a reason); the durations of fetches as a histogram over BUCKETS, with their sum.
    """

    answers: Counter[str] = field(default_factory=Counter)
    fetches: Counter[str] = field(default_factory=Counter)
    buckets: list[int] = field(default_factory=lambda: [0] * len(BUCKETS))
    seconds: float = 0.0

    def fetched(self, outcome: str, seconds: float) -> None:
        """Count a fetch that has ended."""
        self.fetches[outcome] += 1
        self.buckets[bisect_left(BUCKETS, seconds)] += 1
        self.seconds += seconds


class Repository(Generic[T]):
    """
    The cache around a fetcher.

    `fetch` is Fetcher.fetch or its like: raises FetchError, and ends within its own time. `load` makes of a body what
    is kept (a validated chain with its verdict) and the instant after which that must not be used; it raises
    ValueError for a body that is not to be kept. Instants are epoch seconds, given by who asks.
    """

    def __init__(
        self,
        fetch: Callable[[str], Awaitable[Fetched]],
        load: Callable[[bytes], tuple[T, float]],
        bounds: Bounds = Bounds(),
    ) -> None:
        self.statistics = Statistics()
        self._fetch = fetch
        self._load = load
        self._bounds = bounds
        self._values: OrderedDict[str, Entry[T]] = OrderedDict()
        self._failures: OrderedDict[str, Entry[T]] = OrderedDict()
        # Flights outlive the call that began them, so no TaskGroup fits; this is their strong reference.
        self._flights: dict[str, asyncio.Task[Entry[T]]] = {}
        self._room = asyncio.Semaphore(bounds.parallel)
        self._rooms: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._minute = 0.0
        self._asked: dict[str, set[str]] = {}
        self._closed = False

    def __len__(self) -> int:
        """How many values are kept."""
        return len(self._values)

    def lookup(self, url: str, now: float) -> Entry[T] | None:
        """
        What is in memory; None where a fetch is needed. Never waits; needs a running loop, on which a value that is
        in use and nears or has passed its time is fetched again.
        """
        entry = self._values.get(url)
        if entry is not None and now < entry.stale_until:
            self._values.move_to_end(url)
            self.statistics.answers["hit" if now < entry.fresh_until else "stale"] += 1
            if now >= entry.refresh_at:
                self._start(url, now)
            return entry
        failure = self._failures.get(url)
        # One of the future was met before our clock was set back: it would last until the clock is there again.
        longest = max(self._bounds.passing, self._bounds.lasting)
        if failure is None or not 0 < failure.fresh_until - now <= longest + ROUNDING:
            return None
        self.statistics.answers["failure"] += 1
        return failure

    async def get(self, url: str, now: float, owner: str = "") -> Entry[T]:
        """
        What is in memory, else what a fetch gives; failures are entries too. Who stops waiting stops no fetch.

        `owner` is who made us ask (a trunk). Raises what `load` raises beside ValueError.
        """
        entry = self.lookup(url, now)
        if entry is not None:
            return entry
        flight = self._flights.get(url)
        if flight is not None:
            self.statistics.answers["joined"] += 1
        elif not self._may_ask(owner, url, now):
            return self._denied(LIMITED, now)
        else:
            flight = self._start(url, now)
        return (
            await _landing(flight, now) if flight is not None else self._denied(CLOSED if self._closed else BUSY, now)
        )

    def demote(self, url: str, entry: Entry[T], until: float) -> None:
        """
        Keep a value that has turned out to be no good among the failures: only until then, and it drives out no good
        one. Nothing happens where another value has come in its place.
        """
        if self._values.get(url) is entry:
            del self._values[url]
            _put(self._failures, url, replace(entry, fresh_until=until, stale_until=until), self._bounds.failures)

    async def aclose(self) -> None:
        """End all fetches; who still waits gets an entry that says so."""
        self._closed = True
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        if flights:
            await asyncio.wait(flights)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def _may_ask(self, owner: str, url: str, now: float) -> bool:
        """Hold an owner to its number of distinct URLs a minute; all are forgotten when the next minute begins."""
        minute = now // MINUTE
        if minute != self._minute:
            self._minute = minute
            self._asked.clear()
        asked = self._asked.setdefault(owner, set())
        if url not in asked and len(asked) >= self._bounds.per_owner:
            return False
        asked.add(url)
        return True

    def _denied(self, reason: str, now: float) -> Entry[T]:
        self.statistics.answers[reason] += 1
        return Entry(None, reason, now, now)

    def _start(self, url: str, now: float) -> asyncio.Task[Entry[T]] | None:
        """Begin a fetch, unless it is under way; None where there is no room."""
        flight = self._flights.get(url)
        if flight is None and len(self._flights) < self._bounds.waiting and not self._closed:
            self.statistics.answers["started"] += 1
            flight = asyncio.get_running_loop().create_task(self._fly(url, now), name="stirshaken.fetch")
            self._flights[url] = flight
            flight.add_done_callback(lambda _: self._flights.pop(url, None))
        return flight

    async def _fly(self, url: str, asked_at: float) -> Entry[T]:
        """One fetch, and its end in the cache."""
        loop = asyncio.get_running_loop()
        epoch = asked_at - loop.time()
        async with self._room_at_host(url), self._room:
            began = loop.time()
            try:
                entry = await self._obtain(url, epoch)
            except Exception:
                self._settle(url, self._failure(INTERNAL, epoch + loop.time()), began, epoch)
                raise
            return self._settle(url, entry, began, epoch)

    async def _obtain(self, url: str, epoch: float) -> Entry[T]:
        """Fetch and load; `epoch` plus the loop's time is now."""
        loop = asyncio.get_running_loop()
        try:
            fetched = await self._fetch(url)
        except FetchError as error:
            return self._failure(error.reason, epoch + loop.time(), error.detail)
        return self._loaded(fetched, epoch + loop.time())

    def _loaded(self, fetched: Fetched, now: float) -> Entry[T]:
        try:
            value, not_after = self._load(fetched.body)
        except ValueError as error:
            return self._failure(UNUSABLE, now, error.reason if isinstance(error, MalformedError) else "")
        if not_after <= now:
            return self._failure(EXPIRED, now)
        bounds = self._bounds
        times = freshness(
            fetched.headers, now, floor=bounds.floor, ceiling=not_after, stale=bounds.stale, delay=fetched.seconds
        )
        ahead = min(bounds.ahead, (times.fresh_until - now) * bounds.ahead_share)
        return Entry(value, "", times.fresh_until, times.stale_until, refresh_at=times.fresh_until - ahead)

    def _failure(self, reason: str, now: float, detail: str = "") -> Entry[T]:
        until = now + (self._bounds.passing if reason in PASSING else self._bounds.lasting)
        return Entry(None, reason, until, until, detail=detail)

    def _settle(self, url: str, entry: Entry[T], began: float, epoch: float) -> Entry[T]:
        """Count and keep what a fetch gave; a failure does not drive out a value that can still be used."""
        ended = asyncio.get_running_loop().time()
        self.statistics.fetched(entry.reason or "loaded", ended - began)
        kept = self._values.get(url)
        if not entry.reason:
            self._failures.pop(url, None)
            _put(self._values, url, entry, self._bounds.entries)
        elif kept is not None and epoch + ended < kept.stale_until:
            entry = self._values[url] = replace(kept, refresh_at=entry.fresh_until)
        else:
            self._values.pop(url, None)
            _put(self._failures, url, entry, self._bounds.failures)
        return entry

    def _room_at_host(self, url: str) -> asyncio.Semaphore:
        authority = url.split("/", 3)[:3][-1].lower()
        return self._rooms.setdefault(authority, asyncio.Semaphore(self._bounds.parallel_per_host))


async def _landing(flight: asyncio.Task[Entry[T]], now: float) -> Entry[T]:
    """What a flight brings; who is cancelled here does not take it down."""
    await asyncio.wait([flight])
    return Entry(None, CLOSED, now, now) if flight.cancelled() else flight.result()


def _put(entries: OrderedDict[str, Entry[T]], url: str, entry: Entry[T], bound: int) -> None:
    entries[url] = entry
    entries.move_to_end(url)
    while len(entries) > bound:
        entries.popitem(last=False)
