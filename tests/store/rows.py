"""Rows for tests that are not about how rows come into a store."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from proxy.call.directory import key_of
from proxy.settings.directory_model import TrunkEntry
from proxy.store.schema import OPEN_END, OPEN_START, Allocation, Customer, Proof, Trunk, Version
from proxy.store.trunks import fill


def customer(session: Session, customer_id: str, state: str = "active", **fields: Any) -> Customer:
    row = Customer(id=customer_id, name=customer_id.title(), state=state, **fields)
    session.add(row)
    session.flush()
    return row


def trunk(session: Session, trunk_id: str, customer_id: str, **raw: Any) -> Trunk:
    row = Trunk(id=trunk_id, customer_id=customer_id)
    fill(row, TrunkEntry.model_validate({"id": trunk_id, "customer": customer_id, **raw}))
    session.add(row)
    session.flush()
    return row


def allocation(
    session: Session, row: Trunk, first: str, last: str = "", begins: date = OPEN_START, ends: date = OPEN_END
) -> Allocation:
    version = Version(trunk_id=row.id, at="2026-11-25T08:00:00Z", who="ann", action="import")
    proof = Proof(kept=f"{row.id} {first}", sha256="")
    session.add_all([version, proof])
    session.flush()
    made = Allocation(
        trunk_id=row.id,
        customer_id=row.customer_id,
        low=key_of(first),
        high=key_of(last or first),
        valid_from=begins,
        valid_to=ends,
        purpose="service",
        proof_id=proof.id,
        since_version=version.id,
    )
    session.add(made)
    session.flush()
    return made
