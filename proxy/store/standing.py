"""How customers and trunks of a directory stand: admission, proofs, what ends soon, since when a mode holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from proxy.store.admission import expiring, missing
from proxy.store.schema import Allocation, Change, Customer, Proof, Trunk


@dataclass(frozen=True, slots=True)
class Standing:
    """
    What a database knows beyond what calls read. `customers` are rows; `unproved` counts numbers lists' entries
    without proof and `expired` those that are over, by trunk; `since` is the day from which a trunk has its mode;
    `ending` are customer, kind, subject and last day of what ends within 30 days.
    """

    customers: list[dict[str, Any]] = field(default_factory=list)
    unproved: dict[str, int] = field(default_factory=dict)
    expired: dict[str, int] = field(default_factory=dict)
    since: dict[str, str] = field(default_factory=dict)
    ending: list[tuple[str, str, str, str]] = field(default_factory=list)


def standing(session: Session, today: date) -> Standing:
    """Look at all of a directory."""
    customers = [
        {
            "customer": row.id,
            "name": row.name,
            "state": row.state,
            "valid_from": row.valid_from and row.valid_from.isoformat(),
            "valid_to": row.valid_to and row.valid_to.isoformat(),
            "contact": row.contact,
            "missing": missing(session, row),
        }
        for row in session.scalars(select(Customer).order_by(Customer.id))
    ]
    current = select(Allocation.trunk_id, func.count()).where(Allocation.until_version.is_(None))
    unproved = current.join(Proof, Proof.id == Allocation.proof_id).where(or_(Proof.kept == "", Proof.sha256 == ""))
    expired = current.where(Allocation.valid_to < today)
    return Standing(
        customers,
        _by_trunk(session, unproved),
        _by_trunk(session, expired),
        {trunk: _since(session, trunk) for trunk in session.scalars(select(Trunk.id))},
        [(each.customer, each.kind, each.subject, each.last.isoformat()) for each in expiring(session, today)],
    )


def _by_trunk(session: Session, counted: Any) -> dict[str, int]:
    return {row[0]: row[1] for row in session.execute(counted.group_by(Allocation.trunk_id))}


def _since(session: Session, trunk_id: str) -> str:
    """The day of the last change of a trunk's mode, else that of its first line in the history; "" for none."""
    asked = select(Change).where(Change.subject == f"trunk {trunk_id}").order_by(Change.id)
    day = ""
    for change in session.scalars(asked):
        if not day or "mode" in (change.after or {}) or "mode" in (change.before or {}):
            day = change.at[:10]
    return day
