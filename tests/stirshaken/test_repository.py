"""The cache around the fetcher: what it keeps, for how long, and how few fetches it makes of many calls."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from stirshaken.errors import MalformedError
from stirshaken.fetch import Fetched, FetchError, Reason
from stirshaken.repository import BUCKETS, Bounds, Repository, Statistics

NOW = 1_700_000_000.0
NOT_AFTER = NOW + 30 * 86400
DAY = 86400.0
URL = "https://cert.example.org/a.pem"
DESIGNED = Bounds()


def load(body: bytes) -> tuple[str, float]:
    """A "chain" is its text; "bad" is none; "old" is one whose time is over."""
    if body == b"bad":
        raise MalformedError("no certificate")
    if body == b"worse":
        raise ValueError("quotes \x00 what it read")
    if body == b"fault":
        raise TypeError("a fault of ours")
    return body.decode(), NOW if body == b"old" else NOT_AFTER


@dataclass
class Source:
    """A fetch whose answers a test sets; counts, and can be held back."""

    answers: list[bytes | Reason] = field(default_factory=lambda: [b"chain"])
    headers: tuple[tuple[bytes, bytes], ...] = ()
    asked: list[str] = field(default_factory=list)
    flying: int = 0
    most: int = 0
    gate: asyncio.Event | None = None

    async def __call__(self, url: str) -> Fetched:
        self.asked.append(url)
        self.flying += 1
        self.most = max(self.most, self.flying)
        try:
            await (self.gate.wait() if self.gate else asyncio.sleep(0))
        finally:
            self.flying -= 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Reason):
            raise FetchError(answer, "404")
        return Fetched(answer, self.headers, 0.1)


Story = Callable[[Repository[str], Source], Awaitable[None]]


def tell(
    story: Story, *answers: bytes | Reason, bounds: Bounds = DESIGNED, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> None:
    async def run() -> None:
        source = Source(list(answers or (b"chain",)), headers)
        async with Repository(source, load, bounds) as repository:
            await story(repository, source)

    asyncio.run(run())


async def settle() -> None:
    """Let fetches in the background end."""
    for _ in range(10):
        await asyncio.sleep(0)


def test_unknown_then_known() -> None:
    async def story(repository: Repository[str], source: Source) -> None:
        assert repository.lookup(URL, NOW) is None
        got = await repository.get(URL, NOW)
        assert (got.value, got.reason) == ("chain", "")
        assert repository.lookup(URL, NOW + 60) is got
        assert await repository.get(URL, NOW + 60) is got
        assert source.asked == [URL]
        assert len(repository) == 1

    tell(story)


@pytest.mark.parametrize(
    ("headers", "fresh", "stale", "refresh"),
    [
        ((), DAY, DAY + 3600, DAY - 300),
        (((b"Cache-Control", b"max-age=60"),), DAY, DAY + 3600, DAY - 300),
        (((b"Cache-Control", b"max-age=172800"), (b"Age", b"86000")), 86799.9, 86799.9 + 3600, 86499.9),
        (((b"Cache-Control", b"no-store"),), DAY, DAY, DAY - 300),
        (((b"Cache-Control", b"max-age=99999999"),), 30 * DAY, 30 * DAY, 30 * DAY - 300),
    ],
    ids=["nothing-said", "less-than-the-floor", "more-than-the-floor", "no-store", "more-than-not-after"],
)
def test_how_long(headers: tuple[tuple[bytes, bytes], ...], fresh: float, stale: float, refresh: float) -> None:
    async def story(repository: Repository[str], source: Source) -> None:
        got = await repository.get(URL, NOW)
        times = [got.fresh_until - NOW, got.stale_until - NOW, got.refresh_at - NOW]
        assert times == pytest.approx([fresh, stale, refresh], abs=0.1)

    tell(story, headers=headers)


def test_a_short_life_is_renewed_in_its_last_tenth() -> None:
    async def story(repository: Repository[str], source: Source) -> None:
        got = await repository.get(URL, NOW)
        assert got.refresh_at - NOW == pytest.approx(90, abs=0.1)

    tell(story, bounds=Bounds(floor=100))


def test_one_in_use_is_renewed_before_its_time_is_over() -> None:
    async def story(repository: Repository[str], source: Source) -> None:
        await repository.get(URL, NOW)
        for when in (NOW + 1, NOW + DAY - 400):
            repository.lookup(URL, when)
        await settle()
        assert len(source.asked) == 1
        for _ in range(100):
            found = repository.lookup(URL, NOW + DAY - 200)
            assert found is not None
            assert found.value == "chain"
        await settle()
        assert len(source.asked) == 2
        renewed = repository.lookup(URL, NOW + DAY + 1)
        assert renewed is not None
        assert (renewed.value, renewed.fresh_until > NOW + 2 * DAY - 300) == ("renewed", True)
        assert repository.statistics.answers == {"started": 2, "hit": 103}

    tell(story, b"chain", b"renewed")


def test_stale_is_served_while_it_is_fetched_again() -> None:
    async def story(repository: Repository[str], source: Source) -> None:
        await repository.get(URL, NOW)
        source.gate = asyncio.Event()
        stale = repository.lookup(URL, NOW + DAY + 10)
        assert stale is not None
        assert (stale.value, stale.fresh_until < NOW + DAY + 10) == ("chain", True)
        assert (await repository.get(URL, NOW + DAY + 11)).value == "chain"  # at once, though the fetch hangs
        source.gate.set()
        await settle()
        renewed = repository.lookup(URL, NOW + DAY + 12)
        assert renewed is not None
        assert renewed.value == "renewed"
        assert repository.statistics.answers == {"started": 2, "stale": 2, "hit": 1}

    tell(story, b"chain", b"renewed")


def test_past_its_grace_it_is_gone() -> None:
    async def story(repository: Repository[str], source: Source) -> None:
        await repository.get(URL, NOW)
        assert repository.lookup(URL, NOW + DAY + 3601) is None

    tell(story)


def test_never_past_its_own_end() -> None:
    async def story(repository: Repository[str], source: Source) -> None:
        await repository.get(URL, NOW)
        assert repository.lookup(URL, NOT_AFTER - 1) is not None
        assert repository.lookup(URL, NOT_AFTER) is None

    tell(story, headers=((b"Cache-Control", b"max-age=99999999, stale-while-revalidate=99999999"),))


@pytest.mark.parametrize("failed", [Reason.TIMEOUT, Reason.STATUS, b"bad", b"old"])
def test_a_failed_renewal_leaves_what_is_good(failed: bytes | Reason) -> None:
    async def story(repository: Repository[str], source: Source) -> None:
        await repository.get(URL, NOW)
        for later in (1.0, 2.0, 3.0):
            found = repository.lookup(URL, NOW + DAY + later)
            assert found is not None
            assert found.value == "chain"
            await settle()
        assert len(source.asked) == 2  # a pause before the next try
        repository.lookup(URL, NOW + DAY + 100)
        await settle()
        assert len(source.asked) == 3
        gone = await repository.get(URL, NOW + DAY + 3700)
        assert gone.value is None

    tell(story, b"chain", failed)


@pytest.mark.parametrize(
    ("answer", "reason", "detail", "seconds"),
    [
        *[(reason, str(reason), "404", 15.0 if reason in {"dns", "connect", "timeout", "protocol"} else 60.0) for reason in Reason],
        (b"bad", "unusable", "no certificate", 60.0),
        (b"worse", "unusable", "", 60.0),
        (b"old", "expired", "", 60.0),
    ],
)  # fmt: skip
def test_failures_are_remembered_for_a_short_time(
    answer: bytes | Reason, reason: str, detail: str, seconds: float
) -> None:
    async def story(repository: Repository[str], source: Source) -> None:
        got = await repository.get(URL, NOW)
        assert (got.value, got.reason, got.detail) == (None, reason, detail)
        assert repository.lookup(URL, NOW + seconds - 1) is got
        assert await repository.get(URL, NOW + seconds - 1) is got
        assert (len(source.asked), len(repository)) == (1, 0)
        assert repository.lookup(URL, NOW + seconds + 1) is None
        assert (await repository.get(URL, NOW + seconds + 1)).value == "chain"
        assert repository.statistics.fetches == {reason: 1, "loaded": 1}

    tell(story, answer, b"chain")


def test_failures_do_not_outlast_a_clock_that_is_set_back() -> None:
    async def story(repository: Repository[str], source: Source) -> None:
        got = await repository.get(URL, NOW)
        assert repository.lookup(URL, NOW - 4) is got
        assert repository.lookup(URL, NOW - 6) is None
        assert (await repository.get(URL, NOW - DAY)).value == "chain"

    tell(story, Reason.STATUS, b"chain")


def test_a_fault_of_ours_is_raised_and_remembered() -> None:
    async def story(repository: Repository[str], source: Source) -> None:
        with pytest.raises(TypeError):
            await repository.get(URL, NOW)
        assert (await repository.get(URL, NOW + 1)).reason == "internal"
        assert repository.statistics.fetches == {"internal": 1}
        assert len(source.asked) == 1

    tell(story, b"fault")


def urls(count: int, host: str = "h{}.example.org") -> list[str]:
    return [f"https://{host.format(number)}/{number}.pem" for number in range(count)]


def test_the_least_used_goes_first() -> None:
    async def story(repository: Repository[str], source: Source) -> None:
        a, b, c, d = urls(4)
        for url in (a, b, c):
            await repository.get(url, NOW)
        repository.lookup(a, NOW)
        await repository.get(d, NOW)
        assert [url for url in (a, b, c, d) if repository.lookup(url, NOW)] == [a, c, d]
        assert len(repository) == 3

    tell(story, bounds=Bounds(entries=3))


def test_failures_are_bounded_and_drive_out_no_certificate() -> None:
    async def story(repository: Repository[str], source: Source) -> None:
        await repository.get(URL, NOW)
        every = urls(20)
        for url in every:
            await repository.get(url, NOW)
        assert repository.lookup(URL, NOW) is not None
        assert [url for url in every if repository.lookup(url, NOW)] == every[-3:]

    tell(story, b"chain", Reason.REFUSED_URL, bounds=Bounds(entries=1, failures=3))


def test_a_value_that_is_no_good_is_kept_among_the_failures() -> None:
    async def story(repository: Repository[str], source: Source) -> None:
        good = await repository.get(URL, NOW)
        for url in urls(5):
            repository.demote(url, await repository.get(url, NOW), NOW + 60)
        assert repository.lookup(URL, NOW) is good
        for url in urls(5)[2:]:
            kept = repository.lookup(url, NOW + 59)
            assert kept is not None
            assert (kept.value, kept.reason) == ("chain", "")
            assert repository.lookup(url, NOW + 61) is None
        assert repository.lookup(urls(5)[0], NOW) is None
        assert repository.statistics.answers["failure"] == 3

    tell(story, b"chain", bounds=Bounds(entries=2, failures=3))


def test_a_value_that_has_come_since_is_not_touched() -> None:
    async def story(repository: Repository[str], source: Source) -> None:
        old = await repository.get(URL, NOW)
        repository.lookup(URL, NOW + DAY - 1)
        await settle()
        repository.demote(URL, old, NOW + 60)
        new = repository.lookup(URL, NOW + DAY)
        assert new is not None
        assert (new is old, new.value) == (False, "chain")

    tell(story, b"chain")


def test_durations() -> None:
    statistics = Statistics()
    for seconds in (0.01, 0.05, 0.06, 2.5, 99.0):
        statistics.fetched("loaded", seconds)
    assert statistics.buckets == [2, 1, 0, 0, 0, 0, 1, 1]
    assert len(BUCKETS) == 8
    assert statistics.seconds == pytest.approx(101.62)
    assert statistics.fetches == {"loaded": 5}


def test_an_answer_from_memory_costs_little() -> None:
    async def story(repository: Repository[str], source: Source) -> None:
        await repository.get(URL, NOW)
        began = time.perf_counter()
        for _ in range(10_000):
            repository.lookup(URL, NOW)
        assert time.perf_counter() - began < 1.0  # some 10 ms; the bound is for a busy machine

    tell(story)
