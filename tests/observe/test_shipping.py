"""Shipping on a real server: whatever ends, dies or expires, each record arrives, and once when told apart by number."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import CapturingLogger

from proxy.observe.follow import Place
from proxy.observe.jetstream import Event, Terms, open_stream
from proxy.observe.shipping import Shipper, event_of, read_places, write_places
from tests.observe.chains import DAYS, name_of, records
from tests.wire.nats_server import Kept, NatsServer
from tests.wire.peers import START_SECONDS

NOW = 1_763_884_810.0  # 2025-11-23T08:00:10Z


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    made = NatsServer(tmp_path)
    yield made
    made.kill()


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits that a test need not have."""
    monkeypatch.setattr("proxy.observe.shipping.BACK_OFF", (0.05,))
    monkeypatch.setattr("proxy.observe.shipping.IDLE", 0.02)
    monkeypatch.setattr("proxy.observe.shipping.KEEP", 0.0)
    monkeypatch.setattr("proxy.observe.jetstream.ACK_SECONDS", 1.0)
    monkeypatch.setattr("proxy.observe.jetstream.CONNECT_SECONDS", 1)


class Scene:
    """Records, a place to keep how far they are shipped, and shippers one after another."""

    def __init__(self, directory: Path, server: NatsServer, **terms: Any) -> None:
        self.records = directory / "records"
        self.records.mkdir()
        self.kept = directory / "shipping.json"
        self.logger = CapturingLogger()
        self._log = structlog.make_filtering_bound_logger(10)(self.logger, [], {})
        self._open = partial(open_stream, Terms((server.url,), "TRUNKWARD", "trunkward", **terms))

    def shipper(self) -> Shipper:
        return Shipper(self.records, self.kept, "trunkward", self._open, lambda: NOW, self._log)

    def write(self, day: str, lines: list[bytes]) -> None:
        with (self.records / name_of(day)).open("ab") as file:
            file.write(b"".join(lines))

    def logged(self, event: str) -> list[dict[str, Any]]:
        return [call.kwargs for call in self.logger.calls if call.kwargs.get("event") == event]


@pytest.fixture
def scene(tmp_path: Path, server: NatsServer) -> Scene:
    return Scene(tmp_path, server)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(START_SECONDS):
        while not true():
            await asyncio.sleep(0.01)


def during(shipper: Shipper, what: Callable[[], Awaitable[None]]) -> None:
    """Let it ship while something happens; then stop it."""

    async def main() -> None:
        running = asyncio.get_running_loop().create_task(shipper.run())
        await what()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(main())


def numbers(kept: list[Kept]) -> list[int]:
    """The seqs of the events, each once."""
    return list(dict.fromkeys(json.loads(each.data)["seq"] for each in kept))


def test_an_event_says_where_it_is_from() -> None:
    (line,) = records(1)
    seq, digest = json.loads(line)["seq"], json.loads(line)["hash"]
    assert event_of(line[:-1], "trunkward") == Event("trunkward.gw1.call.end", f"gw1//{seq}/{digest[:16]}", line[:-1])
    made = event_of(line[:-1].replace(b'"gw1"', b'"gw.1 >*"'), "a.b", "w1")
    assert made is not None
    assert (made.subject, made.number[:12], made.chain) == ("a.b.gw_1___.call.end", "gw_1___/w1/1", "w1")


@pytest.mark.parametrize(
    "line", [b"", b"{", b"[]", b"\xff", b'{"seq":1}', b'{"event":"","node":"x","seq":1,"hash":""}', b"[" * 10_000]
)
def test_what_is_no_record_is_no_event(line: bytes) -> None:
    assert event_of(line, "trunkward") is None


def test_the_place_is_kept_whole(tmp_path: Path) -> None:
    file, log = tmp_path / "x.json", structlog.make_filtering_bound_logger(50)(CapturingLogger(), [], {})
    assert read_places(file, log) == {}
    places = {"": Place("calls-20261123.jsonl", 5, 2, "ab"), "w1": Place("calls-20261123-w1.jsonl")}
    write_places(file, places)
    assert read_places(file, log) == places
    for damaged in (b"", b"{", file.read_bytes()[:-5], b'{"v":1}', b"\xff"):
        file.write_bytes(damaged)
        assert read_places(file, log) == {}


def test_all_records_arrive_in_order_and_new_ones_follow(scene: Scene, server: NatsServer) -> None:
    lines = records(1300)
    scene.write(DAYS[0], lines[:600])
    scene.write(DAYS[1], lines[600:1200])
    shipper = scene.shipper()

    async def more() -> None:
        await until(lambda: shipper.published == 1200)
        scene.write(DAYS[1], lines[1200:])
        await until(lambda: shipper.published == 1300)
        assert shipper.values()["shipping_up",] == 1

    during(shipper, more)
    kept = server.kept()
    assert [each.data + b"\n" for each in kept] == lines
    assert {each.subject for each in kept} == {"trunkward.gw1.call.verdict", "trunkward.gw1.call.end"}

    again = scene.shipper()
    during(again, lambda: asyncio.sleep(0.2))
    assert (again.published, server.count()) == (0, 1300), "what was acknowledged is not sent again"


