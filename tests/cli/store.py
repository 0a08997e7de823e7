"""A configuration whose directory is an SQLite database, and commands on it as ann, bob or whoever."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from click.testing import CliRunner, Result

from proxy.cli import COMMANDS

FACTS = (
    "--licence", "9121", "--contact", "Li", "--use", "service", "--scenario", "callbacks",
    "--site", "10.1.0.0/16", "--from", "2026-01-01", "--to", "2099-12-31",
)  # fmt: skip


class Office:
    """Runs commands on one configuration; `ok` asserts that they succeed."""

    def __init__(self, place: Path, root: Path, url: str = "sqlite:directory.db") -> None:
        text = (root / "config" / "trunkward.yaml").read_text(encoding="utf-8")
        self.place = place
        self.config = place / "trunkward.yaml"
        self.config.write_text(text.replace("file:directory.yaml", url), encoding="utf-8")

    def run(self, line: str, *more: str, who: str = "ann", lang: str = "en") -> Result:
        words = line.split()
        command = getattr(import_module(COMMANDS[words[0]]), "command")  # noqa: B009 - a name of click's making
        arguments = [*words[1:], *more, "-c", str(self.config), "--lang", lang]
        reads = words[:2] in (["trunk", "list"], ["trunk", "show"], ["number", "lookup"]) or words[0] == "check-config"
        return CliRunner().invoke(command, arguments if reads else [*arguments, "--as", who])

    def ok(self, line: str, *more: str, who: str = "ann") -> Result:
        result = self.run(line, *more, who=who)
        assert result.exit_code == 0, result.output
        return result

    def customer(self, name: str) -> None:
        """An active customer."""
        licence = self.place / "licence.pdf"
        licence.write_bytes(b"%PDF")
        self.ok(f"customer add {name}", *FACTS, "--licence-file", str(licence))
        self.ok(f"customer submit {name}")
        self.ok(f"customer approve {name}", who="bob")
