"""What commands on a database share: how they fail, and who acts."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from proxy.cli.desk import Day, action_of, pairs
from proxy.store.errors import StoreError
from tests.cli.store import Office


@pytest.fixture
def office(tmp_path: Path, root: Path) -> Office:
    return Office(tmp_path, root)


def test_without_a_database_nothing_is_made(office: Office) -> None:
    result = office.run("customer add acme")
    assert (result.exit_code, result.stderr) == (1, f"{office.place}/directory.db: there is no database; make one: trunkward directory init\n")  # fmt: skip
    assert not (office.place / "directory.db").exists()


def test_a_directory_file_is_no_database(tmp_path: Path, root: Path) -> None:
    office = Office(tmp_path, root, "file:directory.yaml")
    result = office.run("customer list", lang="zh")
    assert (result.exit_code, result.stderr) == (1, f"{office.config} 的号码目录是文件；请编辑文件并重新加载，或在 directory.url 中指定数据库\n")  # fmt: skip


def test_faults_of_the_configuration_are_told_first(office: Office) -> None:
    office.config.write_text(office.config.read_text().replace("monitor", "monitr"))
    result = office.run("customer list")
    assert result.exit_code == 1
    assert "node.mode" in result.stderr


def test_somebody_acts(office: Office) -> None:
    office.ok("directory init")
    assert office.run("customer add acme", who=" ").stderr == "say who you are: --as NAME\n"
    assert office.ok("customer list", "--output", "csv", who=" ").stdout.count("\n") == 1


@pytest.mark.parametrize(
    ("written", "exit_code"), [("2026-01-31", 0), ("2026-1-31", 2), ("２０２６-01-31", 2), ("x", 2)]
)
def test_days(written: str, exit_code: int) -> None:
    @click.command()
    @click.argument("day", type=Day())
    def echo(day: object) -> None:
        click.echo(day)

    assert CliRunner().invoke(echo, [written]).exit_code == exit_code


def test_pairs_and_actions() -> None:
    assert pairs(("a=b", "c=", "d=e=f"), "x=y") == {"a": "b", "c": "", "d": "e=f"}
    with pytest.raises(StoreError, match=r"trunk\.pair"):
        pairs(("a",), "x=y")
    assert [action_of(said) for said in ("tag", "reject:603", "reject:６03")] == [
        {"action": "tag"},
        {"action": "reject", "status": 603},
        {"action": "reject", "status": "６03"},
    ]
