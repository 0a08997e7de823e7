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
