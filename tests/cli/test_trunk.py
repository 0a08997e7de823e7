"""trunkward trunk: the trunks of the directory, for people and for programs."""

from __future__ import annotations

import csv
import io
import json
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from proxy.call.trunk import Customer, Trunk
from proxy.cli.trunk import SHOWN, command, state_of

TODAY = date(2026, 11, 23)
LINE = Trunk("t", Customer("c"))


@pytest.fixture
def config(tmp_path: Path, root: Path) -> Path:
    """The shipped configuration, copied; its trunk has a policy and a prefix of its own."""
    shutil.copytree(root / "config", tmp_path / "config")
    directory = tmp_path / "config" / "directory.yaml"
    directory.write_text(
        directory.read_text()
        .replace('strip: ["9"]}', 'strip: ["9"], prefixes: {"17909": ""}}')
        .replace("    role: access", "    role: access\n    policy: {caller: {action: reject, status: 603}, caller.conflict: {action: tag}}")
    )  # fmt: skip
    return tmp_path / "config" / "trunkward.yaml"


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(command, [*arguments, "-c", str(config)])


@pytest.mark.parametrize(
    ("trunk", "state"),
    [
        pytest.param(LINE, "active", id="active"),
        pytest.param(replace(LINE, suspended=True), "suspended", id="suspended"),
        pytest.param(replace(LINE, customer=Customer("c", suspended=True)), "suspended", id="customer-suspended"),
        pytest.param(replace(LINE, valid_to=date(2026, 11, 22)), "expired", id="ended-yesterday"),
        pytest.param(replace(LINE, valid_to=TODAY, valid_from=TODAY), "active", id="only-today"),
        pytest.param(replace(LINE, valid_from=date(2026, 11, 24)), "future", id="begins-tomorrow"),
    ],
)
def test_state(trunk: Trunk, state: str) -> None:
    assert state_of(trunk, TODAY) == state


@pytest.mark.parametrize(("lang", "heading"), [("en", "trunk"), ("zh", "中继")])
def test_list(lang: str, heading: str, config: Path) -> None:
    first, second = run(config, "list", "--lang", lang).stdout.splitlines()
    assert first.split()[0] == heading
    assert second.split() == ["acme-1", "acme", "Acme", "呼叫中心", "access", "strict", "monitor", "active", "127.0.0.2/32", "sip:127.0.0.2:5060"]  # fmt: skip


def test_list_for_programs(config: Path) -> None:
    (as_json,) = json.loads(run(config, "list", "--output", "json").stdout)
    (as_csv,) = csv.DictReader(io.StringIO(run(config, "list", "--output", "csv").stdout))
    assert as_json == as_csv
    assert (as_json["trunk"], as_json["mode"]) == ("acme-1", "monitor")


def test_show(config: Path) -> None:
    facts, numbers = run(config, "show", "acme-1", "--lang", "en").stdout.split("\n\n")
    assert "dial plan     country 86, area 24, strip 9, 17909→\n" in facts
    assert "policy        caller=reject:603 caller.conflict=tag\n" in facts
    assert facts.endswith("numbers       1602")
    assert "+862488880000  +862488880099                          customer service  contract 2024-017" in numbers
    assert "引示号    +862488880000" in run(config, "show", "acme-1", "--lang", "zh").stdout


def test_show_for_programs_has_every_range(config: Path) -> None:
    rows = [f"+8624777{number:05},,,,," for number in range(0, 2 * SHOWN * 2, 2)]
    with (config.parent / "acme-numbers.csv").open("a") as file:
        file.writelines(f"{row}\n" for row in rows)
    shown = run(config, "show", "acme-1", "--lang", "en").stdout
    whole = json.loads(run(config, "show", "acme-1", "--output", "json").stdout)
    (row,) = csv.DictReader(io.StringIO(run(config, "show", "acme-1", "--output", "csv").stdout))

    assert shown.partition("\n\n")[2].count("\n") == 1 + SHOWN + 1
    assert shown.endswith(f"… and more; the first {SHOWN} are shown, --output json gives all\n")
    assert len(whole["allocations"]) == 5 + len(rows)
    assert (whole["numbers"], row["numbers"]) == (1602 + len(rows), str(1602 + len(rows)))


@pytest.mark.parametrize(
    ("lang", "said"),
    [("en", "There is no trunk no\\x1b. Trunks: acme-1\n"), ("zh", "没有中继 no\\x1b。现有中继：acme-1\n")],
)
def test_unknown_trunk(lang: str, said: str, config: Path) -> None:
    result = run(config, "show", "no\x1b", "--lang", lang)
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", said)


@pytest.mark.parametrize("arguments", [["list"], ["show", "acme-1"]], ids=["list", "show"])
def test_a_wrong_configuration_is_reported_in_full(arguments: list[str], config: Path) -> None:
    (config.parent / "directory.yaml").write_text("trunks: []\ncustomer: x\n")
    result = run(config, *arguments, "--lang", "en")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines()[-1].startswith("problems: ")
    assert run(config.with_name("none.yaml"), *arguments).exit_code == 1


def test_wrong_usage(config: Path) -> None:
    assert run(config, "show").exit_code == 2
    assert CliRunner().invoke(command, ["list"]).exit_code == 2
