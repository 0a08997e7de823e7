"""trunkward consent: the consents of callees to calls of a customer."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from proxy.call.directory import number_of
from proxy.cli.customer import sha256_of
from proxy.cli.desk import Day, Desk, at_desk
from proxy.store.consents import consent, consents, withdraw
from proxy.store.listing import day_of

LIST = ("customer", "callee", "purpose", "valid_from", "valid_to", "kept", "sha256")


@click.group("consent")
def command() -> None:
    """Keep the consents of callees to calls of a customer."""


@command.command("add")
@click.argument("callee")
@click.option("--customer", required=True, help="Id of the customer whose calls they are.")
@click.option("--purpose", default="", help="What the callee has agreed to.")
@click.option("--from", "begins", type=Day(), help="First day.")
@click.option("--to", "ends", type=Day(), help="Last day.")
@click.option("--proof", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="File that proves it.")
@click.option("--kept", default="", help="Where that file is kept (default: its name).")
@at_desk()
def add_command(
    desk: Desk, callee: str, customer: str, purpose: str, begins: date | None, ends: date | None,
    proof: Path | None, kept: str,
) -> None:  # fmt: skip
    """Keep the consent of a callee."""
    key = desk.key(callee)
    proved = {"kept": kept or proof.name, "sha256": sha256_of(proof)} if proof else {"kept": kept}
    with desk.store.write() as session:
        consent(session, desk.by(), customer, key, purpose=purpose, begins=begins, ends=ends, **proved)
    desk.say("consent.kept", callee=number_of(key), customer=customer)


@command.command("withdraw")
@click.argument("callee")
@click.option("--customer", required=True, help="Id of the customer.")
@at_desk()
def withdraw_command(desk: Desk, callee: str, customer: str) -> None:
    """End the consent of a callee; the history keeps it."""
    key = desk.key(callee)
    with desk.store.write() as session:
        withdraw(session, desk.by(), customer, key)
    desk.say("consent.gone", callee=number_of(key), customer=customer)


@command.command("list")
@click.option("--customer", default="", help="To calls of this customer.")
@click.option("--callee", help="Of this callee.")
@at_desk()
def list_command(desk: Desk, customer: str, callee: str | None) -> None:
    """Show consents."""
    key = desk.key(callee) if callee else 0
    with desk.store.read() as session:
        rows = [
            {"customer": row.customer_id, "callee": number_of(row.callee), "purpose": row.purpose}
            | {"valid_from": day_of(str(row.valid_from)), "valid_to": day_of(str(row.valid_to))}
            | {"kept": row.kept, "sha256": row.sha256}
            for row in consents(session, customer, key)
        ]
    desk.show(LIST, list(rows))
