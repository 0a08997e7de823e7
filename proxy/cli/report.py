"""trunkward report: a day or a month in figures, with the audit of the trunks."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from time import time
from typing import Any

import click

from proxy.admin.audit import Terms, audit
from proxy.admin.report import Asked, Kind, Report, report
from proxy.admin.report_page import page
from proxy.call.trunk import RuleAction
from proxy.cli.desk import Day
from proxy.cli.language import lang_option, pick
from proxy.cli.problems import show_problems
from proxy.cli.table import csv_text, json_text
from proxy.cli.viewing import view
from proxy.parts import Loaded, load_all
from proxy.settings.catalogue import text
from proxy.settings.problems import ConfigError
from proxy.store.database import open_store
from proxy.store.errors import StoreError
from proxy.store.index import open_index
from proxy.store.index_report import sums
from proxy.store.standing import Standing, standing

CELLS = ("section", "name", "measure", "value")


@dataclass(frozen=True, slots=True)
class Options:
    """What every report is asked with."""

    trunk: str
    customer: str
    monitor_days: int
    form: str
    output: Path | None
    config: Path
    unmask: bool
    language: str


@click.group("report")
def command() -> None:
    """Report on a day or a month: calls, rejections, numbers that broke rules, trunks to look at."""


def _options(function: Any) -> Any:
    for option in (
        click.option("--trunk", default="", help="Of this trunk only."),
        click.option("--customer", default="", help="Of this customer only."),
        click.option(
            "--monitor-days", type=click.IntRange(0), default=30, show_default=True, help="Longer in monitor: audited."
        ),
        click.option("--format", "form", type=click.Choice(["html", "csv", "json"]), default="html", show_default=True),
        click.option("--output", type=click.Path(path_type=Path), help="File; without it standard output."),
        click.option("-c", "--config", type=click.Path(path_type=Path), required=True, help="Configuration file."),
        click.option("--unmask", is_flag=True, help="Numbers whole, where records.mask_views hides them; is noted."),
        lang_option,
    ):
        function = option(function)
    return function


@command.command("daily")
@click.option("--date", "day", type=Day(), help="Local day; yesterday by default.")
@_options
def daily(day: date | None, lang: str | None, **given: Any) -> None:
    """Report on one local day."""
    _make("daily", day or _today() - timedelta(days=1), Options(**given, language=pick(lang)))


@command.command("monthly")
@click.option("--month", type=click.DateTime(["%Y-%m"]), help="Such as 2026-11; the last month by default.")
@_options
def monthly(month: datetime | None, lang: str | None, **given: Any) -> None:
    """Report on one month."""
    last = _today().replace(day=1) - timedelta(days=1)
    _make("monthly", month.date() if month else last.replace(day=1), Options(**given, language=pick(lang)))


def _make(kind: Kind, day: date, options: Options) -> None:
    language = options.language
    try:
        loaded = load_all(options.config)
        shown = view(loaded.settings, language, unmask=options.unmask)
        made = _report(Asked(kind, day, options.trunk, options.customer), loaded, options, hides=shown.hides)
    except ConfigError as error:
        show_problems(error.problems, language)
        sys.exit(1)
    except StoreError as error:
        click.echo(text(error.message_key, language, **error.values), err=True)
        sys.exit(1)
    if options.form == "html":
        data = page(made, language)
    elif options.form == "csv":
        data = csv_text(CELLS, made.cells())
    else:
        data = json_text(made.values()) + "\n"
    _write(data, options.output, language)


def _report(asked: Asked, loaded: Loaded, options: Options, *, hides: bool) -> Report:
    """Gather and put together. Raises StoreError."""
    settings, directory = loaded.settings, loaded.directory
    known = [
        (asked.trunk, directory.trunks, "report.no_trunk"),
        (asked.customer, directory.customers, "report.no_customer"),
    ]
    for name, found, key in known:
        if name and name not in found:
            raise StoreError(key, name=name)
    if not settings.records.index_url:
        raise StoreError("call.index_off")
    index = open_index(settings.records.index_url, options.config.parent)
    if not index.usable():
        raise StoreError("report.no_index", store=index.shown)
    counted = sums(index, asked.period(None))
    policy = {name: RuleAction(entry.action, entry.status) for name, entry in settings.policy.items()}
    stands = _standing(settings.directory.url, options.config)
    terms = Terms(policy, settings.node.mode, _today(), options.monitor_days, stands)
    remarks = audit(directory, counted, terms, asked.trunk, asked.customer)
    now = datetime.fromtimestamp(time(), UTC).astimezone()
    return report(
        asked,
        counted,
        remarks,
        [] if stands is None else stands.customers,
        node=settings.node.name,
        made_at=now,
        zone=None,
        language=options.language,
        hides=hides,
    )


def _standing(url: str, config: Path) -> Standing | None:
    """What a database knows beyond the directory; None where that is a file. Raises StoreError."""
    if url.startswith("file:"):
        return None
    with open_store(url, config.parent).read() as session:
        return standing(session, _today())


def _write(data: str, output: Path | None, language: str) -> None:
    """Write a file in one step, or to standard output."""
    if output is None:
        click.echo(data, nl=False)
        return
    new = output.with_name(output.name + ".new")
    try:
        new.write_text(data, encoding="utf-8")
        new.replace(output)
    except OSError as error:
        values = {"file": str(output), "reason": error.strerror}
        click.echo(text("report.not_written", language, **values), err=True)
        sys.exit(1)


def _today() -> date:
    return date.today()  # noqa: DTZ011  # reports are of local days, as allocations are
