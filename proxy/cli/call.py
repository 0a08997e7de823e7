"""trunkward call: the records of calls."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click

from proxy.checks.policy import NAMES
from proxy.cli.ladder import draw
from proxy.cli.language import lang_option, pick
from proxy.cli.problems import show_problems
from proxy.cli.table import json_text, output_option, print_rows, visible
from proxy.observe.reading import Record, Records, Wanted, rules_of
from proxy.settings.catalogue import text
from proxy.settings.load import load
from proxy.settings.problems import ConfigError

LIST = ("ts", "trunk", "caller", "called", "verdict", "mode", "status", "rules", "call_id")
FACTS = (
    "ts", "node", "trunk", "customer", "source", "caller", "called", "mode", "verdict", "enforced", "status",
    "next_hop", "callee_trunk", "emergency", "elapsed_us", "answered", "ring_ms", "duration_ms", "ended_by",
)  # fmt: skip
Decorated = TypeVar("Decorated", bound=Callable[..., Any])


@click.group("call")
def command() -> None:
    """Read the records of calls."""


def where(function: Decorated) -> Decorated:
    """Add the options that say where the records are."""
    for option in (
        click.option("--records", type=click.Path(path_type=Path), help="Directory of the record files."),
        click.option("-c", "--config", type=click.Path(path_type=Path), help="Configuration file that names it."),
        output_option,
        lang_option,
    ):
        function = option(function)
    return function


@command.command("tail")
@click.option("-n", "count", default=20, show_default=True, help="How many of the last verdicts.")
@click.option("-f", "follow", is_flag=True, help="Go on with new ones until Ctrl-C.")
@click.option("--trunk", default="", help="Of this trunk only.")
@where
def tail(
    count: int, follow: bool, trunk: str, records: Path | None, config: Path | None, output: str, lang: str | None
) -> None:
    """Show the last verdicts."""
    language = pick(lang)
    source = _records(records, config, language)
    wanted = Wanted(trunk=trunk, event="call.verdict")
    _show(source.last(count, wanted), output, language)
    if follow:
        try:
            for record in source.follow(wanted, _pause):
                print_rows(_columns(language, header=False), [_row(record)], "table" if output == "table" else output)
        except KeyboardInterrupt:
            return
    _complain(source, language)


@command.command("search")
@click.option("--number", default="", help="Part of any calling or called number.")
@click.option("--trunk", default="", help="Trunk id.")
@click.option("--rule", default="", help="Rule that was broken, such as caller.not_allocated.")
@click.option("--verdict", type=click.Choice(["pass", "reject"]), default=None, help="Verdict.")
@click.option("--since", default="", help="From this time on (2026-11-23 or 2026-11-23T08:00, UTC).")
@click.option("--until", default="", help="Up to and including this time (UTC).")
@click.option("--limit", default=100, show_default=True, help="The last so many.")
@where
def search(
    number: str,
    trunk: str,
    rule: str,
    verdict: str | None,
    since: str,
    until: str,
    limit: int,
    records: Path | None,
    config: Path | None,
    output: str,
    lang: str | None,
) -> None:
    """Find verdicts. Exit 1 when there are none."""
    language = pick(lang)
    source = _records(records, config, language)
    found = source.last(limit, Wanted(number, trunk, rule, verdict or "", since, until, "call.verdict"))
    _show(found, output, language)
    _complain(source, language)
    if not found:
        click.echo(text("call.none", language), err=True)
        sys.exit(1)


@command.command("show")
@click.argument("call_id")
@where
def show(call_id: str, records: Path | None, config: Path | None, output: str, lang: str | None) -> None:
    """Show one call: its facts, what it broke and why, and the SIP ladder."""
    language = pick(lang)
    source = _records(records, config, language)
    found = source.call(call_id)
    if not found:
        click.echo(text("call.no_such", language, call_id=visible(call_id)), err=True)
        sys.exit(1)
    if output == "json":
        click.echo(json_text(found))
        return
    whole: Record = {}
    for record in found:
        whole |= record
    if output == "csv":
        print_rows({key: key for key in FACTS}, [whole], "csv")
        return
    rows = [{"key": text(f"column.{key}", language), "value": whole.get(key)} for key in FACTS if key in whole]
    print_rows({"key": text("column.key", language), "value": text("column.value", language)}, rows)
    for item in whole.get("findings") or ():
        click.echo()
        click.echo(f"{visible(item['rule'])}: " + visible(text(f"rule.{item['rule']}", language, **item)))
        click.echo(f"    {visible(item['header'])}: {visible(item['value'])}")
        click.echo(f"    {text('call.expected', language)}: {visible(item['expected'])}")
    if whole.get("messages"):
        click.echo()
        for line in draw(whole["messages"], str(whole.get("source", ""))):
            click.echo(line)


def _records(directory: Path | None, config: Path | None, language: str) -> Records:
    """The records that are meant; leaves with 1 where there are none."""
    if directory is None:
        if config is None:
            raise click.UsageError(text("call.where", language))
        try:
            directory = Path(load(config, rules=NAMES).records.directory)
        except ConfigError as error:
            show_problems(error.problems, language)
            sys.exit(1)
    source = Records(directory)
    if not source.files():
        click.echo(text("call.no_files", language, directory=str(directory)), err=True)
        sys.exit(1)
    return source


def _show(found: Iterable[Record], output: str, language: str) -> None:
    print_rows(_columns(language), map(_row, found), output)


def _columns(language: str, *, header: bool = True) -> dict[str, str]:
    return {key: text(f"column.{key}", language) if header else "" for key in LIST}


def _row(record: Record) -> dict[str, Any]:
    """One verdict as a row."""
    caller = record.get("caller") or (record.get("numbers") or {}).get("from")
    verdict = record.get("verdict")
    if verdict == "reject" and not record.get("enforced"):
        verdict = "would reject"
    return {**record, "caller": caller, "verdict": verdict, "rules": " ".join(rules_of(record))}


def _complain(source: Records, language: str) -> None:
    if source.broken:
        click.echo(text("call.broken", language, count=source.broken), err=True)


def _pause() -> bool:
    time.sleep(0.3)
    return True
