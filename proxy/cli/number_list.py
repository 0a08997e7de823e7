"""trunkward number import, export, history, versions, rollback: the numbers of a trunk in a database."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from proxy.call.directory import number_of
from proxy.cli.customer import sha256_of
from proxy.cli.desk import Desk, at_desk
from proxy.cli.table import json_text, visible
from proxy.settings.catalogue import text
from proxy.settings.problems import ProblemList
from proxy.store.changing import Clash
from proxy.store.errors import StoreError
from proxy.store.listing import COLUMNS, HISTORY, NEWEST, day_of, happened, rows_at
from proxy.store.lists import NumberList
from proxy.store.renewal import Outcome, Terms, import_list, roll_back
from proxy.store.spelling import Spelling
from proxy.store.versions import trunk_row, versions_of

PREVIEW = ("change", "line", "first", "last", "valid_from", "valid_to", "purpose", "other")
VERSIONS = ("version", "at", "who", "action", "file", "added", "removed", "changed", "sha256")
_BATCH: Final = 5000
Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def renewing(function: Decorated) -> Decorated:
    """The options of commands that give a trunk other numbers."""
    for option in (
        click.option("--trunk", "trunk_id", required=True, help="Id of the trunk."),
        click.option("--apply", is_flag=True, help="Do it; without, only show what would change."),
        click.option("--force", is_flag=True, help="Even if more numbers go than directory.max_shrink allows."),
        click.option(
            "--limit", type=click.IntRange(0), default=20, show_default=True, help="Rows of each kind to show."
        ),
    ):
        function = option(function)
    return function


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@renewing
@click.option("--add", "keep", is_flag=True, help="Add to the trunk's numbers instead of replacing all of them.")
@click.option(
    "--proof", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="File that proves rows without proof."
)
@click.option("--kept", default="", help="Where that file is kept (default: its name).")
@click.option("--encoding", type=click.Choice(["utf-8", "gb18030"]), default="utf-8", help="Of a CSV file.")
@click.option("--sheet", default="", help="Sheet of a spreadsheet (default: the first).")
@at_desk()
def import_command(
    desk: Desk, file: Path, trunk_id: str, keep: bool, proof: Path | None, kept: str, encoding: str, sheet: str,
    **given: Any,
) -> None:  # fmt: skip
    """Give a trunk the numbers of a CSV file or spreadsheet; shows first, does it with --apply."""
    with desk.store.read() as session:
        plan = trunk_row(session, trunk_id).dial_plan
    spelling = Spelling(plan.get("country") or desk.settings.numbering.country, plan.get("area", ""))
    found = ProblemList()
    with _progress(desk, file) as progress, desk.store.write() as session:
        numbers = NumberList(file, found, spelling, encoding, sheet, progress=progress)
        if proof is not None:
            numbers.kept, numbers.sha256 = kept or proof.name, sha256_of(proof)
        outcome = import_list(session, desk.by(), trunk_id, numbers, _terms(desk, keep, given))
    if numbers.ignored:
        desk.say("number.ignored", columns=", ".join(numbers.ignored))
    _show(desk, outcome, apply=given["apply"])


@click.command("rollback")
@renewing
@click.option("--to", "version", type=int, required=True, help="Version to return to; see number versions.")
@at_desk()
def rollback_command(desk: Desk, trunk_id: str, version: int, **given: Any) -> None:
    """Give a trunk the numbers that it had after an earlier version; shows first, does it with --apply."""
    with desk.store.write() as session:
        outcome = roll_back(session, desk.by(), trunk_id, version, _terms(desk, False, given))
    _show(desk, outcome, apply=given["apply"])


@click.command("versions")
@click.option("--trunk", "trunk_id", required=True, help="Id of the trunk.")
@at_desk()
def versions_command(desk: Desk, trunk_id: str) -> None:
    """List the imports and rollbacks of a trunk: who, when, what came and went."""
    names = [name for name in VERSIONS if name != "version"]
    with desk.store.read() as session:
        rows = [
            {"version": each.id} | {name: getattr(each, name) for name in names}
            for each in versions_of(session, trunk_id)
        ]
    desk.show(VERSIONS, list(rows))


@click.command("export")
@click.option("--trunk", "trunk_id", required=True, help="Id of the trunk.")
@click.option("--version", type=int, default=NEWEST, help="As after this version (default: now).")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="File to write (default: standard output).")
@at_desk()
def export_command(desk: Desk, trunk_id: str, version: int, out: Path | None) -> None:
    """Write the numbers of a trunk as CSV that number import takes again; --output json for programs."""
    with desk.store.read() as session:
        trunk_row(session, trunk_id)
        rows = rows_at(session, trunk_id, version)
        try:
            with out.open("w", encoding="utf-8", newline="") if out else _standard_output() as target:
                if desk.output == "json":
                    target.write(json_text([dict(zip(COLUMNS, row, strict=True)) for row in rows]) + "\n")
                    return
                writer = csv.writer(target, lineterminator="\n")
                writer.writerow(COLUMNS)
                writer.writerows(map(_inert, rows))
        except OSError as error:
            raise StoreError("number.unwritable", file=out, reason=error.strerror) from error


@click.command("history")
@click.argument("number")
@at_desk()
def history_command(desk: Desk, number: str) -> None:
    """Show every allocation that a number ever had: who gave it, who took it, when. Exit 1 when there is none."""
    key = desk.key(number)
    with desk.store.read() as session:
        rows = happened(session, key)
    if rows or desk.output != "table":
        desk.show(HISTORY, list(rows))
    if not rows:
        raise StoreError("number.nobody", number=number_of(key))


def _terms(desk: Desk, keep: bool, given: Mapping[str, Any]) -> Terms:
    return Terms(keep, given["apply"], given["force"], desk.settings.directory.max_shrink, given["limit"])


@contextmanager
def _progress(desk: Desk, file: Path) -> Any:
    """A bar on a terminal's standard error, while a file is read."""
    label = text("number.reading", desk.language, file=visible(file.name))
    hidden = not sys.stderr.isatty()
    with click.progressbar(length=1000, label=label, file=sys.stderr, hidden=hidden) as bar:
        yield lambda share: bar.update(max(0, int(share * 1000) - bar.pos))


