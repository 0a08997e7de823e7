"""Versions of a trunk's numbers: who changed them when, and what came and went."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from proxy.store.errors import StoreError
from proxy.store.history import By, note
from proxy.store.schema import Allocation, Trunk, Version


def trunk_row(session: Session, trunk_id: str) -> Trunk:
    """A trunk by its id. Raises StoreError."""
    found = session.get(Trunk, trunk_id)
    if found is None:
        raise StoreError("store.no_trunk", trunk=trunk_id)
    return found


def begin(session: Session, by: By, trunk_id: str, action: str, file: str = "", sha256: str = "") -> Version:
    """Begin a version; what comes and goes with it is written by the caller, who then calls `finish`."""
    made = Version(trunk_id=trunk_id, at=by.at, who=by.who, action=action, file=file, sha256=sha256)
    session.add(made)
    session.flush()
    return made


def finish(session: Session, by: By, version: Version, added: int, removed: int, changed: int) -> None:
    """Note what a version has done."""
    version.added, version.removed, version.changed = added, removed, changed
    after = {"version": version.id, "added": added, "removed": removed, "changed": changed}
    after |= {name: value for name in ("file", "sha256", "base_id") if (value := getattr(version, name))}
    note(session, by, f"number {version.action}", f"trunk {version.trunk_id}", None, after)
    session.flush()


def release(session: Session, by: By, trunk_id: str) -> int:
    """End every allocation of a trunk; returns how many."""
    held = (Allocation.trunk_id == trunk_id, Allocation.until_version.is_(None))
    count = session.scalar(select(func.count()).select_from(Allocation).where(*held)) or 0
    if count:
        version = begin(session, by, trunk_id, "close")
        session.execute(update(Allocation).where(*held).values(until_version=version.id))
        finish(session, by, version, 0, count, 0)
    return count


def versions_of(session: Session, trunk_id: str) -> Sequence[Version]:
    """The versions of a trunk's numbers, oldest first. Raises StoreError."""
    trunk_row(session, trunk_id)
    return session.scalars(select(Version).where(Version.trunk_id == trunk_id).order_by(Version.id)).all()
