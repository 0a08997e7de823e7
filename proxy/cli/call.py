"""trunkward call: the records of calls."""

from __future__ import annotations

import difflib
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import click

from proxy.checks.policy import FAMILIES, RULES
from proxy.cli.ladder import draw
from proxy.cli.language import lang_option, pick
from proxy.cli.recorded import Recorded, readable, recorded
from proxy.cli.reindex import command as reindex
from proxy.cli.table import Growing, json_line, json_text, output_option, print_rows, visible
from proxy.observe.reading import (
    VERDICT,
    Record,
    Wanted,
    calls_of,
    findings_of,
    moment,
    rules_of,
    spellings,
)
from proxy.settings.catalogue import text

LIST = ("ts", "trunk", "caller", "called", "verdict", "mode", "status", "rules", "call_id")
FACTS = (
    "ts", "node", "trunk", "customer", "source", "caller", "called", "mode", "verdict", "enforced", "status",
    "next_hop", "callee_trunk", "emergency", "elapsed_us", "answered", "ring_ms", "duration_ms", "ended_by",
    "attestation",
)  # fmt: skip
NUMBERS = {
    "from": "From",
    "pai": "P-Asserted-Identity",
    "ppi": "P-Preferred-Identity",
    "rpid": "Remote-Party-ID",
    "diversion": "Diversion",
}
Decorated = TypeVar("Decorated", bound=Callable[..., Any])


@click.group("call")
def command() -> None:
    """Read the records of calls."""


command.add_command(reindex)


def where(function: Decorated) -> Decorated:
    """Add the options that say where the records are."""
    for option in (
        click.option("--records", type=click.Path(path_type=Path), help="Directory of the record files."),
        click.option("-c", "--config", type=click.Path(path_type=Path), help="Configuration file that names it."),
        click.option("--unmask", is_flag=True, help="Numbers whole, where records.mask_views hides them; is noted."),
        output_option,
        lang_option,
    ):
        function = option(function)
    return function


@command.command("tail")
@click.option(
    "-n", "count", type=click.IntRange(0), default=20, show_default=True, help="How many of the last verdicts."
)
@click.option("-f", "follow", is_flag=True, help="Go on with new ones until Ctrl-C; JSON is one object a line.")
@click.option("--trunk", default="", help="Of this trunk only.")
@where
def tail(
    count: int,
    follow: bool,
    trunk: str,
    records: Path | None,
    config: Path | None,
    unmask: bool,
    output: str,
    lang: str | None,
) -> None:
    """Show the last verdicts."""
    language = pick(lang)
    wanted = Wanted(trunk=trunk, event=VERDICT)
    found = recorded(records, config, language, unmask=unmask, may_be_empty=follow)
    with readable(found.source, language):
        if not follow:
            _show(found, found.last(count, wanted, language), output, language)
            return
        with suppress(KeyboardInterrupt):
            lines = Growing(_columns(output, language), output)
            _go_on(found, found.last(count, wanted, language), lines, output, language)
            for record in found.source.follow(wanted, _pause):
                _go_on(found, [record], lines, output, language)


