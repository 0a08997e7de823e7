"""What is planned is what is done, and PostgreSQL refuses what a writer past this program would have done."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import text

from proxy.call.directory import key_of
from proxy.store.changing import apply, check_pilot, new_version, plan, rows_of
from proxy.store.database import Store
from proxy.store.errors import StoreError
from proxy.store.history import By
from proxy.store.staging import stage
from tests.store.rows import allocation, customer, trunk

BY = By("ann", "2026-11-25T08:00:00Z", date(2026, 11, 25))
KEY = key_of("+8695588")


def test_a_plan_counts_numbers_rows_and_what_lacks_a_proof(store: Store) -> None:
    with store.write() as session:
        customer(session, "acme")
        row = trunk(session, "acme-1", "acme")
        allocation(session, row, "+8695500", "+8695509")
        stage(session, [(1, KEY, KEY + 4, "0001-01-01", "9999-12-31", "", "c", "ab"), (2, KEY + 9, KEY + 9, "0001-01-01", "9999-12-31", "", "c", "")])  # fmt: skip
        found = plan(session, row, keep=False)
        assert (found.added, found.removed, found.changed, found.same, found.unproved) == (2, 1, 0, 0, 1)
        assert (found.before, found.after) == (10, 6)
        assert plan(session, row, keep=True).after == 16
        assert [each[:3] for each in rows_of(session, row, "added", 1)] == [(1, KEY, KEY + 4)]
        apply(session, BY, row, found, new_version(session, BY, row, "l", ""), keep=False)
        assert plan(session, row, keep=False).nothing


def test_clashes_are_found_before_and_refused_by_postgresql_all_the_same(store: Store) -> None:
    with store.write() as session:
        for name in ("acme", "zeta"):
            customer(session, name)
            row = trunk(session, f"{name}-1", name)
        allocation(session, row, "+8695500", "+8695599")

    def write() -> None:
        with store.write() as session:
            mine = session.get_one(type(row), "acme-1")
            stage(session, [(7, KEY, KEY, "2026-01-01", "2026-01-01", "", "", "")])
            found = plan(session, mine, keep=False)
            (clash,) = found.clashes
            assert (clash.line, clash.low, clash.customer, clash.other_low) == (7, KEY, "zeta", key_of("+8695500"))
            apply(session, BY, mine, found, new_version(session, BY, mine, "", ""), keep=False)
            if store.is_sqlite:
                session.rollback()

    if store.is_sqlite:
        write()
    else:
        with pytest.raises(StoreError, match="ex_allocations_apart"):
            write()
    with store.read() as session:
        assert session.execute(text("SELECT count(*) FROM allocations WHERE trunk_id = 'acme-1'")).scalar() == 0


def test_a_pilot_number_must_be_held(store: Store) -> None:
    with store.write() as session:
        customer(session, "acme")
        row = trunk(session, "acme-1", "acme")
        check_pilot(session, row)
        row.pilot_number = "+8695588"
        with pytest.raises(StoreError, match=r"store\.pilot"):
            check_pilot(session, row)
        allocation(session, row, "+8695500", "+8695599")
        check_pilot(session, row)
