"""trunkward trunk add, set, set-mode, suspend, resume: trunks in a database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import click

from proxy.checks.policy import NAMES
from proxy.cli.desk import Day, Desk, action_of, at_desk, options, pairs
from proxy.store import trunks
from proxy.store.versions import trunk_row

_PLAN = ("country", "area", "strip", "prefix")
_IDENTITY = ("verify", "min_attestation", "on_error", "sign")


# what says something about a trunk; an empty value takes back what was said
entry_options = options(
    click.option("--role", help="access, peer, core or dip."),
    click.option("--screening", help="strict or asserted."),
    click.option("--source", "sources", multiple=True, help="Network that its calls come from; may be repeated."),
    click.option("--tls-name", "tls_names", multiple=True, help="Name in its certificate over TLS; may be repeated."),
    click.option("--gateway", multiple=True, help="SIP URI that calls to it are sent to; may be repeated."),
    click.option("--pilot", "pilot_number", help="Main number, one of its numbers."),
    click.option("--tgrp", help="Trunk group (RFC 4904)."),
    click.option("--mode", help="block or monitor, instead of node.mode."),
    click.option("--from", "start", type=Day(), help="First day."),
    click.option("--to", "end", type=Day(), help="Last day."),
    click.option("--country", help="Country code of its numbers."),
    click.option("--area", help="Area code without 0 that its users leave out."),
    click.option("--strip", multiple=True, help="Access prefix of the PBX; may be repeated."),
    click.option("--prefix", multiple=True, help="Dialled prefix and what replaces it: 17951= or 0086=+86."),
    click.option("--policy", multiple=True, help="Rule and action: caller=tag, caller.anonymous=reject:433."),
    click.option("--verify", help="off, when-present or required."),
    click.option("--min-attestation", help="A, B or C."),
    click.option("--on-error", help="pass or reject where a certificate could not be had."),
    click.option("--sign/--no-sign", default=None, help="Whether its calls are signed."),
)


@click.command("add")
@click.argument("trunk_id", metavar="ID")
@click.option("--customer", required=True, help="Id of the customer.")
@entry_options
@at_desk()
def add_command(desk: Desk, trunk_id: str, customer: str, **given: Any) -> None:
    """Add a trunk; its numbers come with number import."""
    raw = {"id": trunk_id, "customer": customer, **_raw(given, {})}
    with desk.store.write() as session:
        trunks.add(
            session, desk.by(), {key: value for key, value in raw.items() if value is not None}, desk.store.shown, NAMES
        )
    desk.say("trunk.kept", trunk=trunk_id)


@click.command("set")
@click.argument("trunk_id", metavar="ID")
@entry_options
@at_desk()
def set_command(desk: Desk, trunk_id: str, **given: Any) -> None:
    """Change a trunk; what may be repeated is replaced whole."""
    with desk.store.write() as session:
        raw = _raw(given, trunks.raw_of(trunk_row(session, trunk_id)))
        trunks.change(session, desk.by(), trunk_id, raw, desk.store.shown, NAMES)
    desk.say("trunk.kept", trunk=trunk_id)


@click.command("set-mode")
@click.argument("trunk_id", metavar="ID")
@click.argument("mode", type=click.Choice(["block", "monitor", "default"]))
@at_desk()
def set_mode_command(desk: Desk, trunk_id: str, mode: str) -> None:
    """Reject what breaks a rule (block), only record it (monitor), or do as the node does (default)."""
    _change(desk, trunk_id, {"mode": None if mode == "default" else mode})


@click.command("suspend")
@click.argument("trunk_id", metavar="ID")
@at_desk()
def suspend_command(desk: Desk, trunk_id: str) -> None:
    """Stop the calls of one trunk from the next reload on."""
    _change(desk, trunk_id, {"state": "suspended"})


@click.command("resume")
@click.argument("trunk_id", metavar="ID")
@at_desk()
def resume_command(desk: Desk, trunk_id: str) -> None:
    """Let a suspended trunk call again, from the next reload on."""
    _change(desk, trunk_id, {"state": "active"})


def _change(desk: Desk, trunk_id: str, raw: Mapping[str, Any]) -> None:
    with desk.store.write() as session:
        trunks.change(session, desk.by(), trunk_id, raw, desk.store.shown, NAMES)
    desk.say("trunk.kept", trunk=trunk_id)


def _raw(given: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were given, as they would stand in a directory file; None for an empty one."""
    plain = ("role", "screening", "pilot_number", "tgrp", "mode")
    raw: dict[str, Any] = {name: given[name] or None for name in plain if given[name] is not None}
    raw |= {name: [each for each in given[name] if each] for name in ("sources", "tls_names", "gateway") if given[name]}
    days: dict[str, date | None] = {"from": given["start"], "to": given["end"]}
    if any(days.values()):
        raw["valid"] = dict(before.get("valid", {})) | {
            name: day.isoformat() for name, day in days.items() if day is not None
        }
    if any(given[name] for name in _PLAN):
        plan = {name: given[name] for name in ("country", "area") if given[name]}
        plan |= {"strip": list(given["strip"])} if given["strip"] else {}
        plan |= {"prefixes": pairs(given["prefix"], "17951= 0086=+86")} if given["prefix"] else {}
        raw["dial_plan"] = dict(before.get("dial_plan", {})) | plan
    if given["policy"]:
        raw["policy"] = {rule: action_of(said) for rule, said in pairs(given["policy"], "caller=reject:603").items()}
    if any(given[name] is not None for name in _IDENTITY):
        terms = {name: given[name] for name in _IDENTITY if given[name] is not None}
        raw["identity"] = dict(before.get("identity", {})) | terms
    return raw
