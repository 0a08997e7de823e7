"""From settings to values: networks, policies, what a reload may change, and the node's key."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from multiprocessing.reduction import ForkingPickler
from pathlib import Path

import pytest

from proxy.call.directory import DirectoryBuilder
from proxy.call.model import Call
from proxy.call.trunk import RuleAction
from proxy.checks.base import Verdict
from proxy.core.hops import HopTerms
from proxy.core.state import Wants
from proxy.core.tally import Tally
from proxy.parts import (
    Loaded,
    changes_refused,
    core_trunk,
    hep_of,
    hop_terms,
    judge_of,
    lay_by,
    listeners_of,
    load_all,
    load_next,
    load_to_start,
    network_of,
    node_key,
    snapshot_of,
    take_next,
    write_whole,
)
from proxy.settings.kinds import Destination
from proxy.settings.model import Core
from proxy.settings.problems import ConfigError
from proxy.sources.names import SHARE, Found
from proxy.sources.placing import peer_names, wanted
from proxy.store.database import open_store
from proxy.store.snapshot import kept
from tests.checks.calls import call
from tests.store.rows import allocation, customer, trunk

TODAY = date(2026, 11, 23)


@pytest.fixture
def config(tmp_path: Path, root: Path) -> Path:
    """The shipped configuration, copied."""
    shutil.copytree(root / "config", tmp_path / "config")
    return tmp_path / "config" / "trunkward.yaml"


@pytest.fixture
def loaded(config: Path) -> Loaded:
    """The shipped configuration, read."""
    return load_all(config)


def test_the_shipped_configuration_loads(loaded: Loaded) -> None:
    assert loaded.settings.node.mode == "monitor"
    assert loaded.directory.allocated("acme-1", "+862488880001", TODAY)


def test_problems_of_both_files_come_at_once(config: Path) -> None:
    config.write_text(config.read_text().replace("mode: monitor", "mode: blok"))
    with pytest.raises(ConfigError) as caught:
        load_all(config)
    assert "blok" in caught.value.problems[0].text("en")


def test_network(loaded: Loaded) -> None:
    network = network_of(loaded)

    assert [each.hop.text for each in network.next_hops] == ["127.0.0.1:5080"]
    assert [each.hop.text for each in network.gateways["acme-1"]] == ["127.0.0.2:5060"]
    assert [trunk.id for trunk in network.admission.candidates("127.0.0.1")] == ["core"]
    assert listeners_of(loaded.settings)[0].sent_by == b"127.0.0.1:5060"
    assert core_trunk(loaded.settings).role == "core"


def test_the_keys_of_media_are_read_only_where_identities_are(loaded: Loaded, config: Path) -> None:
    assert network_of(loaded).wants == Wants("", media=False)
    text = config.read_text()
    config.write_text(text + 'shipping: {hep: {address: "192.0.2.1:9060", calls: all}}\nidentity: {verify: "off"}\n')
    assert network_of(load_all(config)).wants == Wants("all", media=True)
    made = hep_of(load_all(config), float, Tally())
    assert made is not None
    made.close()
    assert hep_of(loaded, float, Tally()) is None


def test_several_next_hops_and_gateways(config: Path) -> None:
    text = config.read_text()
    more = '{uri: "sip:127.0.0.1:5080", priority: 1, weight: 10}, {uri: "sip:127.0.0.7", priority: 2, weight: 5}]'
    config.write_text(text.replace('{uri: "sip:127.0.0.1:5080", priority: 1, weight: 10}]', more))
    file = config.parent / "directory.yaml"
    gateways = 'gateway: ["sip:127.0.0.2:5060", "sip:127.0.0.8", "sip:127.0.0.2"]'
    file.write_text(file.read_text().replace('gateway: ["sip:127.0.0.2:5060"]', gateways))
    network = network_of(load_all(config))

    assert [(each.hop.text, each.priority, each.weight) for each in network.next_hops] == [
        ("127.0.0.1:5080", 1, 10),
        ("127.0.0.7:5060", 2, 5),
    ]
    found = [(each.hop.text, each.priority) for each in network.gateways["acme-1"]]
    assert found == [("127.0.0.2:5060", 0), ("127.0.0.8:5060", 1)]
    assert [trunk.id for trunk in network.admission.candidates("127.0.0.7")] == ["core"]


ONE = [{"uri": "sip:10.0.0.1"}]
TWO = [*ONE, {"uri": "sip:10.0.0.2"}]


@pytest.mark.parametrize(
    ("core", "terms"),
    [
        pytest.param({"next_hops": ONE}, HopTerms(3, 2.0, 0.0), id="one-is-not-probed"),
        pytest.param({"next_hops": TWO}, HopTerms(3, 2.0, 5.0), id="several-are"),
        pytest.param({"next_hops": ONE, "probe": {}}, HopTerms(3, 2.0, 5.0), id="one-that-shall-be"),
        pytest.param(
            {"next_hops": TWO, "probe": {"interval": "0s"}}, HopTerms(3, 2.0, 0.0), id="several-that-shall-not"
        ),
        pytest.param(
            {"next_hops": TWO, "failover_after": "1s", "probe": {"interval": "9s", "down_after": 2}},
            HopTerms(2, 1.0, 9.0),
            id="all-said",
        ),
    ],
)
def test_how_next_hops_are_watched(core: dict[str, object], terms: HopTerms) -> None:
    assert hop_terms(Core.model_validate(core)) == terms


def test_a_network_with_names(config: Path) -> None:
    name, other = Destination("carrier.example.com", 0), Destination("gw.example.com", 5070)
    known = {
        name: (Found(("10.0.0.1", 5060), 5, SHARE // 2), Found(("10.0.0.2", 5060), 5, SHARE // 2)),
        other: (Found(("10.0.0.9", 5070), 0, SHARE),),
    }
    config.write_text(config.read_text().replace("sip:127.0.0.1:5080", "sip:carrier.example.com"))
    file = config.parent / "directory.yaml"
    file.write_text(file.read_text().replace("sip:127.0.0.2:5060", "sip:gw.example.com:5070"))
    loaded = load_all(config)
    assert wanted(loaded.settings, loaded.directory)[0] == [name, other]

    network = network_of(loaded, known, [(name, "10.9.9.9"), (other, "10.8.8.8")])
    assert [each.hop.text for each in network.next_hops] == ["10.0.0.1:5060", "10.0.0.2:5060"]
    assert [each.hop.text for each in network.gateways["acme-1"]] == ["10.0.0.9:5070"]
    assert network.terms.probe_interval == 5.0
    trusted = [network.admission.candidates(ip) != () for ip in ("10.0.0.2", "10.9.9.9", "10.8.8.8", "10.0.0.9")]
    assert trusted == [True, True, False, False]  # what a trunk's name stood for is nobody
    assert peer_names(loaded.settings, loaded.directory, known)["10.0.0.2", 5060] == ("carrier.example.com",)

    assert network_of(loaded).next_hops == ()  # before anything is known


def judged(loaded: Loaded, asked: Call) -> Verdict:
    verdict = judge_of(loaded, lambda: TODAY, lambda: 0.0).at_once(asked)
    assert verdict is not None
    return verdict


def test_a_trunks_mode_and_policy_beat_the_nodes(loaded: Loaded) -> None:
    trunk = loaded.directory.trunks["acme-1"]
    spoofed = call(caller="<sip:+8613800138000@h>;tag=a", on=trunk)
    assert judged(loaded, spoofed).mode == "monitor"

    builder = DirectoryBuilder()
    builder.add_trunk(replace(trunk, mode="block", policy={"caller": RuleAction("reject", 603)}))
    stricter = Loaded(loaded.settings, builder.build())
    verdict = judged(stricter, replace(spoofed, trunk=stricter.directory.trunks["acme-1"]))

    assert (verdict.enforced, verdict.answer.status if verdict.answer else 0) == (True, 603)


CHANGES: list[tuple[str, Callable[[str], str], str]] = [
    ("listener", lambda text: text.replace("5060", "5070"), "listen"),
    ("node name", lambda text: text.replace("gw1", "gw2"), "node.name"),
    ("records", lambda text: text.replace("var/log", "var/other"), "records"),
    ("metrics", lambda text: text.replace("9464", "9465"), "metrics"),
    ("ring timeout", lambda text: text.replace("180s", "181s"), "core.ring_timeout"),
]


@pytest.mark.parametrize(
    ("change", "key"), [(change, key) for _, change, key in CHANGES], ids=[name for name, _, _ in CHANGES]
)
def test_what_needs_a_restart(config: Path, loaded: Loaded, change: Callable[[str], str], key: str) -> None:
    config.write_text(change(config.read_text()))
    problems = changes_refused(config, loaded, load_all(config), force=True)

    assert [problem.key for problem in problems] == [key]
    assert "restart" in problems[0].text("en")


def test_what_a_reload_may_change(config: Path, loaded: Loaded) -> None:
    config.write_text(config.read_text().replace("mode: monitor", "mode: block").replace("5080", "5090"))

    assert changes_refused(config, loaded, load_all(config), force=False) == []


def test_a_directory_that_loses_too_much_needs_force(config: Path, loaded: Loaded) -> None:
    directory = config.parent / "directory.yaml"
    text = "\n".join(
        line for line in directory.read_text().splitlines() if "csv:" not in line and "864008001234" not in line
    )
    directory.write_text(text)
    smaller = load_all(config)

    assert [problem.key for problem in changes_refused(config, loaded, smaller, force=False)] == ["directory"]
    assert changes_refused(config, loaded, smaller, force=True) == []


def test_the_key_is_made_once_and_kept_to_ourselves(tmp_path: Path) -> None:
    key = node_key(tmp_path)

    assert (node_key(tmp_path), len(key)) == (key, 32)
    assert (tmp_path / "node.key").stat().st_mode & 0o777 == 0o600


def test_files_are_replaced_whole(tmp_path: Path) -> None:
    write_whole(tmp_path / "f", b"one")
    write_whole(tmp_path / "f", b"two")

    assert [path.name for path in tmp_path.iterdir()] == ["f"]
    assert (tmp_path / "f").read_bytes() == b"two\n"


@pytest.fixture
def on_a_database(config: Path, tmp_path: Path) -> Path:
    """The shipped configuration on a database of one trunk, with its state in a directory of the test."""
    store = open_store("sqlite:d.db", config.parent, create=True)
    store.migrate()
    with store.write() as session:
        customer(session, "zeta")
        allocation(session, trunk(session, "zeta-1", "zeta"), "+8695588")
    text = config.read_text().replace("file:directory.yaml", "sqlite:d.db").replace("var/state", str(tmp_path))
    config.write_text(text)
    return config


def test_a_node_starts_on_what_it_laid_by(on_a_database: Path) -> None:
    database = on_a_database.parent / "d.db"
    loaded, away = load_to_start(on_a_database)
    assert away == ()
    assert loaded.digest
    database.rename(database.with_name("away"))
    again, away = load_to_start(on_a_database)
    assert [problem.message_key for problem in away] == ["store.missing"]
    assert (list(again.directory.trunks), again.directory.allocated("zeta-1", "+8695588", TODAY)) == (["zeta-1"], True)


def test_without_a_snapshot_or_with_another_fault_it_does_not(on_a_database: Path) -> None:
    database = on_a_database.parent / "d.db"
    loaded, _ = load_to_start(on_a_database)
    database.rename(database.with_name("away"))
    file = snapshot_of(loaded.settings)
    whole = file.read_bytes()
    for torn in (None, b"", b"TWDIR1\n of before", whole[:-1], whole[:-1] + bytes([whole[-1] ^ 1])):
        file.unlink(missing_ok=True)
        if torn is not None:
            file.write_bytes(torn)
        with pytest.raises(ConfigError):
            load_to_start(on_a_database)
    file.unlink()
    lay_by(loaded, snapshot_of(loaded.settings))
    on_a_database.write_text(on_a_database.read_text().replace("mode: monitor", "mode: monitr"))
    with pytest.raises(ConfigError):
        load_to_start(on_a_database)


def test_only_a_reload_that_was_taken_is_started_on(on_a_database: Path) -> None:
    loaded = load_next(on_a_database)
    file = snapshot_of(loaded.settings)
    assert not file.exists()
    take_next(loaded.settings)
    assert kept(file)[0].total == 1
    take_next(loaded.settings)
    assert kept(file)[0].total == 1


def test_what_goes_to_another_process_is_small(on_a_database: Path) -> None:
    loaded = load_next(on_a_database)
    octets = bytes(ForkingPickler.dumps(loaded))
    assert b"zeta-1" not in octets
    for _ in range(2):  # before it is taken, and after
        read = ForkingPickler.loads(octets)
        assert (read.settings, read.digest) == (loaded.settings, loaded.digest)
        assert read.directory.allocated("zeta-1", "+8695588", TODAY)
        take_next(loaded.settings)
    snapshot_of(loaded.settings).unlink()
    with pytest.raises(FileNotFoundError):
        ForkingPickler.loads(octets)


def test_a_directory_file_becomes_a_snapshot_too(loaded: Loaded, tmp_path: Path) -> None:
    mapped = lay_by(loaded, tmp_path / "snapshot")
    assert (mapped.directory.entries, mapped.digest) == (loaded.directory.entries, kept(tmp_path / "snapshot")[1])


def test_a_full_disk_stops_nothing(on_a_database: Path) -> None:
    loaded = load_all(on_a_database)
    assert lay_by(loaded, Path("/dev/full/snapshot")) == loaded
    read = ForkingPickler.loads(bytes(ForkingPickler.dumps(loaded)))
    assert read.directory.allocated("zeta-1", "+8695588", TODAY)
