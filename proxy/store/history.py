"""The history: who changed what, when, and how it was before and after. Lines are only ever added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from proxy.store.schema import Change

CHANNEL: Final = "trunkward_directory"  # where PostgreSQL tells nodes of every change


@dataclass(frozen=True, slots=True)
class By:
    """Who does something, when (RFC 3339, UTC), and on which local day."""

    who: str
    at: str
    today: date


def note(
    session: Session,
    by: By,
    what: str,
    subject: str,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> None:
    """Add a line; of values before and after only those that differ are kept."""
    changed = {key for key in {**(before or {}), **(after or {})} if (before or {}).get(key) != (after or {}).get(key)}
    kept = [
        None if side is None else {key: _plain(value) for key, value in side.items() if key in changed}
        for side in (before, after)
    ]
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text(f"NOTIFY {CHANNEL}"))  # sent with the commit, once, or not at all
    session.add(Change(at=by.at, who=by.who, what=what, subject=subject, before=kept[0], after=kept[1]))


def lines(session: Session, subject: str = "", most: int = 100) -> Sequence[Change]:
    """The last lines about a subject ("customer acme", "trunk acme-1"), or about all, oldest first."""
    asked = select(Change).order_by(Change.id.desc()).limit(most)
    if subject:
        asked = asked.where(Change.subject == subject)
    return session.scalars(asked).all()[::-1]


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value
