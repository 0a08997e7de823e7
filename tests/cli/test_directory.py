"""trunkward directory: tables are made once, and the history shows what was done."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.store import Office


@pytest.fixture
def office(tmp_path: Path, root: Path) -> Office:
    return Office(tmp_path, root)


def test_init_again_keeps_what_is_there(office: Office) -> None:
    office.ok("directory init")
    office.ok("customer add acme")
    assert office.ok("directory init").stderr == f"{office.place}/directory.db is ready\n"
    assert "acme" in office.ok("customer list").stdout


def test_history(office: Office) -> None:
    office.ok("directory init")
    office.ok("customer add acme")
    office.ok("customer add zeta", who="bob")
    office.ok("customer set acme", "--contact", "李")
    rows = json.loads(office.ok("directory history --customer acme", "--output", "json").stdout)
    assert [(row["who"], row["what"]) for row in rows] == [("ann", "customer add"), ("ann", "customer set")]
    assert (rows[1]["before"], rows[1]["after"]) == ({"contact": ""}, {"contact": "李"})
    table = office.ok("directory history --limit 2").stdout.splitlines()
    assert [line.split()[1] for line in table[1:]] == ["bob", "ann"]
    assert table[2].endswith('{"contact":""}  {"contact":"李"}')
