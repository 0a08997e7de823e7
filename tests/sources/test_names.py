"""Names in the background: when they are asked for, what is kept when nobody answers, and what survives a restart."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from proxy.settings.kinds import Destination
from proxy.sources import names as module
from proxy.sources.names import LEAST, RETIRED, RETRY, Answer, Found, LookupFailed, Names
from tests.stirshaken.scene import NOW

CARRIER, TRUNK = Destination("carrier.example.com", 0), Destination("gw.example.com", 5070)
HOUR = 3600.0


def answer(*ips: str, ttl: float = 60.0) -> Answer:
    return Answer(tuple(Found((ip, 5060), 0, 1) for ip in ips), ttl)


class Lines:
    """The log: (level, event, values)."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []

    def __getattr__(self, level: str) -> Any:
        return lambda event, **values: self.said.append((level, event))


class Bench:
    """Names under a clock of their own, and what a name server says about each."""

    def __init__(self, directory: Path) -> None:
        self.now = NOW
        self.says: dict[Destination, Answer | Exception] = {}
        self.asked: list[tuple[float, Destination]] = []
        self.changes = 0
        self.log = Lines()
        self.file = directory / "names.json"
        self.names = self.again()

    def again(self, *wanted: Destination, keep: float = HOUR) -> Names:
        """A node that starts."""
        self.names = Names(self.file, wall=lambda: self.now, log=self.log, changed=self.changed)  # type: ignore[arg-type]
        self.names.want(wanted, self.find, keep)
        return self.names

    def changed(self) -> None:
        self.changes += 1

    async def find(self, wanted: Destination) -> Answer:
        self.asked.append((self.now - NOW, wanted))
        said = self.says.get(wanted, LookupFailed("gone"))
        if isinstance(said, Exception):
            raise said
        return said

    def settles(self) -> None:
        """Everything that is due now is done."""

        async def script() -> None:
            following = asyncio.get_running_loop().create_task(self.names.follow())
            for _ in range(50):
                await asyncio.sleep(0)
            following.cancel()

        asyncio.run(script())

    def ips(self, wanted: Destination = CARRIER) -> list[str]:
        return [each.address[0] for each in self.names.known[wanted]]

    def gauge(self, name: str, wanted: Destination = CARRIER) -> float:
        return self.names.gauges()[name, str(wanted)]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_name_is_asked_for_again_when_its_answer_has_lived_its_time(bench: Bench) -> None:
    bench.says = {CARRIER: answer("10.0.0.1"), TRUNK: answer("10.0.0.9", ttl=1.0)}
    bench.again(CARRIER, TRUNK)
    assert bench.ips() == []
    bench.settles()
    assert (bench.ips(), bench.ips(TRUNK), bench.changes) == (["10.0.0.1"], ["10.0.0.9"], 1)
    for after, wanted in ((1.0, []), (LEAST, [TRUNK]), (59.0, [TRUNK]), (60.0, [CARRIER])):
        bench.asked.clear()
        bench.now = NOW + after
        bench.settles()
        assert [each for _, each in bench.asked] == wanted
    assert bench.changes == 1  # the same answer is no change
    bench.says[CARRIER] = answer("10.0.0.2")
    bench.now += 60.0
    bench.settles()
    assert (bench.ips(), bench.changes) == (["10.0.0.2"], 2)


