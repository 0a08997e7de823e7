"""The program's front door: every command can be reached, a wrong name is answered with the right one."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from proxy import __version__
from proxy.cli import COMMANDS, main


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_can_be_reached(name: str) -> None:
    assert isinstance(main.get_command(click.Context(main), name), click.Command)
    assert CliRunner().invoke(main, [name, "--help"]).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        pytest.param(["--version"], 0, f"trunkward {__version__}\n", id="version"),
        pytest.param(["chek-config"], 2, "Did you mean 'check-config'?", id="typing-error"),
        pytest.param(["numbers"], 2, "Did you mean 'number'?", id="plural"),
        pytest.param(["xyzzy"], 2, "No such command 'xyzzy'.\n", id="nothing-near"),
        pytest.param(["--frobnicate"], 2, "No such option", id="unknown-option"),
        pytest.param([], 2, "Usage:", id="no-command"),
    ],
)
def test_what_is_said(arguments: list[str], status: int, said: str) -> None:
    result = CliRunner().invoke(main, arguments, prog_name="trunkward")
    assert (result.exit_code, said in result.output) == (status, True), result.output


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        pytest.param("zh_CN.UTF-8", "运行", id="chinese"),
        pytest.param("C", "Run", id="english"),
    ],
)
def test_help_speaks_the_language_of_the_locale(locale: str, said: str) -> None:
    result = CliRunner().invoke(main, ["--help"], env={"LC_ALL": locale}, prog_name="trunkward")
    assert result.exit_code == 0
    assert said in result.output
    assert all(name in result.output for name in COMMANDS)
