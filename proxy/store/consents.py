"""Consents of callees to calls of one customer, with what proves them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from proxy.call.directory import number_of
from proxy.store.admission import customer_of
from proxy.store.errors import StoreError
from proxy.store.history import By, note
from proxy.store.schema import OPEN_END, OPEN_START, Consent


def consent(
    session: Session,
    by: By,
    customer_id: str,
    callee: int,
    *,
    purpose: str = "",
    begins: date | None = None,
    ends: date | None = None,
    kept: str = "",
    sha256: str = "",
) -> Consent:
    """Keep the consent of a callee (a key) to calls of a customer. Raises StoreError."""
    customer_of(session, customer_id)
    begin, end = begins or OPEN_START, ends or OPEN_END
    if end < begin:
        raise StoreError("config.days", first=begin)
    if _find(session, customer_id, callee) is not None:
        raise StoreError("store.consented", callee=number_of(callee), customer=customer_id)
    row = Consent(customer_id=customer_id, callee=callee, purpose=purpose, kept=kept, sha256=sha256)
    row.valid_from, row.valid_to = begin, end
    session.add(row)
    note(session, by, "consent add", f"customer {customer_id}", None, _facts(row))
    session.flush()
    return row


def withdraw(session: Session, by: By, customer_id: str, callee: int) -> None:
    """End the consent of a callee; the history keeps it. Raises StoreError."""
    row = _find(session, customer_id, callee)
    if row is None:
        raise StoreError("store.not_consented", callee=number_of(callee), customer=customer_id)
    note(session, by, "consent withdraw", f"customer {customer_id}", _facts(row), None)
    session.delete(row)
    session.flush()


def consents(session: Session, customer_id: str = "", callee: int = 0) -> Sequence[Consent]:
    """Consents to calls of a customer, or of a callee, or all, in order."""
    asked = select(Consent).order_by(Consent.customer_id, Consent.callee)
    if customer_id:
        asked = asked.where(Consent.customer_id == customer_id)
    if callee:
        asked = asked.where(Consent.callee == callee)
    return session.scalars(asked).all()


def _find(session: Session, customer_id: str, callee: int) -> Consent | None:
    asked = select(Consent).where(Consent.customer_id == customer_id, Consent.callee == callee)
    return session.scalars(asked).one_or_none()


def _facts(row: Consent) -> dict[str, object]:
    facts: dict[str, object] = {"callee": number_of(row.callee), "purpose": row.purpose}
    facts |= {"kept": row.kept, "sha256": row.sha256}
    days = {"valid_from": row.valid_from, "valid_to": row.valid_to}
    return facts | {name: day for name, day in days.items() if day not in (OPEN_START, OPEN_END)}
