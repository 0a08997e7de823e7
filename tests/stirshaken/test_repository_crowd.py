"""Many calls at once before the cache: few fetches, bounded, and none of them holds up another."""

from __future__ import annotations

import asyncio
import time

import pytest
import trustme

from stirshaken.fetch import Fetcher, Limits, Reason
from stirshaken.repository import Bounds, Entry, Repository
from stirshaken.x5u import Allowed
from tests.stirshaken.https import HOST, OK, Behaviour, context, hangs, says, serving, trusting
from tests.stirshaken.test_repository import DAY, NOW, URL, Source, load, settle, tell, urls

CA = trustme.CA()


def test_many_calls_are_one_fetch() -> None:
    async def story(repository: Repository[str], source: Source) -> None:
        source.gate = asyncio.Event()
        calls = [asyncio.get_running_loop().create_task(repository.get(URL, NOW)) for _ in range(100)]
        await settle()
        source.gate.set()
        assert {(await call).value for call in calls} == {"chain"}
        assert len(source.asked) == 1
        assert repository.statistics.answers == {"started": 1, "joined": 99}

    tell(story)


def test_who_stops_waiting_stops_nobody_else() -> None:
    async def story(repository: Repository[str], source: Source) -> None:
        source.gate = asyncio.Event()
        first, second = (asyncio.get_running_loop().create_task(repository.get(URL, NOW)) for _ in range(2))
        await settle()
        first.cancel()
        await settle()
        assert first.cancelled()
        source.gate.set()
        assert (await second).value == "chain"

    tell(story)


def test_all_may_stop_waiting_and_the_next_call_knows() -> None:
    async def story(repository: Repository[str], source: Source) -> None:
        source.gate = asyncio.Event()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await repository.get(URL, NOW)
        source.gate.set()
        await settle()
        assert repository.lookup(URL, NOW + 1) is not None

    tell(story)


async def ask_all(repository: Repository[str], every: list[str], owner: str = "", now: float = NOW) -> list[Entry[str]]:
    return await asyncio.gather(*(repository.get(url, now, owner) for url in every))


@pytest.mark.parametrize(
    ("host", "most"), [("h{}.example.org", 6), ("one.example.org", 4)], ids=["in-all", "at-one-host"]
)
def test_parallel_fetches_are_bounded(host: str, most: int) -> None:
    async def story(repository: Repository[str], source: Source) -> None:
        got = await ask_all(repository, urls(20, host))
        assert {entry.value for entry in got} == {"chain"}
        assert (source.most, len(source.asked)) == (most, 20)

    tell(story, bounds=Bounds(parallel=6, parallel_per_host=4))


def test_a_host_that_hangs_leaves_room_for_others() -> None:
    async def story(repository: Repository[str], source: Source) -> None:
        source.gate = asyncio.Event()
        hanging = asyncio.get_running_loop().create_task(ask_all(repository, urls(20, "one.example.org")))
        await settle()
        gate, source.gate = source.gate, None  # for those that come now
        assert (await repository.get(URL, NOW)).value == "chain"
        gate.set()
        assert len(await hanging) == 20

    tell(story, bounds=Bounds(parallel=6, parallel_per_host=4))


def test_waiting_fetches_are_bounded() -> None:
    async def story(repository: Repository[str], source: Source) -> None:
        got = await ask_all(repository, urls(20))
        assert [entry.reason for entry in got].count("busy") == 12
        assert repository.statistics.answers == {"started": 8, "busy": 12}
        assert (await repository.get(urls(20)[19], NOW)).value == "chain"  # being busy is not remembered

    tell(story, bounds=Bounds(waiting=8))


def test_an_owner_is_held_to_its_number_of_urls() -> None:
    async def story(repository: Repository[str], source: Source) -> None:
        every = urls(8)
        got = await ask_all(repository, every, "trunk-a")
        assert [entry.reason for entry in got] == [""] * 5 + ["limited"] * 3
        assert len(source.asked) == 5
        assert {entry.value for entry in await ask_all(repository, every[:5], "trunk-a")} == {
            "chain"
        }  # known ones cost nothing
        assert {entry.reason for entry in await ask_all(repository, every, "trunk-b")} == {
            ""
        }  # another owner has its own
        more = [f"{url}x" for url in every]
        assert {entry.reason for entry in await ask_all(repository, more[:3], "trunk-a", NOW + 30)} == {"limited"}
        assert {entry.reason for entry in await ask_all(repository, more[:3], "trunk-a", NOW + 61)} == {""}
        assert repository.statistics.answers["limited"] == 6

    assert NOW % 60 == 20  # so that 30 s later is the same minute and 61 s later the next
    tell(story, bounds=Bounds(per_owner=5))


