"""A running node whose directory is in a database: what commands change counts with the next reload, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.store import Office
from tests.store.postgres import running
from tests.test_app import SPOOFED, Call
from tests.wire.peers import CALLER, CORE, Sink
from tests.wire.trunkward import Proxy, Setting, rules

NUMBERS = "+862488880000~0099\n"


@pytest.fixture
def core() -> Iterator[Sink]:
    sink = Sink(CORE)
    yield sink
    sink.close()


@pytest.fixture
def pbx() -> Iterator[Sink]:
    sink = Sink(CALLER)
    yield sink
    sink.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "sqlite":
        yield "sqlite:directory.db"
    else:
        with running() as server:
            yield server.database()


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
