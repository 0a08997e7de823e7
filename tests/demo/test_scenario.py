"""The demo's table: every kind is named once, in both languages; every verdict of this version is shown."""

from __future__ import annotations

import pytest
import yaml

from proxy.demo.scenario import BLOCKING, CONFIG, HOST, HOSTS, KINDS, MONITORED, PEER, REPLACED, SILENCE, TRUNKS
from proxy.settings.catalogue import text


def test_keys_are_unique() -> None:
    assert len({kind.key for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_each_kind_has_a_text_of_its_own(lang: str) -> None:
    assert len({text(f"demo.kind.{kind.key}", lang) for kind in KINDS}) == len(KINDS)


def test_each_host_is_what_the_directory_says() -> None:
    trunks = yaml.safe_load(TRUNKS)["trunks"]
    assert {source: trunk["mode"] for trunk in trunks for source in trunk["sources"]} == {
        f"{BLOCKING}/32": "block",
        f"{MONITORED}/32": "monitor",
        f"{PEER}/32": "block",
        f"{REPLACED}/32": "block",
    }
    assert {kind.host for kind in KINDS} == set(HOSTS)


def test_the_configuration_is_whole() -> None:
    ports = {"sip": 1, "metrics": 2, "admin": 3, "callee": f"{HOST}:4", "repository": f"{HOST}:5"}
    config = yaml.safe_load(CONFIG.format(home="/a home", host=HOST, **ports))
    assert config["records"]["directory"] == "/a home/records"
    assert config["core"]["next_hops"][0]["uri"] == f"sip:{HOST}:4"


def test_every_way_a_call_can_go_is_shown() -> None:
    ways = {(kind.expected.verdict, kind.expected.enforced, kind.expected.status) for kind in KINDS}
    rejected = {("reject", True, status) for status in (SILENCE, 403, 428, 433, 437, 438)}
    assert ways == {("pass", True, 200), ("replace", True, 200), ("reject", False, 200), *rejected}
    assert {kind.expected.signed for kind in KINDS} == {"", "A", "B"}
