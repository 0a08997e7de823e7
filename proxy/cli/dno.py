"""trunkward dno: the list of numbers that nobody calls from."""

from __future__ import annotations

from datetime import date

import click

from proxy.call.directory import number_of
from proxy.cli.desk import Day, Desk, at_desk
from proxy.store.barring import bar, barred, unbar
from proxy.store.listing import day_of

LIST = ("first", "last", "reason", "valid_from", "valid_to")


@click.group("dno")
def command() -> None:
    """Keep the list of numbers that nobody calls from (do not originate)."""


@command.command("add")
@click.argument("first")
@click.argument("last", required=False)
@click.option("--reason", default="", help="Whose they are, and who asked for it.")
@click.option("--from", "begins", type=Day(), help="First day.")
@click.option("--to", "ends", type=Day(), help="Last day.")
@at_desk()
def add_command(desk: Desk, first: str, last: str | None, reason: str, begins: date | None, ends: date | None) -> None:
    """Put a number, or the range from FIRST to LAST, on the list."""
    low, high = desk.keys(first, last)
    with desk.store.write() as session:
        bar(session, desk.by(), low, high, reason, begins, ends)
    desk.say("dno.kept", first=number_of(low), last=number_of(high))


@command.command("remove")
@click.argument("first")
@click.argument("last", required=False)
@at_desk()
def remove_command(desk: Desk, first: str, last: str | None) -> None:
    """Take a number or a range, as it was put there, off the list."""
    low, high = desk.keys(first, last)
    with desk.store.write() as session:
        unbar(session, desk.by(), low, high)
    desk.say("dno.gone", first=number_of(low), last=number_of(high))


@command.command("list")
@click.option("--number", help="Only what holds this number.")
@at_desk()
def list_command(desk: Desk, number: str | None) -> None:
    """Show the list, in order of number."""
    key = desk.key(number) if number else 0
    with desk.store.read() as session:
        rows = [
            {"first": number_of(row.low), "last": number_of(row.high), "reason": row.reason}
            | {"valid_from": day_of(str(row.valid_from)), "valid_to": day_of(str(row.valid_to))}
            for row in barred(session, key)
        ]
    desk.show(LIST, list(rows))
