"""trunkward dno: the list of numbers that nobody calls from."""

from __future__ import annotations

import csv
import sys
from contextlib import nullcontext
from datetime import date
from pathlib import Path

import click

from proxy.call.directory import number_of
from proxy.cli.desk import Day, Desk, at_desk
from proxy.cli.number_list import inert
from proxy.cli.table import json_text
from proxy.settings.problems import ProblemList
from proxy.store.barring import apply_bars, bar, barred, plan_bars, unbar
from proxy.store.errors import StoreError
from proxy.store.listing import day_of
from proxy.store.lists import NumberList
from proxy.store.spelling import Spelling

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


@command.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--apply", is_flag=True, help="Do it; without, only show what would change.")
@click.option("--add", "keep", is_flag=True, help="Add to the list instead of replacing all of it.")
@click.option("--force", is_flag=True, help="Even if more entries go than directory.max_shrink allows.")
@click.option("--encoding", type=click.Choice(["utf-8", "gb18030"]), default="utf-8", help="Of a CSV file.")
@click.option("--sheet", default="", help="Sheet of a spreadsheet (default: the first).")
@at_desk()
def import_command(
    desk: Desk, file: Path, apply: bool, keep: bool, force: bool, encoding: str, sheet: str
) -> None:  # fmt: skip
    """Make a CSV file or spreadsheet the list; shows first, does it with --apply."""
    numbers = NumberList(file, ProblemList(), Spelling(desk.settings.numbering.country, ""), encoding, sheet)
    with desk.store.write() as session:
        found = plan_bars(session, numbers, keep=keep)
        before = found.same + len(found.removed) + len(found.changed)
        if len(found.removed) > before * desk.settings.directory.max_shrink and apply and not force:
            share = f"{desk.settings.directory.max_shrink:.0%}"
            raise StoreError("dno.shrinks", before=before, removed=len(found.removed), share=share)
        if apply:
            apply_bars(session, desk.by(), found)
    kinds = {"added": found.added, "removed": found.removed, "changed": found.changed}
    desk.show(("change", *LIST), [{"change": kind} | _shown(*row) for kind, rows in kinds.items() for row in rows])
    counts = {kind: len(rows) for kind, rows in kinds.items()}
    desk.say("dno.imported" if apply else "dno.previewed", **counts, same=found.same)


@command.command("export")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="File to write (default: standard output).")
@at_desk()
def export_command(desk: Desk, out: Path | None) -> None:
    """Write the list as CSV that dno import takes again; --output json for programs."""
    with desk.store.read() as session:
        rows = [_shown(row.low, row.high, row.valid_from, row.valid_to, row.reason) for row in barred(session)]
    try:
        with out.open("w", encoding="utf-8", newline="") if out else nullcontext(sys.stdout) as target:
            if desk.output == "json":
                target.write(json_text(rows) + "\n")
                return
            writer = csv.DictWriter(target, LIST, lineterminator="\n")
            writer.writeheader()
            writer.writerows(row | {"reason": inert(str(row["reason"]))} for row in rows)
    except OSError as error:
        raise StoreError("number.unwritable", file=out, reason=error.strerror) from error


@command.command("list")
@click.option("--number", help="Only what holds this number.")
@at_desk()
def list_command(desk: Desk, number: str | None) -> None:
    """Show the list, in order of number."""
    key = desk.key(number) if number else 0
    with desk.store.read() as session:
        rows = [_shown(row.low, row.high, row.valid_from, row.valid_to, row.reason) for row in barred(session, key)]
    desk.show(LIST, list(rows))


def _shown(low: int, high: int, begins: date, ends: date, reason: str) -> dict[str, object]:
    shown: dict[str, object] = {"first": number_of(low), "last": number_of(high), "reason": reason}
    return shown | {"valid_from": day_of(str(begins)), "valid_to": day_of(str(ends))}