@contextmanager
def _standard_output() -> Any:
    buffer = io.StringIO()
    yield _Flushing(buffer)
    click.echo(buffer.getvalue(), nl=False)


class _Flushing:
    """Text for standard output, handed on in pieces, through click so that tests and pipes see the same."""

    def __init__(self, rest: io.StringIO) -> None:
        self._rest = rest

    def write(self, piece: str) -> int:
        """Take a piece; what has come together is printed from time to time."""
        written = self._rest.write(piece)
        if self._rest.tell() > 1 << 16:
            click.echo(self._rest.getvalue(), nl=False)
            self._rest.seek(0)
            self._rest.truncate()
        return written


def _inert(row: tuple[str, ...]) -> list[str]:
    """What a spreadsheet would run as a formula gets an apostrophe, which an import takes off; numbers stay."""
    return [*row[:4], *map(inert, row[4:])]


def inert(cell: str) -> str:
    """A cell of text that no spreadsheet runs."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "'")) else cell


def _show(desk: Desk, outcome: Outcome, *, apply: bool) -> None:
    plan, rows = outcome.plan, _preview(outcome)
    counts = {"added": plan.added, "removed": plan.removed, "changed": plan.changed, "same": plan.same}
    counts |= {"conflicting": len(plan.clashes), "before": plan.before, "after": plan.after}
    if desk.output == "json":
        click.echo(json_text({**counts, "version": outcome.version or None, "rows": rows}))
    elif rows or desk.output == "csv":
        desk.show(PREVIEW, list(rows))
    desk.say("number.plan", **counts)
    if plan.clashes:
        desk.say("number.clashes")
        sys.exit(1)
    if outcome.version:
        desk.say("number.applied", version=outcome.version)
    elif plan.nothing:
        desk.say("number.nothing")
    elif not apply:
        desk.say("number.preview")


def _preview(outcome: Outcome) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = [_clash(each) for each in outcome.plan.clashes]
    for kind, found in outcome.rows.items():
        for line, low, high, begins, ends, purpose, *before in found:
            row = {"change": kind, "line": line or None, "first": number_of(low), "last": number_of(high)}
            row |= {"valid_from": day_of(begins), "valid_to": day_of(ends), "purpose": purpose}
            if before:
                row["other"] = " ".join(part for part in (day_of(before[0]), before[1]) if part)
            rows.append(row)
    return rows


def _clash(each: Clash) -> dict[str, object]:
    other = f"{each.customer} ({each.trunk}): {number_of(each.other_low)}–{number_of(each.other_high)}"
    numbers = {"first": number_of(each.low), "last": number_of(each.high)}
    return {"change": "conflicting", "line": each.line or None, **numbers, "other": other}