def test_the_last_good_answer_holds_while_nobody_answers_and_not_for_ever(bench: Bench) -> None:
    bench.says = {CARRIER: answer("10.0.0.1")}
    bench.again(CARRIER)
    bench.settles()
    bench.says = {CARRIER: LookupFailed("silence")}
    bench.now = NOW + 60.0
    bench.settles()
    assert (bench.ips(), bench.gauge("next_hop_name_stale_seconds")) == (["10.0.0.1"], 0.0)
    assert bench.log.said == [("warning", "next_hop.name_failed")]
    for pause in (RETRY, 2 * RETRY, 4 * RETRY):
        bench.asked.clear()
        bench.now += pause - 1.0
        bench.settles()
        assert bench.asked == []
        bench.now += 1.0
        bench.settles()
        assert len(bench.asked) == 1
    assert bench.gauge("next_hop_name_stale_seconds") == 7 * RETRY

    bench.now = NOW + 60.0 + HOUR
    bench.settles()
    assert bench.ips() == ["10.0.0.1"]
    bench.now += module.MOST_RETRY
    bench.settles()
    assert (bench.ips(), bench.changes, bench.log.said[-1]) == ([], 2, ("error", "next_hop.name_lost"))

    bench.says = {CARRIER: answer("10.0.0.1")}
    bench.now += module.MOST_RETRY
    bench.settles()
    assert (bench.ips(), bench.log.said[-1]) == (["10.0.0.1"], ("info", "next_hop.name_found"))
    assert bench.gauge("next_hop_name_addresses") == 1
    assert bench.names.gauges()["next_hop_lookups_total", "ok"] == 2


def test_a_defect_in_one_lookup_ends_no_other(bench: Bench) -> None:
    bench.says = {CARRIER: RuntimeError("ours"), TRUNK: answer("10.0.0.9")}
    bench.again(CARRIER, TRUNK)
    bench.settles()
    assert (bench.ips(), bench.ips(TRUNK)) == ([], ["10.0.0.9"])
    assert bench.gauge("next_hop_name_stale_seconds") == 0.0  # there is nothing that could be stale


def test_an_address_that_goes_is_remembered_as_long_as_a_call_may_stand(bench: Bench) -> None:
    bench.says = {CARRIER: answer("10.0.0.1", "10.0.0.2")}
    bench.again(CARRIER)
    bench.settles()
    bench.says = {CARRIER: answer("10.0.0.2")}
    bench.now += 60.0
    bench.settles()
    assert bench.names.retired == ((CARRIER, "10.0.0.1"),)
    assert bench.again(CARRIER).retired == ((CARRIER, "10.0.0.1"),)  # over a restart
    bench.says = {CARRIER: answer("10.0.0.3")}
    bench.now += RETIRED
    bench.settles()
    assert bench.names.retired == ((CARRIER, "10.0.0.2"),)


def test_a_node_that_starts_without_dns_knows_what_it_knew(bench: Bench) -> None:
    bench.says = {CARRIER: answer("10.0.0.1")}
    bench.again(CARRIER)
    bench.settles()
    bench.says = {}
    bench.now += HOUR
    bench.again(CARRIER, TRUNK)
    assert (bench.ips(), bench.ips(TRUNK)) == (["10.0.0.1"], [])
    bench.settles()
    assert (bench.ips(), bench.gauge("next_hop_name_stale_seconds")) == (["10.0.0.1"], HOUR - 60.0)
    bench.now += 61.0
    bench.again(CARRIER)
    bench.settles()
    assert bench.ips() == []  # too old by now


@pytest.mark.parametrize("octets", [b"", b"{}", b"[1", b'{"names": [{"host": 1}], "retired": []}', b"\xff"])
def test_a_file_that_cannot_be_read(bench: Bench, octets: bytes) -> None:
    bench.file.write_bytes(octets)
    assert bench.again(CARRIER).known == {CARRIER: ()}


def test_names_that_stay_keep_their_answers_in_a_reload(bench: Bench) -> None:
    bench.says = {CARRIER: answer("10.0.0.1"), TRUNK: answer("10.0.0.9")}
    bench.again(CARRIER)
    bench.settles()
    bench.asked.clear()
    bench.names.want([CARRIER, TRUNK], bench.find, HOUR)
    assert bench.ips() == ["10.0.0.1"]
    bench.settles()
    assert ([each for _, each in bench.asked], bench.ips(TRUNK)) == ([TRUNK], ["10.0.0.9"])
    bench.names.want([TRUNK], None, HOUR)
    assert list(bench.names.known) == [TRUNK]
