"""trunkward number lookup: a number as people write it, and why a trunk may show it."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from proxy.cli.number import command


@pytest.fixture
def config(tmp_path: Path, root: Path) -> Path:
    """The shipped configuration, copied; its hotline has ended."""
    shutil.copytree(root / "config", tmp_path / "config")
    directory = tmp_path / "config" / "directory.yaml"
    directory.write_text(
        directory.read_text().replace('purpose: "hotline"', 'purpose: "hotline", valid_to: 2020-12-31')
    )
    return tmp_path / "config" / "trunkward.yaml"


def lookup(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(command, ["lookup", "-c", str(config), *arguments])


@pytest.mark.parametrize(
    ("arguments", "number"),
    [
        pytest.param(["+862488880001"], "+862488880001", id="e164"),
        pytest.param(["02488880001"], "+862488880001", id="national"),
        pytest.param(["024 8888-0001"], "+862488880001", id="separators"),
        pytest.param(["88880001", "--trunk", "acme-1"], "+862488880001", id="local-by-dial-plan"),
        pytest.param(["988880001", "--trunk", "acme-1"], "+862488880001", id="behind-a-pbx"),
        pytest.param(["95013999"], "+8695013999", id="from-the-csv"),
    ],
)
def test_allocated(arguments: list[str], number: str, config: Path) -> None:
    result = lookup(config, *arguments, "--output", "json")
    (row,) = json.loads(result.stdout)
    assert (result.exit_code, row["number"], row["trunk"], row["customer"], row["in_force"]) == (0, number, "acme-1", "acme", True)  # fmt: skip


def test_an_allocation_that_has_ended_is_shown_as_such(config: Path) -> None:
    result = lookup(config, "4008001234", "--output", "csv")
    (row,) = csv.DictReader(io.StringIO(result.stdout))
    assert (result.exit_code, row["in_force"], row["valid_to"], row["purpose"]) == (0, "false", "2020-12-31", "hotline")


@pytest.mark.parametrize(
    ("lang", "headings"), [("en", ["number", "trunk", "customer"]), ("zh", ["号码", "中继", "客户"])]
)
def test_table(lang: str, headings: list[str], config: Path) -> None:
    first, second = lookup(config, "02488880001", "--lang", lang).stdout.splitlines()
    assert first.split()[:3] == headings
    assert second.split()[:3] == ["+862488880001", "acme-1", "acme"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["13800138000", "--lang", "en"], "+8613800138000 is allocated to nobody", id="nobody"),
        pytest.param(["13800138000", "--lang", "zh"], "+8613800138000 没有分配给任何人", id="nobody-zh"),
        pytest.param(["88880001", "--lang", "en"], "88880001 is no telephone number under this dial plan; numbers without area code need --trunk", id="local-without-trunk"),
        pytest.param(["１３８", "--lang", "zh"], "按此拨号方案，１３８ 不是电话号码；不带区号的号码需要 --trunk", id="full-width-zh"),
        pytest.param(["\x1b[2J", "--lang", "en"], "\\x1b[2J is no telephone number under this dial plan; numbers without area code need --trunk", id="controls"),
        pytest.param(["95588", "--trunk", "no\x1b", "--lang", "en"], "There is no trunk no\\x1b. Trunks: acme-1", id="unknown-trunk"),
    ],
)  # fmt: skip
def test_nothing_to_show(arguments: list[str], said: str, config: Path) -> None:
    result = lookup(config, *arguments)
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", f"{said}\n")


def test_programs_get_an_empty_list(config: Path) -> None:
    result = lookup(config, "13800138000", "--output", "json")
    assert (result.exit_code, json.loads(result.stdout)) == (1, [])


def test_wrong_usage(config: Path) -> None:
    assert lookup(config).exit_code == 2
    assert CliRunner().invoke(command, ["lookup", "95588"]).exit_code == 2
    assert lookup(config.with_name("none.yaml"), "95588").exit_code == 1
