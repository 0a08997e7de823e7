"""trunkward directory: the database that the directory is kept in."""

from __future__ import annotations

import json

import click

from proxy.cli.desk import Desk, at_desk
from proxy.store.history import lines

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
