"""trunkward customer: from a draft to a closed customer, as two people do it."""

from __future__ import annotations

import hashlib
import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.cli.store import FACTS, Office


@pytest.fixture
def office(tmp_path: Path, root: Path) -> Office:
    made = Office(tmp_path, root)
    made.ok("directory init")
    return made


def test_admission(office: Office) -> None:
    said = office.ok("customer add acme", *FACTS).stderr
    assert said == "customer acme is draft\nstill missing: licence_sha256\n"
    assert office.run("customer submit acme").stderr == "customer acme lacks: licence_sha256\n"
    licence = office.place / "licence.pdf"
    licence.write_bytes(b"%PDF")
    said = office.ok("customer set acme", "--licence-file", str(licence)).stderr
    assert said == "customer acme is draft\nnothing is missing: customer submit\n"
    assert office.ok("customer submit acme").stderr == "customer acme is reviewed\n"
    same = office.run("customer approve acme")
    assert (same.exit_code, same.stderr) == (1, "ann asked for this; another person has to approve it\n")
    assert office.ok("customer approve acme", who="bob").stderr == "customer acme is active\n"
    assert office.ok("customer suspend acme", "--reason", "spoofing").stderr == "customer acme is suspended\n"
    assert office.ok("customer close acme").stderr == "customer acme is closed\n"
    assert office.run("customer set acme", "--name", "x").exit_code == 1


def test_show_and_list(office: Office) -> None:
    office.customer("acme")
    office.ok("customer add zeta")
    shown = json.loads(office.ok("customer show acme", "--output", "json").stdout)
    assert shown["licence_sha256"] == hashlib.sha256(b"%PDF").hexdigest()
    assert (shown["state"], shown["sites"], shown["missing"]) == ("active", ["10.1.0.0/16"], [])
    rows = json.loads(office.ok("customer list --state draft", "--output", "json").stdout)
    assert [(row["customer"], row["missing"][:1]) for row in rows] == [("zeta", ["licence"])]
    assert "acme" in office.ok("customer show acme").stdout


def test_expiring(office: Office) -> None:
    assert office.ok("customer expiring").stderr == "nothing ends within 30 days\n"
    office.customer("acme")
    soon = date.today() + timedelta(6)  # noqa: DTZ011
    office.ok("customer set acme", "--to", soon.isoformat())
    rows = json.loads(office.ok("customer expiring", "--output", "json").stdout)
    assert rows == [{"step": 7, "left": 6, "kind": "customer", "subject": "acme", "customer": "acme", "last_day": soon.isoformat(), "count": 1}]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "exit_code", "said"),
    [
        (["add", "ac me"], 1, "name"),
        (["add", "acme", "--site", "10.1.0.1/16"], 1, "10.1.0.0/16"),
        (["add", "acme", "--to", "tomorrow"], 2, "YYYY-MM-DD"),
        (["add", "acme", "--from", "2026-02-01", "--to", "2026-01-01"], 1, "2026-02-01"),
        (["add", "acme", "--licence-file", "/none"], 2, "/none"),
        (["show", "acme"], 1, "there is no customer acme"),
        (["approve", "acme\x1b"], 1, "there is no customer acme\\x1b"),
        (["add"], 2, "ID"),
    ],
)
def test_wrong_input_changes_nothing(arguments: list[str], exit_code: int, said: str, office: Office) -> None:
    result = office.run("customer", *arguments)
    assert result.exit_code == exit_code
    assert said in result.stderr
    assert json.loads(office.ok("customer list", "--output", "json").stdout) == []


def test_policies(office: Office) -> None:
    office.customer("acme")
    office.ok("trunk add acme-1 --customer acme --source 127.0.0.2/32 --policy caller.anonymous=ignore")
    office.ok("customer policy acme caller=reject:603 caller.anonymous=tag")
    assert json.loads(office.ok("customer show acme", "--output", "json").stdout)["policy"] == [
        "caller=reject:603",
        "caller.anonymous=tag",
    ]
    shown = json.loads(office.ok("trunk show acme-1", "--output", "json").stdout)
    assert shown["policy"] == "caller=reject:603 caller.anonymous=ignore"
    for wrong, said in (
        ("callr=tag", "callr"),
        ("caller=tagg", "caller.action"),
        ("caller=tag:603", "status"),
        ("caller", "no pair"),
    ):
        result = office.run(f"customer policy acme {wrong}")
        assert (result.exit_code, said in result.stderr) == (1, True), result.stderr
    office.ok("customer policy acme")
    assert json.loads(office.ok("customer show acme", "--output", "json").stdout)["policy"] == []
