"""Trunks as rows: every field of a directory file goes in and comes out the same."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from proxy.settings.directory_model import TrunkEntry
from proxy.settings.problems import ConfigError, ProblemList
from proxy.store.database import Store
from proxy.store.errors import StoreError
from proxy.store.history import By, lines
from proxy.store.schema import Trunk
from proxy.store.trunks import add, change, checked, raw_of
from tests.store.rows import allocation, customer, trunk

BY = By("ann", "2026-11-25T08:00:00Z", date(2026, 11, 25))
LEAST: dict[str, Any] = {"id": "acme-1", "customer": "acme", "role": "access", "screening": "strict", "state": "active"}
FULL: dict[str, Any] = LEAST | {
    "role": "peer",
    "screening": "asserted",
    "state": "suspended",
    "sources": ["192.0.2.0/24", "2001:db8::/32"],
    "tls_names": ["pbx.acme.example"],
    "gateway": ["sip:192.0.2.1:5070"],
    "pilot_number": "+862488880000",
    "dial_plan": {"country": "86", "area": "24", "strip": ["9"], "prefixes": {"0086": "+86"}},
    "tgrp": "two",
    "mode": "monitor",
    "valid": {"from": "2026-01-01", "to": "2026-12-31"},
    "policy": {"caller": {"action": "reject", "status": 603}, "trunk": {"action": "tag"}},
    "identity": {"verify": "required", "min_attestation": "B", "on_error": "reject", "sign": False},
    "limits": {"calls_per_second": 10, "concurrent": 30, "packets_per_second": 500},
}


@pytest.mark.parametrize("raw", [pytest.param(LEAST, id="least"), pytest.param(FULL, id="every-field")])
def test_a_row_keeps_every_field(raw: dict[str, Any], store: Store) -> None:
    with store.write() as session:
        customer(session, "acme")
        trunk(session, **{"trunk_id" if key == "id" else "customer_id" if key == "customer" else key: value for key, value in raw.items()})  # fmt: skip
    with store.read() as session:
        row = session.get_one(Trunk, "acme-1")
        assert raw_of(row) == raw
        assert TrunkEntry.model_validate(raw_of(row)) == TrunkEntry.model_validate(raw)


def test_every_field_of_the_file_has_its_place() -> None:
    assert set(FULL) == set(TrunkEntry.model_fields) - {"allocations"}


def test_faults_have_the_trunk_in_the_place_of_a_line() -> None:
    found = ProblemList()
    raw = LEAST | {"mode": "blok", "policy": {"callr": {"action": "tag"}}}
    assert checked(raw, "d.db", found, {"caller"}) is None
    assert [problem.text("en").partition(" ")[0] + problem.key for problem in found] == [
        "d.db:trunks.acme-1.mode",
        "d.db:trunks.acme-1.policy.callr",
    ]


def test_trunks_are_added_and_changed_with_a_history(store: Store) -> None:
    with store.write() as session:
        customer(session, "acme", "draft")
        row = add(session, BY, LEAST | {"mode": "block"}, "d.db", ())
        change(session, BY, "acme-1", {"mode": None, "tgrp": "two", "id": "other", "customer": "zeta"}, "d.db", ())
        assert raw_of(row) == LEAST | {"tgrp": "two"}
        first, second = lines(session, "trunk acme-1")
        assert (first.what, first.before) == ("trunk add", None)
        assert (second.what, second.before, second.after) == ("trunk set", {"mode": "block"}, {"tgrp": "two"})


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"id": "acme-0"}, "store.trunk_exists"),
        ({"customer": "none"}, "store.no_customer"),
        ({"customer": "gone"}, "store.wrong_state"),
        ({"sources": ["192.0.2.7/32"]}, "store.sources"),
        ({"pilot_number": "+8695588"}, "store.pilot"),
    ],
)
def test_trunks_that_do_not_fit(raw: dict[str, Any], message: str, store: Store) -> None:
    with store.write() as session:
        customer(session, "acme")
        customer(session, "gone", "closed")
        allocation(session, trunk(session, "acme-0", "acme", sources=["192.0.2.0/24"]), "+8695588")
        with pytest.raises(StoreError) as caught:
            add(session, BY, LEAST | raw, "d.db", ())
        assert caught.value.message_key == message
        session.rollback()


def test_wrong_values_change_nothing(store: Store) -> None:
    with store.write() as session:
        customer(session, "acme")
        trunk(session, "acme-1", "acme")
        with pytest.raises(ConfigError, match=r"trunks\.acme-1\.mode"):
            change(session, BY, "acme-1", {"mode": "blok"}, "d.db", ())
        with pytest.raises(StoreError, match=r"store\.no_trunk"):
            change(session, BY, "none", {}, "d.db", ())
        assert lines(session) == []
