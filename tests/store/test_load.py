"""A store as the directory that calls read: what it holds, what it refuses, and what it costs nobody."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from proxy.call.trunk import RuleAction
from proxy.settings.problems import ProblemList
from proxy.store.database import Store
from proxy.store.entries import Examined
from proxy.store.load import examine_store
from proxy.store.schema import Policy, Version
from tests.store.rows import allocation, customer, trunk

TODAY = date(2026, 11, 25)
RULES = frozenset({"caller", "caller.missing", "trunk"})


def examined(store: Store) -> tuple[Examined | None, list[str]]:
    found = ProblemList()
    read = examine_store(store, found, country="49", emergency=frozenset({"110"}), rules=RULES)
    return read, [problem.text("en").removeprefix(f"{store.shown}: ") for problem in found]


def loaded(store: Store) -> Examined:
    read, problems = examined(store)
    assert read is not None, problems
    assert problems == []
    return read


def test_trunks_and_numbers(store: Store) -> None:
    with store.write() as session:
        customer(session, "acme")
        row = trunk(
            session,
            "acme-1",
            "acme",
            sources=["192.0.2.1/32"],
            gateway=["sip:192.0.2.1"],
            dial_plan={"area": "24", "strip": ["9"]},
            mode="block",
            valid={"to": "2027-12-31"},
            policy={"caller": {"action": "reject", "status": 603}},
            identity={"verify": "off"},
        )
        allocation(session, row, "+862488880000", "+862488880099")
        allocation(session, row, "+8695588", begins=date(2026, 1, 1), ends=date(2026, 6, 30))
    read = loaded(store)
    made = read.directory.trunks["acme-1"]
    assert (made.sources, made.gateway, made.mode) == (("192.0.2.1/32",), ("sip:192.0.2.1",), "block")
    assert (made.dial_plan.country, made.dial_plan.area, made.dial_plan.strip) == ("49", "24", ("9",))
    assert (made.valid_to, made.policy, made.identity.verify) == (date(2027, 12, 31), {"caller": RuleAction("reject", 603)}, "off")  # fmt: skip
    assert [read.directory.allocated("acme-1", number, TODAY) for number in ("+862488880042", "+8695588", "+862488880100")] == [True, False, False]  # fmt: skip
    (grant,) = read.directory.grants("+862488880000")
    assert (grant.valid_from, grant.valid_to, grant.purpose, grant.proof) == (None, None, "service", "acme-1 +862488880000")  # fmt: skip
    assert read.ends == {"acme-1": {None: 1, date(2026, 6, 30): 1}}
    assert read.places["acme-1"] == (store.shown, 0, 0, "trunks.acme-1")


@pytest.mark.parametrize("state", ["draft", "reviewed", "active", "suspended", "closed"])
def test_only_an_active_customer_may_call(state: str, store: Store) -> None:
    with store.write() as session:
        customer(session, "acme", state)
        trunk(session, "acme-1", "acme")
    assert loaded(store).directory.trunks["acme-1"].customer.suspended is (state != "active")


def test_a_trunk_has_the_days_of_its_customer_too(store: Store) -> None:
    with store.write() as session:
        customer(session, "acme", valid_from=date(2026, 1, 1), valid_to=date(2026, 12, 31))
        trunk(session, "acme-1", "acme", valid={"from": "2026-03-01", "to": "2030-01-01"})
    made = loaded(store).directory.trunks["acme-1"]
    assert (made.valid_from, made.valid_to) == (date(2026, 3, 1), date(2026, 12, 31))


def test_a_trunks_policy_beats_its_customers(store: Store) -> None:
    with store.write() as session:
        customer(session, "acme")
        session.add(Policy(customer_id="acme", rule="caller", action="tag"))
        session.add(Policy(customer_id="acme", rule="trunk", action="reject", status=603))
        trunk(session, "acme-1", "acme", policy={"caller": {"action": "ignore"}})
    made = loaded(store).directory.trunks["acme-1"]
    assert made.policy == {"caller": RuleAction("ignore"), "trunk": RuleAction("reject", 603)}


def test_what_a_version_has_ended_is_gone(store: Store) -> None:
    with store.write() as session:
        customer(session, "acme")
        row = trunk(session, "acme-1", "acme")
        ended = allocation(session, row, "+862488880000")
        allocation(session, row, "+862488880001")
        version = Version(trunk_id="acme-1", at="", who="ann", action="import")
        session.add(version)
        session.flush()
        ended.until_version = version.id
    assert (loaded(store).directory.total, loaded(store).ends["acme-1"][None]) == (1, 1)


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("a strange rule", {"policy": {"callr": {"action": "tag"}}}, "trunks.acme-1.policy.callr: there is no rule or rule family 'callr', did you mean 'caller'?"),
    ("a pilot number of nobody", {"pilot_number": "+862466660000"}, "trunks.acme-1.pilot_number: +862466660000 is not among the allocations of this trunk"),
    ("sources of two", {"sources": ["192.0.2.0/24"]}, "trunks: 192.0.2.7/32 overlaps 192.0.2.0/24 of trunk acme-1; two trunks behind one address need different tgrp"),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "said"), [(raw, said) for _, raw, said in WRONG], ids=[name for name, _, _ in WRONG])
def test_what_is_wrong_is_named(raw: dict[str, Any], said: str, store: Store) -> None:
    with store.write() as session:
        customer(session, "acme")
        trunk(session, "acme-1", "acme", **raw)
        trunk(session, "acme-2", "acme", sources=["192.0.2.7/32"])
    assert examined(store) == (None, [said])


def test_a_store_without_a_trunk_is_no_directory(store: Store) -> None:
    assert examined(store) == (None, ["trunks: there is no trunk; an empty directory would stop every call"])


def test_overlaps_that_were_written_by_hand_are_found(store: Store) -> None:
    if not store.is_sqlite:
        pytest.skip("PostgreSQL refuses to write them")
    with store.write() as session:
        for name in ("acme", "zeta"):
            customer(session, name)
            allocation(session, trunk(session, f"{name}-1", name), "+862488880000")
    assert examined(store)[1] == ["trunks: +862488880000 to +862488880000 is allocated to two customers at once: acme and zeta"]  # fmt: skip
