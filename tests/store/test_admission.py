"""Admission: which step may follow which, what it needs, that two people are needed, and what ends soon."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from proxy.store import admission
from proxy.store.database import Store
from proxy.store.errors import StoreError
from proxy.store.history import By, lines
from proxy.store.schema import Allocation, Proof
from tests.store.rows import allocation, customer, trunk

TODAY = date(2026, 11, 25)
ANN, BOB = (By(who, "2026-11-25T08:00:00Z", TODAY) for who in ("ann", "bob"))
WHOLE: dict[str, Any] = {
    "name": "Acme",
    "licence": "9121",
    "licence_sha256": "a" * 64,
    "contact": "Li",
    "declared_use": "service",
    "scenario": "callbacks",
    "valid_from": date(2026, 1, 1),
    "valid_to": date(2027, 1, 1),
}
SITES = ["10.1.0.0/16", "10.0.0.0/16"]

STEPS: dict[str, Callable[[Session, str], object]] = {
    "set": lambda session, id_: admission.change(session, ANN, id_, {"contact": "Wang"}),
    "submit": lambda session, id_: admission.submit(session, ANN, id_),
    "approve": lambda session, id_: admission.approve(session, BOB, id_),
    "suspend": lambda session, id_: admission.suspend(session, ANN, id_, "spoofing"),
    "close": lambda session, id_: admission.close(session, ANN, id_, "left"),
}
# state -> step -> state; every other step is refused
ALLOWED = {
    "draft": {"set": "draft", "submit": "reviewed", "close": "closed"},
    "reviewed": {"set": "draft", "approve": "active", "close": "closed"},
    "active": {"set": "active", "suspend": "suspended", "close": "closed"},
    "suspended": {"set": "suspended", "approve": "active", "close": "closed"},
    "closed": {},
}


def refusal(step: Callable[..., object], *arguments: object) -> StoreError:
    with pytest.raises(StoreError) as caught:
        step(*arguments)
    return caught.value


def in_state(session: Session, state: str) -> str:
    admission.add(session, ANN, "acme", WHOLE, SITES)
    for step in {"draft": (), "reviewed": ("submit",), "active": ("submit", "approve"), "suspended": ("submit", "approve", "suspend"), "closed": ("close",)}[state]:  # fmt: skip
        STEPS[step](session, "acme")
    return "acme"


@pytest.mark.parametrize("state", ALLOWED)
def test_steps(state: str, store: Store) -> None:
    for step, act in STEPS.items():
        with store.write() as session:
            id_ = in_state(session, state)
            if step in ALLOWED[state]:
                act(session, id_)
                assert admission.customer_of(session, id_).state == ALLOWED[state][step]
            else:
                assert refusal(act, session, id_).message_key == "store.wrong_state"
                assert admission.customer_of(session, id_).state == state
            session.rollback()


def test_nobody_approves_what_they_asked_for(store: Store) -> None:
    with store.write() as session:
        in_state(session, "reviewed")
        for who in ("ann", " Ann ", "ANN"):
            assert refusal(admission.approve, session, By(who, "", TODAY), "acme").message_key == "store.same_person"
        admission.approve(session, BOB, "acme")
        admission.suspend(session, BOB, "acme", "")
        assert refusal(admission.approve, session, BOB, "acme").message_key == "store.same_person"
        admission.approve(session, ANN, "acme")


@pytest.mark.parametrize("name", [*admission.REQUIRED, "sites"])
def test_everything_is_required(name: str, store: Store) -> None:
    with store.write() as session:
        facts = {key: value for key, value in WHOLE.items() if key != name}
        made = admission.add(session, ANN, "acme", facts, [] if name == "sites" else SITES)
        assert admission.missing(session, made) == [name]
        refused = refusal(lambda: admission.submit(session, ANN, "acme"))
        assert (refused.message_key, refused.values["missing"]) == ("store.incomplete", name)


@pytest.mark.parametrize(
    ("kept", "sha256", "lacks"), [("archive 7", "b" * 64, []), ("archive 7", "", ["proof"]), ("", "b" * 64, ["proof"])]
)
def test_every_allocation_needs_its_proof(kept: str, sha256: str, lacks: list[str], store: Store) -> None:
    with store.write() as session:
        made = admission.add(session, ANN, "acme", WHOLE, SITES)
        held = allocation(session, trunk(session, "acme-1", "acme"), "+8695588")
        proof = session.get_one(Proof, held.proof_id)
        proof.kept, proof.sha256 = kept, sha256
        session.flush()
        assert admission.missing(session, made) == lacks


def test_an_active_customer_loses_nothing_that_is_required(store: Store) -> None:
    with store.write() as session:
        in_state(session, "active")
        assert refusal(admission.change, session, ANN, "acme", {"licence": ""}).values["missing"] == "licence"


def test_who_is_over_is_not_approved(store: Store) -> None:
    with store.write() as session:
        admission.add(session, ANN, "acme", WHOLE | {"valid_to": TODAY - timedelta(1)}, SITES)
        admission.submit(session, ANN, "acme")
        assert refusal(admission.approve, session, BOB, "acme").message_key == "store.customer_over"
        admission.change(session, ANN, "acme", {"valid_to": TODAY})
        admission.submit(session, ANN, "acme")
        admission.approve(session, BOB, "acme")


def test_days_in_order_and_ids_once(store: Store) -> None:
    with store.write() as session:
        wrong = WHOLE | {"valid_to": date(2025, 1, 1)}
        assert refusal(admission.add, session, ANN, "zeta", wrong, ()).message_key == "config.days"
        session.rollback()
    with store.write() as session:
        admission.add(session, ANN, "acme", {}, ())
        assert refusal(admission.add, session, ANN, "acme", {}, ()).message_key == "store.customer_exists"
        assert refusal(admission.submit, session, ANN, "none").message_key == "store.no_customer"


def test_sites_are_replaced_whole(store: Store) -> None:
    with store.write() as session:
        admission.add(session, ANN, "acme", WHOLE, SITES)
        admission.change(session, ANN, "acme", {})
        assert admission.sites_of(session, "acme") == sorted(SITES)
        admission.change(session, ANN, "acme", {}, ["192.0.2.0/24", "192.0.2.0/24"])
        assert admission.sites_of(session, "acme") == ["192.0.2.0/24"]
        last = lines(session)[-1]
        assert (last.before, last.after) == ({"sites": sorted(SITES)}, {"sites": ["192.0.2.0/24"]})


def test_closing_frees_the_numbers(store: Store) -> None:
    with store.write() as session:
        in_state(session, "active")
        for name in ("acme-1", "acme-2"):
            allocation(session, trunk(session, name, "acme"), "+8695588", "+8695599")
        admission.close(session, ANN, "acme", "left")
        current = select(func.count()).select_from(Allocation).where(Allocation.until_version.is_(None))
        assert session.scalar(current) == 0
        assert [(line.what, line.subject) for line in lines(session)[-3:]] == [
            ("number close", "trunk acme-1"),
            ("number close", "trunk acme-2"),
            ("customer close", "customer acme"),
        ]


def test_what_ends_soon(store: Store) -> None:
    def day(left: int) -> date:
        return TODAY + timedelta(left)

    with store.write() as session:
        for name, left in {
            "today": 0,
            "one": 1,
            "two": 2,
            "seven": 7,
            "eight": 8,
            "thirty": 30,
            "later": 31,
            "past": -1,
        }.items():
            customer(session, name, valid_to=day(left))
        customer(session, "draft", "draft", valid_to=day(1))
        row = trunk(session, "one-1", "one", valid={"to": day(3).isoformat()})
        for number, left in (("+8695500", 5), ("+8695501", 5), ("+8695502", 40)):
            allocation(session, row, number, ends=day(left))
        found = admission.expiring(session, TODAY)
    assert [(each.kind, each.subject, each.left, each.step, each.count) for each in found] == [
        ("customer", "today", 0, 1, 1),
        ("customer", "one", 1, 1, 1),
        ("customer", "two", 2, 7, 1),
        ("trunk", "one-1", 3, 7, 1),
        ("numbers", "one-1", 5, 7, 2),
        ("customer", "seven", 7, 7, 1),
        ("customer", "eight", 8, 30, 1),
        ("customer", "thirty", 30, 30, 1),
    ]


def test_a_policy_for_all_trunks_of_a_customer(store: Store) -> None:
    with store.write() as session:
        admission.add(session, ANN, "acme", WHOLE, SITES)
        admission.set_policy(session, ANN, "acme", {"caller": ("reject", 603), "trunk": ("tag", None)})
        assert admission.policy_of(session, "acme") == {"caller": "reject:603", "trunk": "tag"}
        admission.set_policy(session, ANN, "acme", {"caller": ("tag", None)})
        last = lines(session)[-1]
        assert (last.what, last.before, last.after) == (
            "customer policy",
            {"caller": "reject:603", "trunk": "tag"},
            {"caller": "tag"},
        )
        assert refusal(admission.set_policy, session, ANN, "none", {}).message_key == "store.no_customer"
