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


def test_a_directory_file_is_taken_whole(office: Office, root: Path) -> None:
    office.ok("directory init")
    file = str(root / "config" / "directory.yaml")
    said = office.ok("directory import", file).stderr
    assert said.startswith("taken: trunks 1, customers 1, numbers ")
    assert json.loads(office.ok("customer show acme", "--output", "json").stdout)["state"] == "draft"
    shown = json.loads(office.ok("trunk show acme-1", "--output", "json").stdout)
    assert (shown["state"], shown["pilot_number"], shown["sources"]) == ("suspended", "+862488880000", "127.0.0.2/32")
    again = office.run("directory import", file)
    assert (again.exit_code, "has customers already" in again.stderr) == (1, True)


def test_a_wrong_directory_file_changes_nothing(office: Office) -> None:
    office.ok("directory init")
    (office.place / "d.yaml").write_text("customers: []\ntrunks: [{id: x}]\n")
    assert office.run("directory import", str(office.place / "d.yaml")).exit_code == 1
    assert json.loads(office.ok("directory history", "--output", "json").stdout) == []
