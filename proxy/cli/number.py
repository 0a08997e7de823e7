"""trunkward number: who may show a number, and why."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import click

from proxy.call.numbers import normalise
from proxy.call.trunk import DialPlan
from proxy.cli.language import lang_option, pick
from proxy.cli.late import LateGroup
from proxy.cli.table import output_option, print_rows, visible
from proxy.cli.trunk import config_option, loaded_or_exit
from proxy.settings.catalogue import text

COLUMNS = ("number", "trunk", "customer", "valid_from", "valid_to", "in_force", "purpose", "proof")


# they work on a database; a look-up reads any directory
_MORE = {
    name: f"proxy.cli.number_list:{name}_command" for name in ("import", "export", "history", "versions", "rollback")
}


@click.group("number", cls=LateGroup, more=_MORE)
def command() -> None:
    """Look up, import and export numbers."""


@command.command("lookup")
@click.argument("number")
@click.option("--trunk", "trunk_id", help="Read the number by this trunk's dial plan.")
@config_option
@output_option
@lang_option
def lookup_command(number: str, trunk_id: str | None, config: Path, output: str, lang: str | None) -> None:
    """Show the allocations of a number, in force or not. Exit 1 when there is none."""
    language = pick(lang)
    loaded = loaded_or_exit(config, language)
    trunk = loaded.directory.trunks.get(trunk_id) if trunk_id else None
    if trunk_id and trunk is None:
        known = ", ".join(sorted(loaded.directory.trunks)[:10])
        click.echo(text("explain.no_such_trunk", language, trunk=visible(trunk_id), known=known), err=True)
        sys.exit(1)
    plan = trunk.dial_plan if trunk is not None else DialPlan(country=loaded.settings.numbering.country)
    found = normalise(number.replace(" ", ""), plan)
    if not found:
        click.echo(text("number.unreadable", language, number=visible(number)), err=True)
        sys.exit(1)
    today = date.today()  # noqa: DTZ011  # the node's local day
    rows = [
        {
            "number": found,
            "trunk": grant.trunk_id,
            "customer": loaded.directory.trunks[grant.trunk_id].customer.id,
            "valid_from": grant.valid_from,
            "valid_to": grant.valid_to,
            "in_force": grant.covers(today),
            "purpose": grant.purpose,
            "proof": grant.proof,
        }
        for grant in loaded.directory.grants(found)
    ]
    if rows or output != "table":
        print_rows({key: text(f"column.{key}", language) for key in COLUMNS}, rows, output)
    if not rows:
        click.echo(text("number.nobody", language, number=found), err=True)
        sys.exit(1)
