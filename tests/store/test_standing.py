"""What a database knows of customers and trunks, for the audit."""

from __future__ import annotations

from datetime import date

from proxy.store.database import Store
from proxy.store.history import By, note
from proxy.store.standing import standing
from tests.store import rows

TODAY = date(2026, 11, 25)


def test_how_customers_and_trunks_stand(store: Store) -> None:
    with store.write() as session:
        rows.customer(session, "acme", valid_to=date(2026, 12, 1))
        rows.customer(session, "bolt", "draft")
        one = rows.trunk(session, "acme-1", "acme")
        rows.trunk(session, "acme-2", "acme")
        rows.allocation(session, one, "+862488880000", "+862488880009", ends=date(2026, 11, 1))
        rows.allocation(session, one, "+862488880010", ends=date(2026, 12, 5))
        for at, before, after in (("2026-01-05", None, {"role": "access"}), ("2026-09-01", {"mode": None}, {"mode": "monitor"}), ("2026-10-01", {"tgrp": ""}, {"tgrp": "x"})):  # fmt: skip
            note(session, By("ann", f"{at}T08:00:00Z", TODAY), "trunk set", "trunk acme-1", before, after)
            session.flush()
    with store.read() as session:
        found = standing(session, TODAY)

    assert [(row["customer"], row["state"], row["valid_to"]) for row in found.customers] == [("acme", "active", "2026-12-01"), ("bolt", "draft", None)]  # fmt: skip
    assert "proof" in found.customers[0]["missing"]
    assert (found.unproved, found.expired) == ({"acme-1": 2}, {"acme-1": 1})
    assert found.since == {"acme-1": "2026-09-01", "acme-2": ""}
    assert found.ending == [("acme", "customer", "acme", "2026-12-01"), ("acme", "numbers", "acme-1", "2026-12-05")]
