"""trunkward dno: numbers and ranges on the list and off it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.store import Office


@pytest.fixture
def office(tmp_path: Path, root: Path) -> Office:
    made = Office(tmp_path, root)
    made.ok("directory init")
    return made


def test_the_list(office: Office) -> None:
    said = office.ok("dno add 024-84444000 024-84444009", "--reason", "银行热线", "--to", "2099-12-31").stderr
    assert said == "+862484444000 to +862484444009 is on the list; a running proxy takes it with its next reload\n"
    office.ok("dno add 95588 --from 2026-01-01")
    rows = json.loads(office.ok("dno list", "--output", "json").stdout)
    assert rows == [
        {"first": "+8695588", "last": "+8695588", "reason": "", "valid_from": "2026-01-01", "valid_to": ""},
        {
            "first": "+862484444000",
            "last": "+862484444009",
            "reason": "银行热线",
            "valid_from": "",
            "valid_to": "2099-12-31",
        },
    ]
    assert office.ok("dno list --number 02484444005", "--output", "csv").stdout.count("\n") == 2
    office.ok("dno remove 95588")
    assert office.run("dno remove 95588").stderr == "+8695588 to +8695588 is not on the list\n"


@pytest.mark.parametrize(
    ("line", "exit_code", "said"),
    [
        ("dno add x", 1, "x is no telephone number"),
        ("dno add 95588 955880", 1, "different lengths"),
        ("dno add 95589 95588", 1, "before the first (+8695589)"),
        ("dno add 95588 --from 2026-02-01 --to 2026-01-01", 1, "2026-02-01"),
        ("dno add", 2, "FIRST"),
    ],
)
def test_wrong_input(line: str, exit_code: int, said: str, office: Office) -> None:
    result = office.run(line)
    assert (result.exit_code, said in result.stderr) == (exit_code, True), result.stderr


def test_what_was_exported_changes_nothing(office: Office) -> None:
    office.ok("dno add 024-84444000 024-84444009 --reason =bank --to 2099-12-31")
    office.ok("dno add 95588")
    office.ok(f"dno export -o {office.place}/dno.csv")
    assert "'=bank" in (office.place / "dno.csv").read_text(encoding="utf-8")
    said = office.ok(f"dno import {office.place}/dno.csv --apply").stderr
    assert said.startswith("0 added, 0 removed, 0 changed, 2 stay")
    assert json.loads(office.ok("dno export --output json").stdout) == json.loads(office.ok("dno list --output json").stdout)  # fmt: skip


def test_a_list_that_shrinks_needs_force(office: Office) -> None:
    office.ok("dno add 95588")
    (office.place / "new.csv").write_text("号码,原因\n95599,热线\n", encoding="utf-8")
    shown = json.loads(office.ok(f"dno import {office.place}/new.csv --output json").stdout)
    assert [(row["change"], row["first"]) for row in shown] == [("added", "+8695599"), ("removed", "+8695588")]
    refused = office.run(f"dno import {office.place}/new.csv --apply")
    assert (refused.exit_code, "1 of 1 entries would go" in refused.stderr) == (1, True)
    office.ok(f"dno import {office.place}/new.csv --apply --force")
    assert [row["first"] for row in json.loads(office.ok("dno list --output json").stdout)] == ["+8695599"]
    assert office.run("dno export -o /none/dno.csv").exit_code == 1
