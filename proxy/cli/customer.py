"""trunkward customer: the admission of customers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import click
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import select

from proxy.checks.policy import NAMES
from proxy.cli.desk import Day, Desk, action_of, at_desk, options, pairs
from proxy.settings.kinds import Cidr, Name, PolicyAction
from proxy.settings.load import policy_problems, validate
from proxy.settings.problems import ProblemList
from proxy.settings.yaml_strict import Document, Positions
from proxy.store import admission
from proxy.store.errors import StoreError
from proxy.store.schema import Customer

LIST = ("customer", "name", "state", "valid_from", "valid_to", "contact", "missing")
EXPIRING = ("step", "left", "kind", "subject", "customer", "last_day", "count")


@click.group("customer")
def command() -> None:
    """Admit customers (draft, reviewed, active), suspend and close them."""


# what says something about a customer
facts_options = options(
    click.option("--name", help="Name for people."),
    click.option("--licence", help="Number of the business licence."),
    click.option(
        "--licence-file", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Its scan: hashed."
    ),
    click.option("--contact", help="Who answers for the traffic: name and telephone or mail."),
    click.option("--use", "declared_use", help="What the numbers are declared to be used for."),
    click.option("--scenario", help="How calls are made: who calls whom, how often, by what equipment."),
    click.option("--site", "sites", multiple=True, help="Network of the customer's equipment; may be repeated."),
    click.option("--from", "valid_from", type=Day(), help="First day of the contract."),
    click.option("--to", "valid_to", type=Day(), help="Last day of the contract."),
)


@command.command("add")
@click.argument("customer_id", metavar="ID")
@facts_options
@at_desk()
def add_command(desk: Desk, customer_id: str, sites: tuple[str, ...], **given: Any) -> None:
    """Add a customer as a draft."""
    _checked(Name, customer_id)
    with desk.store.write() as session:
        customer = admission.add(session, desk.by(), customer_id, _facts(given), _networks(sites))
        _tell(desk, customer, admission.missing(session, customer))


@command.command("set")
@click.argument("customer_id", metavar="ID")
@facts_options
@at_desk()
def set_command(desk: Desk, customer_id: str, sites: tuple[str, ...], **given: Any) -> None:
    """Change what is known about a customer; given sites replace all sites."""
    with desk.store.write() as session:
        networks = _networks(sites) if sites else None
        customer = admission.change(session, desk.by(), customer_id, _facts(given), networks)
        _tell(desk, customer, admission.missing(session, customer))


@command.command("list")
@click.option("--state", type=click.Choice(["draft", "reviewed", "active", "suspended", "closed"]), help="Only these.")
@at_desk()
def list_command(desk: Desk, state: str | None) -> None:
    """List customers."""
    rows: list[Mapping[str, object]] = []
    with desk.store.read() as session:
        for customer in session.scalars(select(Customer).order_by(Customer.id)):
            if state in (None, customer.state):
                lacks = [] if customer.state == "closed" else admission.missing(session, customer)
                facts = admission.facts_of(session, customer)
                rows.append({**facts, "customer": customer.id, "missing": lacks})
    desk.show(LIST, rows)


@command.command("show")
@click.argument("customer_id", metavar="ID")
@at_desk()
def show_command(desk: Desk, customer_id: str) -> None:
    """Show everything about a customer, and what its admission still needs."""
    with desk.store.read() as session:
        customer = admission.customer_of(session, customer_id)
        policy = [f"{rule}={action}" for rule, action in admission.policy_of(session, customer_id).items()]
        facts = admission.facts_of(session, customer) | {
            "policy": policy,
            "missing": admission.missing(session, customer),
        }
    desk.facts(facts)


@command.command("submit")
@click.argument("customer_id", metavar="ID")
@at_desk()
def submit_command(desk: Desk, customer_id: str) -> None:
    """Say that everything is there and may be approved by somebody else."""
    with desk.store.write() as session:
        _tell(desk, admission.submit(session, desk.by(), customer_id))


@command.command("approve")
@click.argument("customer_id", metavar="ID")
@at_desk()
def approve_command(desk: Desk, customer_id: str) -> None:
    """Admit a customer (again); must be another person than who submitted or suspended it."""
    with desk.store.write() as session:
        _tell(desk, admission.approve(session, desk.by(), customer_id))


@command.command("suspend")
@click.argument("customer_id", metavar="ID")
@click.option("--reason", default="", help="Why; kept in the history.")
@at_desk()
def suspend_command(desk: Desk, customer_id: str, reason: str) -> None:
    """Stop the calls of a customer from the next reload on."""
    with desk.store.write() as session:
        _tell(desk, admission.suspend(session, desk.by(), customer_id, reason))


@command.command("close")
@click.argument("customer_id", metavar="ID")
@click.option("--reason", default="", help="Why; kept in the history.")
@at_desk()
def close_command(desk: Desk, customer_id: str, reason: str) -> None:
    """End a customer for good; its numbers become free."""
    with desk.store.write() as session:
        _tell(desk, admission.close(session, desk.by(), customer_id, reason))


@command.command("policy")
@click.argument("customer_id", metavar="ID")
@click.argument("said", metavar="RULE=ACTION[:STATUS]", nargs=-1)
@at_desk()
def policy_command(desk: Desk, customer_id: str, said: tuple[str, ...]) -> None:
    """Say what follows on all trunks of a customer that say nothing else; without any, nothing does any more."""
    raw = {rule: action_of(action) for rule, action in pairs(said, "caller=reject:603").items()}
    found, document = ProblemList(), Document(desk.store.shown, raw, Positions())
    for rule, each in raw.items():
        validate(PolicyAction, document, found, each, (rule,))
    found.add(*policy_problems(document, raw, (), NAMES))
    found.check()
    policy = {rule: PolicyAction.model_validate(each) for rule, each in raw.items()}
    with desk.store.write() as session:
        chosen = {rule: (each.action, each.status) for rule, each in policy.items()}
        admission.set_policy(session, desk.by(), customer_id, chosen)
        _tell(desk, admission.customer_of(session, customer_id))


@command.command("expiring")
@at_desk()
def expiring_command(desk: Desk) -> None:
    """List customers, trunks and numbers that end within 30, 7 and 1 days."""
    with desk.store.read() as session:
        found = admission.expiring(session, desk.today)
    rows = [
        {"step": each.step, "left": each.left, "kind": each.kind, "subject": each.subject}
        | {"customer": each.customer, "last_day": each.last, "count": each.count}
        for each in found
    ]
    if rows or desk.output != "table":
        desk.show(EXPIRING, list(rows))
    else:
        desk.say("customer.none_expiring")


def _facts(given: Mapping[str, Any]) -> dict[str, str | date]:
    facts = {name: value for name, value in given.items() if name in admission.FACTS and value is not None}
    file: Path | None = given.get("licence_file")
    if file is not None:
        facts["licence_sha256"] = sha256_of(file)
    return facts


def sha256_of(file: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _networks(sites: tuple[str, ...]) -> list[str]:
    return [_checked(Cidr, site) for site in sites]


def _checked(kind: Any, value: str) -> str:
    try:
        checked: str = TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        fault = error.errors()[0]
        raise StoreError(fault["type"], **fault.get("ctx", {})) from None
    return checked


def _tell(desk: Desk, customer: Customer, lacks: list[str] | None = None) -> None:
    desk.say("customer.now", customer=customer.id, state=customer.state)
    if lacks:
        desk.say("customer.lacks", missing=", ".join(lacks))
    elif lacks is not None and customer.state == "draft":
        desk.say("customer.complete")
