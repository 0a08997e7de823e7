"""The numbers of a trunk as a list, as of any version, and what happened to one number."""

from __future__ import annotations

from datetime import date

from proxy.call.directory import key_of
from proxy.store.database import Store
from proxy.store.listing import HISTORY, day_of, happened, rows_at
from proxy.store.schema import Version
from tests.store.rows import allocation, customer, trunk


def test_a_list_in_order_of_number(store: Store) -> None:
    with store.write() as session:
        customer(session, "acme")
        row = trunk(session, "acme-1", "acme")
        allocation(session, row, "+862488880000", "+862488880099", begins=date(2026, 1, 1), ends=date(2026, 12, 31))
        allocation(session, row, "+8695588")
        assert list(rows_at(session, "acme-1")) == [
            ("+8695588", "", "", "", "service", "acme-1 +8695588", ""),
            ("+862488880000", "+862488880099", "2026-01-01", "2026-12-31", "service", "acme-1 +862488880000", ""),
        ]


def test_as_of_a_version_and_what_happened(store: Store) -> None:
    with store.write() as session:
        customer(session, "acme")
        row = trunk(session, "acme-1", "acme")
        first = allocation(session, row, "+8695500", "+8695599")
        ending = Version(trunk_id="acme-1", at="2026-11-26T08:00:00Z", who="bob", action="import")
        session.add(ending)
        session.flush()
        first.until_version = ending.id
        session.flush()
        assert [len(list(rows_at(session, "acme-1", version))) for version in (first.since_version, ending.id)] == [
            1,
            0,
        ]
        (found,) = happened(session, key_of("+8695588"))
        assert tuple(found) == HISTORY
        assert [found[name] for name in ("first", "since", "since_by", "until", "until_by", "until_version")] == [
            "+8695500", "2026-11-25T08:00:00Z", "ann", "2026-11-26T08:00:00Z", "bob", ending.id
        ]  # fmt: skip
        assert happened(session, key_of("+8695600")) == []


def test_open_ends_are_empty() -> None:
    assert [day_of(day) for day in ("0001-01-01", "9999-12-31", "2026-01-01")] == ["", "", "2026-01-01"]
