"""A running node whose directory is in a database: what commands change counts with the next reload, or not at all."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.store import Office
from tests.store.postgres import Server, running
from tests.wire.pbx import SPOOFED, Call, events, until
from tests.wire.peers import CALLER, Sink
from tests.wire.trunkward import Proxy, Setting, rules

NUMBERS = "+862488880000~0099\n"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running() as started:
        yield started


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    if request.param == "sqlite":
        return "sqlite:directory.db"
    started: Server = request.getfixturevalue("server")
    return started.database()


@pytest.fixture
def node(tmp_path: Path, core: Sink) -> Iterator[Proxy]:
    proxy = Proxy(tmp_path, Setting(core.port))
    yield proxy
    proxy.kill()


def office_of(node: Proxy, root: Path, url: str) -> Office:
    """The office that keeps the node's directory, with one active customer, its trunk and its numbers."""
    office = Office(node.directory, root)
    config = node.directory / "trunkward.yaml"
    node.write(node.setting)
    config.write_text(config.read_text(encoding="utf-8").replace("file:directory.yaml", url), encoding="utf-8")
    office.ok("directory init")
    office.customer("acme")
    office.ok(f"trunk add acme-1 --customer acme --source {CALLER}/32 --area 24")
    numbers(office, NUMBERS)
    return office


def numbers(office: Office, text: str) -> None:
    path = office.place / "list.csv"
    path.write_text(f"号码\n{text}", encoding="utf-8")
    office.ok(f"number import {path} --trunk acme-1 --apply --force", "--proof", str(office.place / "licence.pdf"))


def test_what_is_changed_counts_with_the_next_reload(node: Proxy, core: Sink, pbx: Sink, root: Path, url: str) -> None:
    office = office_of(node, root, url)
    assert node.hang_up()["ok"] is True
    assert Call(node, pbx, "spoofed", SPOOFED).status() == 403
    numbers(office, f"{NUMBERS}{SPOOFED}\n")
    assert node.hang_up()["ok"] is True
    Call(node, pbx, "allocated", SPOOFED)
    core.receive(b"INVITE")
    office.ok("customer suspend acme")
    assert node.hang_up()["ok"] is True
    assert Call(node, pbx, "suspended").status() == 403
    assert rules(node.wait_records("call.verdict", 3)[-1]) == {"trunk.suspended"}


def test_what_cannot_be_read_or_shrinks_changes_nothing(
    node: Proxy, core: Sink, pbx: Sink, root: Path, url: str
) -> None:
    office = office_of(node, root, url)
    assert node.hang_up()["ok"] is True
    numbers(office, "+862488880000~0049\n")
    report = node.hang_up()
    assert (report["ok"], [text.partition(": ")[2][:9] for text in report["problems"]]) == (False, ["directory"])
    if url.startswith("sqlite"):
        (node.directory / "directory.db").unlink()
        assert "there is no database" in node.hang_up()["problems"][0]
    Call(node, pbx, "kept", "02488880077")
    core.receive(b"INVITE")


@contextmanager
def away(node: Proxy) -> Iterator[None]:
    """The database is not there for a while."""
    (node.directory / "directory.db").rename(node.directory / "away.db")
    yield
    (node.directory / "away.db").rename(node.directory / "directory.db")


def test_a_node_starts_on_the_last_directory_while_the_database_is_away(
    node: Proxy, core: Sink, pbx: Sink, root: Path
) -> None:
    office = office_of(node, root, "sqlite:directory.db")
    assert node.hang_up()["ok"] is True
    numbers(office, f"{NUMBERS}{SPOOFED}\n")
    assert node.hang_up()["ok"] is True
    numbers(office, "+862488880000~0009\n")
    assert node.hang_up()["ok"] is False  # shrinks too far: nothing to start on either
    node.stop()
    with away(node):
        node.restart()
        assert "directory.away" in events(node)
        assert node.metrics()["trunkward_config_last_reload_successful",] == 0
        Call(node, pbx, "allocated", SPOOFED)
        core.receive(b"INVITE")
        assert Call(node, pbx, "spoofed", "13700137000").status() == 403
    numbers(office, f"{NUMBERS}{SPOOFED}\n13700137000\n")
    assert node.hang_up()["ok"] is True
    assert node.metrics()["trunkward_config_last_reload_successful",] == 1
    Call(node, pbx, "since then", "13700137000")
    core.receive(b"INVITE")


def test_a_node_follows_postgresql_by_itself(node: Proxy, core: Sink, pbx: Sink, root: Path, server: Server) -> None:
    office = office_of(node, root, server.database())
    node.stop()
    node.restart()
    until(lambda: "reload.done" in events(node))
    office.ok("customer suspend acme")
    began = time.monotonic()
    until(lambda: events(node).count("reload.done") == 2)
    assert time.monotonic() - began < 5  # 2 s on a machine of one's own
    assert Call(node, pbx, "suspended").status() == 403
    # a look changes nothing, so that nothing is read again
    office.ok(f"number import {office.place}/list.csv --trunk acme-1")
    server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
    until(lambda: events(node).count("reload.done") == 3)
    assert events(node).count("directory.away") == 1
    office.ok("customer approve acme", who="bob")
    until(lambda: events(node).count("reload.done") == 4)
    Call(node, pbx, "again")
    core.receive(b"INVITE")
    node.stop()
