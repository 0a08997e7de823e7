"""trunkward check-config: every error of a configuration and its directory at once, or what it amounts to."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from ipaddress import ip_address, ip_network
from pathlib import Path

import click

from proxy.checks.policy import NAMES, agreed
from proxy.cli.language import lang_option, pick
from proxy.cli.problems import show_problems
from proxy.cli.table import json_text, visible
from proxy.settings.catalogue import text
from proxy.settings.load import load, number_source
from proxy.settings.model import Settings
from proxy.settings.problems import ConfigError, Problem, ProblemList
from proxy.sources.admin_files import read_admin
from proxy.sources.directory import examine
from proxy.sources.identity_files import NO_FILES, IdentityFiles, node_terms, read_identity
from proxy.sources.identity_services import certificate_ends
from proxy.sources.replacing import doubts, find_unreplaceable
from proxy.store.entries import Examined


@dataclass(frozen=True, slots=True)
class Report:
    """What is wrong with a configuration, and what is worth knowing about one that can be used."""

    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...] = ()
    settings: Settings | None = None
    examined: Examined | None = None


@click.command("check-config")
@click.option("-c", "--config", type=click.Path(path_type=Path), required=True, help="Configuration file.")
@click.option("--output", type=click.Choice(["table", "json"]), default="table", help="Form of the output.")
@lang_option
def command(config: Path, output: str, lang: str | None) -> None:
    """Report every error of a configuration, its directory and its lists at once; nothing is started."""
    language = pick(lang)
    report = check(config, date.today())  # noqa: DTZ011  # allocations are held against the node's local day
    if output == "json":
        click.echo(json_text(_as_dict(report, language)))
    else:
        _show(report, language)
    sys.exit(1 if report.problems else 0)


def check(config: Path, today: date) -> Report:
    """Read a configuration and its directory as `serve` would, as of a day."""
    found, settings, files = ProblemList(), None, NO_FILES
    try:
        settings = load(config, rules=NAMES)
    except ConfigError as error:
        found.add(*error.problems)
    source = number_source(config, settings)
    examined = examine(source, found, NAMES) if source is not None else None
    if settings is not None and examined is not None:
        find_unreplaceable(settings, examined, found)
    if settings is not None:
        trunks = examined.directory.trunks.values() if examined is not None else ()
        files = read_identity(config, settings, trunks, found)
        read_admin(config, settings.admin, found)
    if found.total or settings is None or examined is None:
        return Report(tuple(found))
    warnings = (*_warnings(config, settings, examined, today), *_ended(config, files, today))
    return Report((), warnings, settings, examined)


def _warnings(config: Path, settings: Settings, examined: Examined, today: date) -> Iterator[Problem]:
    file = str(config)
    if settings.node.mode == "monitor":
        yield Problem(file, 0, 0, "node.mode", "warning.monitor")
    trunks, terms = examined.directory.trunks.values(), node_terms(settings.identity)
    verifies = any(agreed(terms, trunk.identity).verify != "off" for trunk in trunks)
    if verifies and settings.identity is not None and not settings.identity.trust_anchors:
        yield Problem(file, 0, 0, "identity.trust_anchors", "warning.no_anchors")
    if settings.admin.tokens is not None and settings.admin.certificate is None and not settings.admin.is_local:
        yield Problem(file, 0, 0, "admin.tokens", "warning.admin_clear")
    for trunk_id, message, values in doubts(settings, examined, today):
        yield Problem(*examined.places[trunk_id], message, {"trunk": trunk_id, **values})
    for trunk_id, place in examined.places.items():
        for message, values in _about_trunk(trunk_id, settings, examined, today):
            yield Problem(*place, message, {"trunk": trunk_id, **values})


def _ended(config: Path, files: IdentityFiles, today: date) -> Iterator[Problem]:
    for name, end in certificate_ends(files).items():
        last = date.fromtimestamp(end)  # noqa: DTZ012  # the node's local day, as today is
        if last < today:
            yield Problem(str(config), 0, 0, "identity", "warning.certificate_ended", {"name": name, "last": last})


def _about_trunk(
    trunk_id: str, settings: Settings, examined: Examined, today: date
) -> Iterator[tuple[str, dict[str, object]]]:
    trunk, ends = examined.directory.trunks[trunk_id], examined.ends[trunk_id]
    if not ends and trunk.role == "access":
        yield "warning.no_allocation", {}
    past = {last: count for last, count in ends.items() if last is not None and last < today}
    if past:
        yield "warning.expired", {"count": sum(past.values()), "today": today, "last": max(past)}
    if trunk.valid_to is not None and trunk.valid_to < today:
        yield "warning.trunk_ended", {"last": trunk.valid_to}
    if trunk.mode == "monitor" and settings.node.mode == "block":
        yield "warning.trunk_monitor", {}
    if not trunk.sources:
        yield "warning.no_source", {}
    if trunk.role == "access" and agreed(node_terms(settings.identity), trunk.identity).verify == "required":
        yield "warning.access_must_sign", {}
    for network in trunk.sources:
        for hop in settings.core.next_hops:
            where = hop.destination
            if not where.is_name and ip_address(where.host) in ip_network(network):
                yield "warning.core_is_trunk", {"network": network, "uri": hop.uri}


def _as_dict(report: Report, lang: str) -> dict[str, object]:
    return {
        "ok": not report.problems,
        "problems": [_problem(each, lang) for each in report.problems],
        "warnings": [_problem(each, lang) for each in report.warnings],
    }


def _problem(problem: Problem, lang: str) -> dict[str, object]:
    return {
        "file": problem.file,
        "line": problem.line or None,
        "column": problem.column or None,
        "key": problem.key,
        "code": problem.message_key,
        "message": problem.message(lang),
    }


def _show(report: Report, lang: str) -> None:
    show_problems(report.problems, lang)
    for warning in report.warnings:
        click.echo(visible(text("check.warning", lang, text=warning.text(lang))), err=True)
    if report.settings is not None and report.examined is not None:
        counts = {"listeners": len(report.settings.listen), **report.examined.directory.entries}
        click.echo(text("check.good", lang, mode=report.settings.node.mode, **counts))