@command.command("search")
@click.option("--number", default="", help="A calling or called number, or any part of one.")
@click.option("--trunk", default="", help="Trunk id.")
@click.option("--customer", default="", help="Customer id.")
@click.option("--call-id", default="", help="Call-ID.")
@click.option("--rule", default="", help="Rule or family that was broken, such as caller.not_allocated.")
@click.option(
    "--verdict",
    type=click.Choice(["pass", "reject", "would-reject", "replace", "would-replace"]),
    default=None,
    help="Verdict; reject finds would-reject too.",
)
@click.option("--status", type=click.IntRange(100, 699), default=None, help="SIP status that the node answered.")
@click.option(
    "--since", default="", help="From then on: 2026-11-23, 2026-11-23T08:00 (UTC), …T16:00+08:00; 10m: ten minutes ago."
)
@click.option("--until", default="", help="Up to and including then.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="The last so many.")
@click.option("--before", type=click.IntRange(1), default=None, help="The next page: what the last one named.")
@where
def search(
    number: str,
    trunk: str,
    customer: str,
    call_id: str,
    rule: str,
    verdict: str | None,
    status: int | None,
    since: str,
    until: str,
    limit: int,
    before: int | None,
    records: Path | None,
    config: Path | None,
    unmask: bool,
    output: str,
    lang: str | None,
) -> None:
    """Find verdicts. Exit 1 when there are none."""
    language = pick(lang)
    first, last = _moment(since, "--since", language), _moment(until, "--until", language)
    _known_rule(rule, language)
    place = recorded(records, config, language, unmask=unmask)
    parts = spellings(number, place.country) if number else ()
    wanted = Wanted(parts, trunk, rule, verdict or "", first, last, VERDICT, call_id, customer, status)
    with readable(place.source, language):
        page = place.page(limit, wanted, before or 0, language)
    if page.records or output != "table":
        _show(place, page.records, output, language)
    if page.more:
        click.echo(text("call.more", language, before=page.more), err=True)
    if not page.records:
        click.echo(text("call.none", language), err=True)
        sys.exit(1)


@command.command("show")
@click.argument("call_id")
@where
def show(call_id: str, records: Path | None, config: Path | None, unmask: bool, output: str, lang: str | None) -> None:
    """Show one call: its facts, what it broke and why, and the SIP ladder."""
    language = pick(lang)
    place = recorded(records, config, language, unmask=unmask)
    with readable(place.source, language):
        found = place.view.records(place.call(call_id))
    if not found:
        click.echo(text("call.no_such", language, call_id=visible(call_id)), err=True)
        sys.exit(1)
    if output == "json":
        click.echo(json_text(found))
        return
    calls = calls_of(found)
    if output == "csv":
        print_rows({key: key for key in FACTS}, calls, "csv")
        return
    for index, call in enumerate(calls):
        if index:
            click.echo()
        _show_call(call, language)


def _show_call(call: Record, language: str) -> None:
    """One call for people."""
    told = call | {"verdict": _verdict(call, language)}
    rows = [{"key": text(f"column.{key}", language), "value": told.get(key)} for key in FACTS if key in told]
    numbers = call.get("numbers")
    if isinstance(numbers, dict):
        rows += [{"key": field, "value": numbers[key]} for key, field in NUMBERS.items() if numbers.get(key)]
    rows += _identities(call.get("identity"))
    print_rows({"key": text("column.key", language), "value": text("column.value", language)}, rows)
    for item in findings_of(call):
        click.echo()
        click.echo(_sentence(item, language))
        click.echo(f"    {visible(str(item.get('header')))}: {visible(str(item.get('value')))}")
        click.echo(f"    {text('call.expected', language)}: {visible(str(item.get('expected')))}")
    if call.get("messages"):
        click.echo()
        for line in draw(call["messages"], str(call.get("source", ""))):
            click.echo(line)


def _identities(identity: object) -> list[dict[str, object]]:
    """The signed identities that a call brought: the one that decided, and what became of each."""
    if not isinstance(identity, dict):
        return []
    said = [str(identity.get("result"))]
    said += [f"{key}={identity[key]}" for key in ("attest", "iat", "origid", "x5u") if identity.get(key) is not None]
    each = identity.get("all")
    rows: list[dict[str, object]] = [{"key": "Identity", "value": " ".join(said)}]
    for item in each if isinstance(each, list) and len(each) > 1 else ():
        if isinstance(item, dict):
            rules = " ".join(map(str, item.get("rules") or ()))
            rows.append({"key": "", "value": f"{item.get('ppt') or 'passport'}: {item.get('result')} {rules}".rstrip()})
    return rows


def _sentence(finding: dict[str, Any], language: str) -> str:
    """The rule and what it says; a rule of another version has no sentence here."""
    rule = str(finding.get("rule"))
    says = f": {text(f'rule.{rule}', language, **finding)}" if rule in RULES else ""
    return visible(f"{rule}{says}")


def _moment(when: str, option: str, language: str) -> str:
    try:
        return moment(when, time.time()) if when else ""
    except (ValueError, OverflowError):
        raise click.BadParameter(text("call.no_moment", language, value=visible(when)), param_hint=option) from None


def _known_rule(rule: str, language: str) -> None:
    """A misspelt rule would find nothing, and look like good news."""
    known = (*RULES, *FAMILIES)
    if rule and rule not in known:
        near = difflib.get_close_matches(rule, known, n=1)
        hint = text("config.near", language, near=near[0]) if near else ""
        raise click.BadParameter(text("config.unknown_rule", language, rule=visible(rule)) + hint, param_hint="--rule")


def _show(place: Recorded, records: list[Record], output: str, language: str) -> None:
    found = place.view.records(records)
    if output == "json":
        click.echo(json_text(found))
    else:
        print_rows(_columns(output, language), [_row(record, output, language) for record in found], output)


def _go_on(place: Recorded, records: list[Record], lines: Growing, output: str, language: str) -> None:
    """Show more, below what is already shown."""
    found = place.view.records(records)
    if output != "json":
        lines.print(_row(record, output, language) for record in found)
        return
    for record in found:
        click.echo(json_line(record))


def _columns(output: str, language: str) -> dict[str, str]:
    keys = (*LIST, "enforced") if output == "csv" else LIST
    return {key: text(f"column.{key}", language) for key in keys}


def _row(record: Record, output: str, language: str) -> dict[str, Any]:
    """One verdict as a row: in the language of people for a table, in the words of the record for a program."""
    numbers = record.get("numbers")
    caller = record.get("caller") or (numbers.get("from") if isinstance(numbers, dict) else "")
    verdict = _verdict(record, language) if output == "table" else record.get("verdict")
    return record | {"caller": caller, "verdict": verdict, "rules": " ".join(rules_of(record))}


def _verdict(record: Record, language: str) -> str:
    verdict = str(record.get("verdict"))
    if verdict not in ("pass", "reject", "replace"):
        return verdict
    would = "would_" if verdict != "pass" and not record.get("enforced") else ""
    return text(f"demo.verdict.{would}{verdict}", language)


def _pause() -> bool:
    time.sleep(0.3)
    return True
