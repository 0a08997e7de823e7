"""trunkward directory: the database that the directory is kept in."""

from __future__ import annotations

import json
from pathlib import Path

import click

from proxy.checks.policy import NAMES
from proxy.cli.desk import Desk, at_desk
from proxy.sources.directory_file import load_directory
from proxy.store.history import lines
from proxy.store.moving import move

HISTORY = ("at", "who", "what", "subject", "before", "after")


@click.group("directory")
def command() -> None:
    """Make the database of the directory, and see what was changed in it."""


@command.command("init")
@at_desk(creates=True)
def init_command(desk: Desk) -> None:
    """Make the tables that directory.url names, or bring them up to date; what is there stays."""
    desk.store.migrate()
    desk.say("directory.ready", store=desk.store.shown)


@command.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@at_desk()
def import_command(desk: Desk, file: Path) -> None:
    """Take the customers, trunks and numbers of a directory file into an empty database; customers become drafts."""
    numbering = desk.settings.numbering
    emergency = frozenset(numbering.emergency)
    directory = load_directory(file, country=numbering.country, emergency=emergency, rules=NAMES)
    with desk.store.write() as session:
        move(session, desk.by(), directory, file.name, desk.store.shown, NAMES)
    desk.say("directory.moved", **directory.entries)


@command.command("history")
@click.option("--customer", default="", help="Of this customer only.")
@click.option("--trunk", default="", help="Of this trunk only.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="The last so many.")
@at_desk()
def history_command(desk: Desk, customer: str, trunk: str, limit: int) -> None:
    """Show who changed what, when, and how it was before and after."""
    subject = f"trunk {trunk}" if trunk else f"customer {customer}" if customer else ""
    with desk.store.read() as session:
        rows = [{name: getattr(line, name) for name in HISTORY} for line in lines(session, subject, limit)]
    if desk.output != "json":
        rows = [row | {name: _compact(row[name]) for name in ("before", "after")} for row in rows]
    desk.show(HISTORY, list(rows))


def _compact(value: object) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
