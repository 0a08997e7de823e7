"""trunkward number import, export, history, versions, rollback, as an operator runs them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tests.cli.store import Office

LIST = "序号,号码,生效日期,失效日期,用途\n1,88880000~0099,2026/1/1,2026/12/31,客服\n2,95588,,,\n"
EXPORTED = """\
first,last,valid_from,valid_to,purpose,proof,proof_sha256
+8695588,,,,,archive 7,{sha256}
+862488880000,+862488880099,2026-01-01,2026-12-31,客服,archive 7,{sha256}
"""


@pytest.fixture
def office(tmp_path: Path, root: Path) -> Office:
    made = Office(tmp_path, root)
    made.ok("directory init")
    for name, ip in (("acme", 2), ("zeta", 3)):
        made.customer(name)
        made.ok(f"trunk add {name}-1 --customer {name} --source 127.0.0.{ip}/32 --area 24")
    (made.place / "letter.pdf").write_bytes(b"%PDF letter")
    return made


def imported(office: Office, text: str, *more: str, on: str = "acme-1") -> str:
    path = office.place / "list.csv"
    path.write_text(text, encoding="utf-8")
    proof = ("--proof", str(office.place / "letter.pdf"), "--kept", "archive 7")
    return office.ok(f"number import {path} --trunk {on}", *proof, *more).stderr


def exported(office: Office, *more: str) -> str:
    return office.ok("number export --trunk acme-1", *more).stdout


def test_a_preview_then_the_import_then_the_same_file_again(office: Office) -> None:
    counts = "added 2, removed 0, changed 0, unchanged 0, conflicting 0; numbers before 0, after 101\n"
    ignored = "columns without meaning here, left out: 序号\n"
    assert imported(office, LIST) == f"{ignored}{counts}nothing was changed yet; --apply does it\n"
    assert imported(office, LIST, "--apply") == f"{ignored}{counts}done: version 1\n"
    text = EXPORTED.format(sha256=hashlib.sha256(b"%PDF letter").hexdigest())
    assert exported(office) == text
    assert imported(office, text, "--apply").endswith("nothing to change\n")
    office.ok(f"number export --trunk acme-1 -o {office.place}/out.csv")
    assert (office.place / "out.csv").read_text() == text
    assert json.loads(exported(office, "--output", "json"))[0]["first"] == "+8695588"


def test_the_preview_shows_rows(office: Office) -> None:
    imported(office, LIST, "--apply")
    (office.place / "list.csv").write_text("号码,用途\n95588,x\n95589,\n", encoding="utf-8")
    command = f"number import {office.place}/list.csv --trunk acme-1 --force"
    found = json.loads(office.ok(command, "--output", "json").stdout)
    assert {key: found[key] for key in ("added", "removed", "changed", "same", "conflicting", "version")} == {
        "added": 1, "removed": 1, "changed": 1, "same": 0, "conflicting": 0, "version": None
    }  # fmt: skip
    assert [(row["change"], row["line"], row["first"]) for row in found["rows"]] == [
        ("added", 3, "+8695589"),
        ("removed", None, "+862488880000"),
        ("changed", 2, "+8695588"),
    ]
    assert len(office.ok(command, "--limit", "0").stdout) == 0


def test_numbers_of_others_are_told_and_nothing_is_done(office: Office) -> None:
    imported(office, LIST, "--apply")
    path = office.place / "list.csv"
    path.write_text("号码\n88880050\n400-800-1234\n", encoding="utf-8")
    result = office.run(f"number import {path} --trunk zeta-1 --apply", "--proof", str(path), "--output", "csv")
    assert result.exit_code == 1
    assert result.stderr.endswith("numbers of other customers are in the list; nothing was changed\n")
    assert result.stdout.splitlines()[1] == "conflicting,2,+862488880050,+862488880050,,,,acme (acme-1): +862488880000–+862488880099"  # fmt: skip
    assert office.ok("number versions --trunk zeta-1", "--output", "json").stdout == "[]\n"


def test_faults_are_told_with_row_and_column(office: Office) -> None:
    path = office.place / "list.csv"
    path.write_text("号码\n９５５８８\n12\n", encoding="utf-8")
    result = office.run(f"number import {path} --trunk acme-1 --apply", lang="zh")
    assert (result.exit_code, result.stderr) == (1, (
        f"{path}:2:1: 号码: '９５５８８' 含有全角数字；请写 '95588'\n"
        f"{path}:3:1: 号码: '12' 不是电话号码；请写 +86 或区号：0571-88880000\n"
        "问题：2 个\n"
    ))  # fmt: skip


def test_an_active_customer_needs_proof(office: Office) -> None:
    path = office.place / "list.csv"
    path.write_text(LIST, encoding="utf-8")
    result = office.run(f"number import {path} --trunk acme-1 --apply")
    assert result.exit_code == 1
    assert "numbers without proof: 2; customer acme is active" in result.stderr


def test_versions_rollback_and_history(office: Office) -> None:
    imported(office, LIST, "--apply")
    imported(office, "号码\n95588\n", "--apply", "--force")
    assert "store" not in office.ok("number rollback --trunk acme-1 --to 1").stderr
    assert exported(office).count("\n") == 2
    office.ok("number rollback --trunk acme-1 --to 1 --apply", who="bob")
    assert exported(office).count("\n") == 3
    assert exported(office, "--version", "2").count("\n") == 2
    versions = json.loads(office.ok("number versions --trunk acme-1", "--output", "json").stdout)
    assert [(each["version"], each["who"], each["action"], each["added"], each["removed"], each["file"]) for each in versions] == [
        (1, "ann", "import", 2, 0, "list.csv"), (2, "ann", "import", 0, 1, "list.csv"), (3, "bob", "rollback", 1, 0, "list.csv")
    ]  # fmt: skip
    rows = json.loads(office.ok("number history 024-88880042", "--output", "json").stdout)
    assert [(row["since_version"], row["since_by"], row["until_version"], row["until_by"]) for row in rows] == [
        (1, "ann", 2, "ann"), (3, "bob", None, None)
    ]  # fmt: skip
    nobody = office.run("number history 13800138000")
    assert (nobody.exit_code, nobody.stderr) == (1, "+8613800138000 is allocated to nobody\n")
    assert office.run("number rollback --trunk acme-1 --to 9").stderr == "trunk acme-1 has no version 9\n"


def test_formulas_are_inert_and_come_back(office: Office) -> None:
    imported(office, "号码,用途\n95588,=1+1\n95589,'x\n95590,-\n", "--apply")
    assert [line.split(",")[4] for line in exported(office).splitlines()[1:]] == ["'=1+1", "x", "'-"]
    (office.place / "again.csv").write_text(exported(office), encoding="utf-8")
    assert "nothing to change" in office.ok(f"number import {office.place}/again.csv --trunk acme-1 --apply").stderr


@pytest.mark.parametrize(
    ("line", "exit_code"),
    [
        ("number import none.csv --trunk acme-1", 2),
        ("number export --trunk none", 1),
        ("number export --trunk acme-1 -o /none/x", 1),
        ("number versions --trunk none", 1),
        ("number history x", 1),
        ("number rollback --trunk acme-1", 2),
    ],
)
def test_wrong_usage(line: str, exit_code: int, office: Office) -> None:
    assert office.run(line).exit_code == exit_code


def test_a_look_up_reads_the_database(office: Office) -> None:
    imported(office, LIST, "--apply")
    (row,) = json.loads(office.ok("number lookup 02488880042", "--output", "json").stdout)
    assert (row["trunk"], row["customer"], row["purpose"], row["proof"]) == ("acme-1", "acme", "客服", "archive 7")
