"""A directory file in a store: what calls were held against before, they are held against after."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from proxy.call.directory import Directory, DirectoryBuilder
from proxy.call.trunk import Customer, DialPlan, IdentityTerms, RuleAction, Trunk, TrunkLimits
from proxy.settings.problems import ProblemList
from proxy.store import schema
from proxy.store.database import Store
from proxy.store.errors import StoreError
from proxy.store.history import By
from proxy.store.load import examine_store
from proxy.store.moving import move
from proxy.store.versions import versions_of

BY = By("ann", "2026-11-25T08:00:00Z", date(2026, 11, 25))
RULES = frozenset({"caller", "trunk"})
FULL = Trunk(
    id="acme-1",
    customer=Customer("acme", "Acme"),
    role="peer",
    screening="asserted",
    sources=("192.0.2.0/24",),
    gateway=("sip:192.0.2.1",),
    tgrp="two",
    mode="block",
    pilot_number="+862488880000",
    dial_plan=DialPlan("86", "24", ("9",), {"0086": "+86"}, frozenset()),
    valid_from=date(2026, 1, 1),
    valid_to=date(2027, 12, 31),
    policy={"caller": RuleAction("reject", 603), "trunk": RuleAction("tag")},
    identity=IdentityTerms("required", "B", "reject", False),
    limits=TrunkLimits(10, 30, 500),
)


def before() -> Directory:
    builder = DirectoryBuilder()
    builder.add_customer(Customer("idle", "Idle"))
    builder.add_trunk(FULL)
    builder.add_trunk(Trunk("acme-2", Customer("acme", "Acme"), dial_plan=DialPlan("86", emergency=frozenset())))
    builder.add("acme-1", "+862488880000", "+862488880099", None, date(2026, 12, 31), "service", "letter")
    builder.add("acme-1", "+862488880050", "+862488880060", None, None, "more", "")
    builder.add("acme-2", "+862488880000", "+862488880000", date(2026, 1, 1))
    builder.add_prefix("acme-2", "+869501")
    return builder.build()


def test_what_calls_are_held_against_stays_the_same(store: Store) -> None:
    old = before()
    with store.write() as session:
        move(session, BY, old, "directory.yaml", store.shown, RULES)
        assert [(each.action, each.file) for each in versions_of(session, "acme-1")] == [("import", "directory.yaml")]
        for customer in session.query(schema.Customer):
            assert customer.state == "draft"
            customer.state = "active"
    read = examine_store(store, ProblemList(), country="86", emergency=frozenset(), rules=RULES)
    assert read is not None
    new = read.directory
    assert new.trunks == {name: replace(trunk, customer=new.customers["acme"]) for name, trunk in old.trunks.items()}
    assert dict(new.customers) == dict(old.customers)
    assert new.total == old.total
    days = (date(2025, 6, 1), date(2026, 6, 1), date(2027, 6, 1))
    for number in (
        "+862488880000",
        "+862488880055",
        "+862488880061",
        "+862488880100",
        "+8695013999",
        "+869501399900000",
    ):
        for name in old.trunks:
            assert [new.allocated(name, number, day) for day in days] == [
                old.allocated(name, number, day) for day in days
            ]


def test_only_an_empty_store_takes_one(store: Store) -> None:
    with store.write() as session:
        session.add(schema.Customer(id="zeta", state="draft"))
        session.flush()
        with pytest.raises(StoreError, match=r"store\.not_empty"):
            move(session, BY, before(), "directory.yaml", store.shown, RULES)
