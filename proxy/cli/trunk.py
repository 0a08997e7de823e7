"""trunkward trunk: the trunks of the directory."""

from __future__ import annotations

import sys
from dataclasses import fields
from datetime import date
from pathlib import Path

import click

from proxy.call.trunk import RuleAction, Trunk
from proxy.cli.language import lang_option, pick
from proxy.cli.late import LateGroup
from proxy.cli.problems import show_problems
from proxy.cli.table import json_text, output_option, print_rows, visible
from proxy.parts import Loaded, load_all
from proxy.settings.catalogue import text
from proxy.settings.problems import ConfigError

LIST = ("trunk", "customer", "name", "role", "screening", "mode", "state", "sources", "gateway")
SHOWN = 50  # ranges of a trunk in a table
config_option = click.option(
    "-c", "--config", type=click.Path(path_type=Path), required=True, help="Configuration file."
)


# they work on a database; list and show read any directory
_MORE = {
    name: f"proxy.cli.trunk_entry:{name.replace('-', '_')}_command"
    for name in ("add", "set", "set-mode", "suspend", "resume")
}


@click.group("trunk", cls=LateGroup, more=_MORE)
def command() -> None:
    """List, show, add and change trunks."""


def loaded_or_exit(config: Path, language: str) -> Loaded:
    """The configuration and directory; on problems print them all and leave with 1."""
    try:
        return load_all(config)
    except ConfigError as error:
        show_problems(error.problems, language)
        sys.exit(1)


def state_of(trunk: Trunk, today: date) -> str:
    """active, suspended, expired, or future."""
    if trunk.suspended or trunk.customer.suspended:
        return "suspended"
    if trunk.valid_to is not None and today > trunk.valid_to:
        return "expired"
    return "future" if trunk.valid_from is not None and today < trunk.valid_from else "active"


def row_of(trunk: Trunk, loaded: Loaded, today: date) -> dict[str, object]:
    """One trunk as a row."""
    return {
        "trunk": trunk.id,
        "customer": trunk.customer.id,
        "name": trunk.customer.name,
        "role": trunk.role,
        "screening": trunk.screening,
        "mode": trunk.mode or loaded.settings.node.mode,
        "state": state_of(trunk, today),
        "sources": " ".join(trunk.sources),
        "gateway": " ".join(trunk.gateway),
    }


@command.command("list")
@config_option
@output_option
@lang_option
def list_command(config: Path, output: str, lang: str | None) -> None:
    """List every trunk."""
    language = pick(lang)
    loaded = loaded_or_exit(config, language)
    today = date.today()  # noqa: DTZ011  # the node's local day
    rows = [row_of(trunk, loaded, today) for _, trunk in sorted(loaded.directory.trunks.items())]
    print_rows({key: text(f"column.{key}", language) for key in LIST}, rows, output)


@command.command("show")
@click.argument("trunk_id")
@config_option
@output_option
@lang_option
def show_command(trunk_id: str, config: Path, output: str, lang: str | None) -> None:
    """Show one trunk, its policy and its numbers."""
    language = pick(lang)
    loaded = loaded_or_exit(config, language)
    trunk = loaded.directory.trunks.get(trunk_id)
    if trunk is None:
        click.echo(text("explain.no_such_trunk", language, trunk=visible(trunk_id), known=_known(loaded)), err=True)
        sys.exit(1)
    facts = row_of(trunk, loaded, date.today()) | {  # noqa: DTZ011  # the node's local day
        "pilot_number": trunk.pilot_number,
        "tls_names": " ".join(trunk.tls_names),
        "tgrp": trunk.tgrp,
        "valid_from": trunk.valid_from,
        "valid_to": trunk.valid_to,
        "limits": _limits(trunk),
        "dial_plan": _plan(trunk),
        "policy": " ".join(f"{name}={_action(entry)}" for name, entry in sorted(trunk.policy.items())),
        "numbers": loaded.directory.count_of(trunk.id),
    }
    if output == "json":
        click.echo(json_text(facts | {"allocations": _allocations(loaded, trunk_id, sys.maxsize)}))
    elif output == "table":
        rows = [{"key": text(f"column.{key}", language), "value": value} for key, value in facts.items()]
        print_rows({"key": text("column.key", language), "value": text("column.value", language)}, rows)
        found = _allocations(loaded, trunk_id, SHOWN + 1)
        click.echo()
        print_rows(_columns(language), found[:SHOWN])
        if len(found) > SHOWN:
            click.echo(text("trunk.more", language, shown=SHOWN))
    else:
        print_rows({key: key for key in facts}, [facts], output)


def _action(entry: RuleAction) -> str:
    return f"{entry.action}:{entry.status}" if entry.status else entry.action


def _limits(trunk: Trunk) -> str:
    limits = [(item.name, getattr(trunk.limits, item.name)) for item in fields(trunk.limits)]
    return " ".join(f"{key}={value}" for key, value in limits if value is not None)


def _plan(trunk: Trunk) -> str:
    plan = trunk.dial_plan
    parts = {"country": plan.country, "area": plan.area, "strip": " ".join(plan.strip)}
    parts |= {f"{dialled}→": put for dialled, put in plan.prefixes.items()}
    return ", ".join(f"{name} {value}".rstrip() for name, value in parts.items() if value or "→" in name)


def _known(loaded: Loaded) -> str:
    return ", ".join(sorted(loaded.directory.trunks)[:10])


def _columns(language: str) -> dict[str, str]:
    keys = ("first", "last", "valid_from", "valid_to", "purpose", "proof")
    return {key: text(f"column.{key}", language) for key in keys}


def _allocations(loaded: Loaded, trunk_id: str, most: int) -> list[dict[str, object]]:
    """The first ranges of a trunk."""
    return [
        {
            "first": first,
            "last": last,
            "valid_from": grant.valid_from,
            "valid_to": grant.valid_to,
            "purpose": grant.purpose,
            "proof": grant.proof,
        }
        for first, last, grant in loaded.directory.ranges_of(trunk_id, most)
    ]
