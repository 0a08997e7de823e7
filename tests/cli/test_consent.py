"""trunkward consent: kept with its proof, listed, withdrawn."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tests.cli.store import Office


@pytest.fixture
def office(tmp_path: Path, root: Path) -> Office:
    made = Office(tmp_path, root)
    made.ok("directory init")
    made.ok("customer add acme")
    return made


def test_consents(office: Office) -> None:
    form = office.place / "form.pdf"
    form.write_bytes(b"%PDF form")
    said = office.ok("consent add 13800138000 --customer acme --purpose news", "--proof", str(form)).stderr
    assert said == "the consent of +8613800138000 to calls of acme is kept\n"
    (row,) = json.loads(office.ok("consent list --customer acme", "--output", "json").stdout)
    assert (row["callee"], row["purpose"], row["kept"]) == ("+8613800138000", "news", "form.pdf")
    assert row["sha256"] == hashlib.sha256(b"%PDF form").hexdigest()
    assert office.ok("consent list --callee 13900139000", "--output", "csv").stdout.count("\n") == 1
    office.ok("consent withdraw 13800138000 --customer acme")
    again = office.run("consent withdraw 13800138000 --customer acme")
    assert (again.exit_code, again.stderr) == (1, "+8613800138000 has not consented to calls of acme\n")


@pytest.mark.parametrize(
    ("line", "exit_code", "said"),
    [
        ("consent add 13800138000 --customer none", 1, "there is no customer none"),
        ("consent add 138 --customer acme", 1, "138 is no telephone number"),
        ("consent add 13800138000", 2, "--customer"),
        ("consent add 13800138000 --customer acme --proof /none", 2, "/none"),
    ],
)
def test_wrong_input(line: str, exit_code: int, said: str, office: Office) -> None:
    result = office.run(line)
    assert (result.exit_code, said in result.stderr) == (exit_code, True), result.stderr