def test_a_failing_url_asked_again_counts_once() -> None:
    async def story(repository: Repository[str], source: Source) -> None:
        for again in range(2):
            assert (await repository.get(URL, NOW + 16 * again, "trunk")).reason == "timeout"
        assert len(source.asked) == 2
        assert (await repository.get("https://other.example/", NOW + 17, "trunk")).reason == "limited"

    tell(story, Reason.TIMEOUT, bounds=Bounds(per_owner=1))


def test_joining_a_fetch_counts_for_nobody() -> None:
    async def story(repository: Repository[str], source: Source) -> None:
        source.gate = asyncio.Event()
        first = asyncio.get_running_loop().create_task(repository.get(URL, NOW, "a"))
        await settle()
        second = asyncio.get_running_loop().create_task(repository.get(URL, NOW, "b"))
        await settle()
        source.gate.set()
        assert [(await first).value, (await second).value] == ["chain", "chain"]
        assert (await repository.get("https://other.example/", NOW, "b")).value == "chain"

    tell(story, bounds=Bounds(per_owner=1))


def test_closing_ends_what_is_under_way() -> None:
    async def story(repository: Repository[str], source: Source) -> None:
        source.gate = asyncio.Event()
        waiting = [asyncio.get_running_loop().create_task(repository.get(url, NOW)) for url in urls(20)]
        await settle()
        await repository.aclose()
        assert {(await call).reason for call in waiting} == {"closed"}
        assert source.flying == 0
        assert (await repository.get(URL, NOW)).reason == "closed"
        assert len(asyncio.all_tasks()) == 1

    tell(story)


def real(port: int) -> Fetcher:
    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    allowed = Allowed(frozenset({(HOST, port)}), private=True)
    return Fetcher(resolve=resolve, ssl_context=trusting(CA), allowed=allowed, limits=Limits(connect=0.3, total=0.5))


def test_the_server_sees_one_request_for_many_calls() -> None:
    async def run() -> None:
        async with serving(context(CA), says(OK[:30], OK[30:], pause=0.05)) as seen, real(seen.port) as fetcher:
            url = f"https://{HOST}:{seen.port}/a.pem"
            async with Repository(fetcher.fetch, load) as repository:
                got = await asyncio.gather(*(repository.get(url, NOW) for _ in range(50)))
                assert {entry.value for entry in got} == {"chain"}
                assert (await repository.get(url, NOW + 1)).value == "chain"
                assert seen.connections == 1
                assert got[0].fresh_until == pytest.approx(NOW + DAY, abs=1)

    asyncio.run(run())


def test_while_one_url_hangs_another_is_answered_at_once() -> None:
    async def run() -> None:
        ways: dict[str, Behaviour] = {"/hangs": hangs, "/a.pem": says(OK)}
        async with (
            serving(context(CA), ways) as seen,
            real(seen.port) as fetcher,
            Repository(fetcher.fetch, load) as repository,
        ):
            base = f"https://{HOST}:{seen.port}"
            loop = asyncio.get_running_loop()
            hanging = [loop.create_task(repository.get(f"{base}/hangs", NOW)) for _ in range(20)]
            await asyncio.sleep(0.05)
            began = time.monotonic()
            assert (await repository.get(f"{base}/a.pem", NOW)).value == "chain"
            assert time.monotonic() - began < 0.2
            assert {(await call).reason for call in hanging} == {"timeout"}
            assert seen.connections == 2

    asyncio.run(run())


def test_closing_cuts_real_connections() -> None:
    async def run() -> None:
        async with serving(context(CA), hangs) as seen, real(seen.port) as fetcher:
            async with Repository(fetcher.fetch, load) as repository:
                call = asyncio.get_running_loop().create_task(repository.get(f"https://{HOST}:{seen.port}/", NOW))
                await asyncio.sleep(0.1)
                assert seen.connections == 1
            assert (await call).reason == "closed"
            assert fetcher._pool.connections == []

    asyncio.run(run())