def test_a_server_killed_in_the_middle_loses_nothing(scene: Scene, server: NatsServer) -> None:
    lines = records(6000)
    scene.write(DAYS[0], lines)
    shipper = scene.shipper()

    async def kill() -> None:
        for done in (1000, 3000):
            await until(lambda done=done: shipper.published >= done)  # type: ignore[misc]
            server.kill()
            await until(lambda: not shipper.is_up)
            before = shipper.published
            await asyncio.sleep(0.2)
            values = await asyncio.to_thread(shipper.values)
            assert (values["shipping_up",], values["shipping_lag_records",]) == (0, 6000 - before)
            await asyncio.to_thread(server.start)
        await until(lambda: shipper.published >= 6000)

    during(shipper, kill)
    assert numbers(server.kept()) == list(range(1, 6001))
    assert server.count() == 6000, "the server knows what comes twice by its number"
    assert shipper.errors["stream"] >= 2
    assert 2 <= len(scene.logged("shipping.failed")) <= 6


def test_a_shipper_killed_before_it_wrote_its_place_sends_again_what_is_told_apart(
    scene: Scene, server: NatsServer
) -> None:
    scene.write(DAYS[0], records(50))
    first = scene.shipper()
    during(first, lambda: until(lambda: first.published == 50))
    scene.kept.unlink()
    second = scene.shipper()
    during(second, lambda: until(lambda: second.published == 50))
    assert server.count() == 50


def test_a_server_that_says_nothing_holds_up_only_the_shipping(scene: Scene, server: NatsServer) -> None:
    scene.write(DAYS[0], records(40))
    shipper = scene.shipper()

    async def freeze() -> None:
        await until(lambda: shipper.published == 40)
        server.freeze()
        scene.write(DAYS[0], records(80)[40:])
        await until(lambda: shipper.errors["stream"] > 0)
        assert shipper.published == 40
        server.thaw()
        await until(lambda: shipper.published >= 80)

    during(shipper, freeze)
    assert server.count() == 80


def test_a_full_stream_makes_the_records_wait(tmp_path: Path, server: NatsServer) -> None:
    scene = Scene(tmp_path, server, max_bytes=20_000)
    scene.write(DAYS[0], records(60))
    shipper = scene.shipper()

    async def room() -> None:
        await until(lambda: shipper.errors["stream"] >= 2)
        had = shipper.published
        assert 10 < had < 40
        await asyncio.to_thread(server.ask, lambda context: context.purge_stream("TRUNKWARD"))
        await until(lambda: shipper.published > had)

    during(shipper, room)
    assert "maximum bytes exceeded" in {each["error"] for each in scene.logged("shipping.failed")}


def test_records_that_expired_meanwhile_are_counted_and_told(scene: Scene) -> None:
    lines = records(30)
    scene.write(DAYS[0], lines[:10])
    first = scene.shipper()
    during(first, lambda: until(lambda: first.published == 10))
    scene.write(DAYS[0], lines[10:15])
    (scene.records / name_of(DAYS[0])).unlink()
    scene.write(DAYS[2], lines[20:])
    second = scene.shipper()
    during(second, lambda: until(lambda: second.published == 10))

    assert second.values()["shipping_missed_total",] == 10
    assert [each["records"] for each in scene.logged("shipping.missed")] == [10]


def test_lines_that_are_no_records_are_counted_and_passed_over(scene: Scene, server: NatsServer) -> None:
    lines = records(4)
    long = lines[3].replace(b'"v":1', b'"v":1,"x":"' + b"y" * 1_100_000 + b'"')
    scene.write(DAYS[0], [lines[0], b"junk\n", lines[1], long, lines[2], b"{}\n"])
    shipper = scene.shipper()
    during(shipper, lambda: until(lambda: shipper.errors["record"] == 3))

    assert (shipper.published, numbers(server.kept())) == (3, [1, 2, 3])
    assert shipper.values()["shipping_lag_records",] == 0


def test_a_directory_that_is_gone_is_a_failure_of_the_disk(scene: Scene) -> None:
    scene.records.rmdir()
    shipper = scene.shipper()

    async def back() -> None:
        await until(lambda: shipper.errors["disk"] > 0)
        scene.records.mkdir()
        scene.write(DAYS[0], records(1))
        await until(lambda: shipper.published == 1)

    during(shipper, back)


def test_the_age_of_the_oldest_that_waits(scene: Scene) -> None:
    assert scene.shipper().values()["shipping_lag_seconds",] == 0
    line = records(1)[0].replace(b"2026-11-23T08:00:00.000Z", b"2025-11-23T08:00:00.000Z")
    scene.write(DAYS[0], [line])
    values = scene.shipper().values()
    assert (values["shipping_lag_records",], values["shipping_lag_seconds",]) == (1, 10)


def test_clickhouse_asks_for_nothing_that_no_record_has(root: Path) -> None:
    """The views themselves are proved by hand: tests/wire/clickhouse.py."""
    sql = (root / "config/clickhouse/01-records.sql").read_text(encoding="utf-8")
    asked = set(re.findall(r"JSONExtract\w*\(line, '(\w+)'", sql))
    schema = (root / "proxy/observe/record.schema.json").read_text(encoding="utf-8")
    assert len(asked) > 20
    assert {name for name in asked if f'"{name}"' not in schema} == set()
