"""Consents: kept with their proof, found by customer and callee, withdrawn but not forgotten."""

from __future__ import annotations

from datetime import date

import pytest

from proxy.call.directory import key_of
from proxy.store.consents import consent, consents, withdraw
from proxy.store.database import Store
from proxy.store.errors import StoreError
from proxy.store.history import By, lines
from tests.store.rows import customer

BY = By("ann", "2026-11-25T08:00:00Z", date(2026, 11, 25))
WANG, LI = key_of("+8613800138000"), key_of("+8613900139000")


def test_kept_and_withdrawn(store: Store) -> None:
    with store.write() as session:
        for name in ("acme", "zeta"):
            customer(session, name)
            consent(session, BY, name, WANG, purpose="news", ends=date(2026, 12, 31), kept="form 1", sha256="ab")
        consent(session, BY, "acme", LI)
        assert [(row.customer_id, row.callee) for row in consents(session)] == [
            ("acme", WANG),
            ("acme", LI),
            ("zeta", WANG),
        ]
        assert [row.callee for row in consents(session, "acme")] == [WANG, LI]
        assert [row.customer_id for row in consents(session, callee=WANG)] == ["acme", "zeta"]
        withdraw(session, BY, "acme", WANG)
        assert [row.customer_id for row in consents(session, callee=WANG)] == ["zeta"]
        last = lines(session, "customer acme")[-1]
        assert (last.what, last.after) == ("consent withdraw", None)
        assert last.before == {"callee": "+8613800138000", "purpose": "news", "kept": "form 1", "sha256": "ab", "valid_to": "2026-12-31"}  # fmt: skip


def test_what_does_not_fit(store: Store) -> None:
    with store.write() as session:
        customer(session, "acme")
        consent(session, BY, "acme", WANG)
        with pytest.raises(StoreError, match=r"store\.consented"):
            consent(session, BY, "acme", WANG)
        with pytest.raises(StoreError, match=r"store\.no_customer"):
            consent(session, BY, "none", WANG)
        with pytest.raises(StoreError, match=r"config\.days"):
            consent(session, BY, "acme", LI, begins=date(2026, 1, 2), ends=date(2026, 1, 1))
        with pytest.raises(StoreError, match=r"store\.not_consented"):
            withdraw(session, BY, "acme", LI)
