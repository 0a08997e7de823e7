"""Versions of a trunk's numbers: begun, finished with their counts, released, listed."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select

from proxy.store.database import Store
from proxy.store.errors import StoreError
from proxy.store.history import By, lines
from proxy.store.schema import Allocation
from proxy.store.versions import begin, finish, release, versions_of
from tests.store.rows import allocation, customer, trunk

BY = By("ann", "2026-11-25T08:00:00Z", date(2026, 11, 25))


def test_a_version_says_who_when_and_how_much(store: Store) -> None:
    with store.write() as session:
        customer(session, "acme")
        trunk(session, "acme-1", "acme")
        finish(session, BY, begin(session, BY, "acme-1", "import", "list.csv", "a" * 64), 3, 2, 1)
        (version,) = versions_of(session, "acme-1")
        assert (version.who, version.at, version.action, version.file) == ("ann", BY.at, "import", "list.csv")
        (line,) = lines(session, "trunk acme-1")
        assert (line.what, line.after) == ("number import", {"version": version.id, "added": 3, "removed": 2, "changed": 1, "file": "list.csv", "sha256": "a" * 64})  # fmt: skip


def test_release_ends_what_is_current_and_nothing_else(store: Store) -> None:
    with store.write() as session:
        customer(session, "acme")
        rows = [trunk(session, name, "acme") for name in ("acme-1", "acme-2")]
        for row in rows:
            allocation(session, row, "+8695588")
        assert release(session, BY, "acme-1") == 1
        assert release(session, BY, "acme-1") == 0
        current = select(Allocation.trunk_id).where(Allocation.until_version.is_(None))
        assert session.scalars(current).all() == ["acme-2"]
        assert [version.action for version in versions_of(session, "acme-1")] == ["import", "close"]


def test_a_trunk_that_is_not_there(store: Store) -> None:
    with store.read() as session, pytest.raises(StoreError, match=r"store\.no_trunk"):
        versions_of(session, "none")
