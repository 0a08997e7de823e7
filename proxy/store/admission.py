"""
Admission of customers: draft, reviewed, active, then suspended or closed; a second person approves.

    draft --submit--> reviewed --approve--> active --suspend--> suspended
      ^                  |                    ^                     |
      +----- change -----+                    +------ approve ------+        any --close--> closed
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session

from proxy.store.errors import StoreError
from proxy.store.history import By, note
from proxy.store.schema import Allocation, Customer, Policy, Proof, Site, Trunk
from proxy.store.versions import release

FACTS: Final = (
    "name", "licence", "licence_sha256", "contact", "declared_use", "scenario", "valid_from", "valid_to",
)  # fmt: skip
REQUIRED: Final = ("licence", "licence_sha256", "contact", "declared_use", "scenario", "valid_from", "valid_to")
WARN_DAYS: Final = (1, 7, 30)


@dataclass(frozen=True, slots=True)
class Ending:
    """Something that ends soon: what it is, whose, its last day, and the step (30, 7, 1 days) that it has reached."""

    kind: str
    subject: str
    customer: str
    last: date
    left: int
    step: int
    count: int = 1


def customer_of(session: Session, customer_id: str) -> Customer:
    """A customer by its id. Raises StoreError."""
    found = session.get(Customer, customer_id)
    if found is None:
        raise StoreError("store.no_customer", customer=customer_id)
    return found


def sites_of(session: Session, customer_id: str) -> list[str]:
    """The networks of a customer, in order."""
    return sorted(session.scalars(select(Site.network).where(Site.customer_id == customer_id)))


def facts_of(session: Session, customer: Customer) -> dict[str, Any]:
    """Everything that is known about a customer."""
    facts = {name: getattr(customer, name) for name in ("id", "state", *FACTS, "asked_by")}
    return facts | {"sites": sites_of(session, customer.id), "policy": policy_of(session, customer.id)}


def add(session: Session, by: By, customer_id: str, facts: Mapping[str, object], sites: Iterable[str]) -> Customer:
    """Add a customer as a draft. Raises StoreError."""
    if session.get(Customer, customer_id) is not None:
        raise StoreError("store.customer_exists", customer=customer_id)
    customer = Customer(id=customer_id, state="draft", **{name: facts[name] for name in FACTS if name in facts})
    session.add(customer)
    session.flush()
    _place(session, customer_id, sites)
    _ordered(customer)
    note(session, by, "customer add", f"customer {customer_id}", None, facts_of(session, customer))
    return customer


def change(
    session: Session, by: By, customer_id: str, facts: Mapping[str, object], sites: Iterable[str] | None = None
) -> Customer:
    """
    Change what is known about a customer; None leaves the sites alone.

    What was reviewed is a draft again, because it is no longer what was reviewed. An active customer stays active
    as long as nothing that is required goes missing. Raises StoreError.
    """
    customer = customer_of(session, customer_id)
    _must_be(customer, "draft", "reviewed", "active", "suspended")
    before = facts_of(session, customer)
    for name in FACTS:
        if name in facts:
            setattr(customer, name, facts[name])
    if sites is not None:
        session.execute(delete(Site).where(Site.customer_id == customer_id))
        _place(session, customer_id, sites)
    _ordered(customer)
    if customer.state == "reviewed":
        customer.state, customer.asked_by = "draft", ""
    if customer.state != "draft":
        _must_be_complete(session, customer)
    note(session, by, "customer set", f"customer {customer_id}", before, facts_of(session, customer))
    return customer


def submit(session: Session, by: By, customer_id: str) -> Customer:
    """Say that a draft is complete and may be approved. Raises StoreError."""
    customer = customer_of(session, customer_id)
    _must_be(customer, "draft")
    _must_be_complete(session, customer)
    return _step(session, by, customer, "submit", "reviewed", by.who)


def approve(session: Session, by: By, customer_id: str) -> Customer:
    """Admit a customer, or admit again after a suspension; another person than who asked for it. Raises StoreError."""
    customer = customer_of(session, customer_id)
    _must_be(customer, "reviewed", "suspended")
    if customer.asked_by.strip().casefold() == by.who.strip().casefold():
        raise StoreError("store.same_person", who=by.who)
    _must_be_complete(session, customer)
    if customer.valid_to is not None and customer.valid_to < by.today:
        raise StoreError("store.customer_over", customer=customer_id, last=customer.valid_to)
    return _step(session, by, customer, "approve", "active", "")


def suspend(session: Session, by: By, customer_id: str, reason: str) -> Customer:
    """Stop the calls of a customer, until somebody else approves again. Raises StoreError."""
    customer = customer_of(session, customer_id)
    _must_be(customer, "active")
    return _step(session, by, customer, "suspend", "suspended", by.who, reason)


def close(session: Session, by: By, customer_id: str, reason: str) -> Customer:
    """End a customer for good; its numbers are free for others. Raises StoreError."""
    customer = customer_of(session, customer_id)
    _must_be(customer, "draft", "reviewed", "active", "suspended")
    for trunk_id in session.scalars(select(Trunk.id).where(Trunk.customer_id == customer_id).order_by(Trunk.id)):
        release(session, by, trunk_id)
    return _step(session, by, customer, "close", "closed", "", reason)


def set_policy(session: Session, by: By, customer_id: str, policy: Mapping[str, tuple[str, int | None]]) -> None:
    """Say what follows on all trunks of a customer that say nothing else; replaces what was said. Raises StoreError."""
    customer_of(session, customer_id)
    before = policy_of(session, customer_id)
    session.execute(delete(Policy).where(Policy.customer_id == customer_id))
    for rule, (action, status) in policy.items():
        session.add(Policy(customer_id=customer_id, rule=rule, action=action, status=status))
    session.flush()
    note(session, by, "customer policy", f"customer {customer_id}", before, policy_of(session, customer_id))


def policy_of(session: Session, customer_id: str) -> dict[str, str]:
    """The policy of a customer: rule or family -> action, with its status behind a colon."""
    rows = session.scalars(select(Policy).where(Policy.customer_id == customer_id).order_by(Policy.rule))
    return {row.rule: row.action + (f":{row.status}" if row.status else "") for row in rows}


def missing(session: Session, customer: Customer) -> list[str]:
    """What an admission still needs: names of facts, "sites", and "proof" where an allocation has none."""
    lacks = [name for name in REQUIRED if not getattr(customer, name)]
    if not sites_of(session, customer.id):
        lacks.append("sites")
    unproved = select(func.count()).select_from(Allocation).join(Proof, Proof.id == Allocation.proof_id)
    unproved = unproved.where(
        Allocation.customer_id == customer.id,
        Allocation.until_version.is_(None),
        or_(Proof.kept == "", Proof.sha256 == ""),
    )
    if session.scalar(unproved):
        lacks.append("proof")
    return lacks


def expiring(session: Session, today: date) -> list[Ending]:
    """What ends within 30 days, the nearest first: customers, trunks, allocations (counted by trunk and day)."""
    until = today + timedelta(days=max(WARN_DAYS))
    customers = select(Customer.id, Customer.id, Customer.valid_to).where(Customer.state.not_in(("draft", "closed")))
    trunks = select(Trunk.id, Trunk.customer_id, Trunk.valid_to).join(Customer).where(Customer.state != "closed")
    asked = {
        "customer": customers.where(Customer.valid_to.between(today, until)),
        "trunk": trunks.where(Trunk.valid_to.between(today, until)),
    }
    found = [
        _ending(kind, subject, owner, last or until, today)
        for kind, rows in asked.items()
        for subject, owner, last in session.execute(rows)
    ]
    held = Allocation
    grouped = select(held.trunk_id, held.customer_id, held.valid_to, func.count())
    grouped = grouped.where(held.until_version.is_(None), held.valid_to.between(today, until))
    grouped = grouped.group_by(held.trunk_id, held.customer_id, held.valid_to)
    found += [_ending("numbers", *row[:3], today, row[3]) for row in session.execute(grouped)]
    return sorted(found, key=lambda each: (each.last, each.kind, each.subject))


def _ending(kind: str, subject: str, owner: str, last: date, today: date, count: int = 1) -> Ending:
    left = (last - today).days
    step = next(days for days in WARN_DAYS if left <= days)
    return Ending(kind, subject, owner, last, left, step, count)


def _step(
    session: Session, by: By, customer: Customer, what: str, state: str, asked_by: str, reason: str = ""
) -> Customer:
    before = {"state": customer.state, "asked_by": customer.asked_by}
    customer.state, customer.asked_by = state, asked_by
    after = {"state": state, "asked_by": asked_by} | ({"reason": reason} if reason else {})
    note(session, by, f"customer {what}", f"customer {customer.id}", before, after)
    session.flush()
    return customer


def _place(session: Session, customer_id: str, sites: Iterable[str]) -> None:
    session.add_all(Site(customer_id=customer_id, network=network) for network in dict.fromkeys(sites))
    session.flush()


def _must_be(customer: Customer, *states: str) -> None:
    if customer.state not in states:
        raise StoreError("store.wrong_state", customer=customer.id, state=customer.state, expected=", ".join(states))


def _must_be_complete(session: Session, customer: Customer) -> None:
    lacks: Sequence[str] = missing(session, customer)
    if lacks:
        raise StoreError("store.incomplete", customer=customer.id, missing=", ".join(lacks))


def _ordered(customer: Customer) -> None:
    if customer.valid_from and customer.valid_to and customer.valid_to < customer.valid_from:
        raise StoreError("config.days", first=customer.valid_from)
