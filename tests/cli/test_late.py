"""Groups whose commands are imported late: they are all there, and only the one that is asked for is imported."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from proxy.cli.late import LateGroup
from proxy.cli.number import command


def test_late_commands_are_listed_and_run() -> None:
    group = LateGroup("g", more={"lookup": "proxy.cli.number:lookup_command"})
    context = click.Context(group)
    assert group.list_commands(context) == ["lookup"]
    found = group.get_command(context, "lookup")
    assert found is not None
    assert found.name == "lookup"
    assert group.get_command(context, "none") is None


@pytest.mark.parametrize("name", ["lookup", "import", "export", "history", "versions", "rollback"])
def test_every_command_has_a_help(name: str) -> None:
    assert CliRunner().invoke(command, [name, "--help"]).exit_code == 0
    assert name in CliRunner().invoke(command, ["--help"]).stdout


def test_a_look_up_imports_no_database() -> None:
    code = "import sys, proxy.cli.number, proxy.cli.trunk; print('sqlalchemy' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout.strip() == "False"
