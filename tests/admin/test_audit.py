"""The audit names each thing that is wrong with a trunk, and nothing else."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from proxy.admin.audit import Terms, audit
from proxy.call.directory import Directory, DirectoryBuilder
from proxy.call.trunk import Customer, RuleAction, Trunk
from proxy.store.index_report import Counts, Sums
from proxy.store.standing import Standing

TODAY = date(2026, 11, 25)
USED = Sums(trunks={("acme-1", "acme"): Counts(calls=5)})


def directory(
    proof: str = "contract 7", ends: date | None = None, *, suspended: bool = False, **trunk: Any
) -> Directory:
    builder = DirectoryBuilder()
    customer = Customer("acme", "Acme", suspended=suspended)
    builder.add_customer(customer)
    builder.add_trunk(Trunk("acme-1", customer, **trunk))
    builder.add("acme-1", "+862488880000", "+862488880009", valid_to=ends, purpose="x", proof=proof)
    return builder.build()


def codes(found: Directory, sums: Sums = USED, **terms: Any) -> list[str]:
    held = Terms(**({"policy": {}, "mode": "block", "today": TODAY} | terms))
    return [remark.code for remark in audit(found, sums, held)]


def test_a_trunk_that_is_as_it_should_be_is_not_named() -> None:
    assert codes(directory()) == []


@pytest.mark.parametrize(
    ("given", "terms", "expected"),
    [
        ({"suspended": True}, {}, ["customer_state"]),
        ({"valid_to": date(2026, 11, 24)}, {}, ["expired"]),
        ({"valid_to": date(2026, 12, 25)}, {}, ["ending"]),
        ({"valid_to": date(2026, 12, 26)}, {}, []),
        ({"proof": ""}, {}, ["unproved"]),
        ({"ends": date(2026, 11, 1)}, {}, ["numbers_expired"]),
        ({"ends": date(2026, 12, 1)}, {}, ["numbers_ending"]),
        ({"mode": "monitor"}, {}, ["monitor"]),
        ({}, {"mode": "monitor"}, ["monitor"]),
        ({"mode": "block"}, {"mode": "monitor"}, []),
        ({"policy": {"caller": RuleAction("ignore")}}, {}, ["open"]),
        ({}, {"policy": {"caller.dno": RuleAction("tag")}}, ["open"]),
        ({}, {"policy": {"caller.dno": RuleAction("reject", 603)}}, []),
    ],
)
def test_each_fault_is_named(given: dict[str, Any], terms: dict[str, Any], expected: list[str]) -> None:
    assert codes(directory(**given), **terms) == expected


def test_a_trunk_without_calls_is_idle() -> None:
    assert codes(directory(), Sums()) == ["idle"]


@pytest.mark.parametrize(
    ("since", "days", "expected"),
    [
        ("2026-10-20", 30, ["monitor_since"]),
        ("2026-10-26", 30, []),
        ("2026-11-24", 0, ["monitor_since"]),
        ("", 30, ["monitor"]),
    ],
)
def test_how_long_a_trunk_is_in_monitor_mode(since: str, days: int, expected: list[str]) -> None:
    standing = Standing(since={"acme-1": since})
    assert codes(directory(mode="monitor"), monitor_days=days, standing=standing) == expected


def test_what_a_database_knows_is_said() -> None:
    standing = Standing(
        [{"customer": "acme", "state": "suspended"}], {"acme-1": 3}, {"acme-1": 2}, {},
        [("acme", "customer", "acme", "2026-12-01"), ("acme", "numbers", "acme-1", "2026-12-05"), ("bolt", "customer", "bolt", "2026-12-01")],
    )  # fmt: skip
    assert codes(directory(), standing=standing) == ["customer_state", "customer_ending", "unproved", "numbers_expired", "numbers_ending"]  # fmt: skip


def test_one_trunk_or_customer_alone() -> None:
    terms = Terms({}, "monitor", TODAY)
    assert [
        len(audit(directory(), USED, terms, *asked)) for asked in (("acme-1",), ("none",), ("", "acme"), ("", "bolt"))
    ] == [1, 0, 1, 0]
