"""Trunks and their parts: frozen values that a child process can send back, compiled or not."""

from __future__ import annotations

import pickle  # noqa: TID251  # as multiprocessing does
from dataclasses import FrozenInstanceError
from datetime import date

import pytest

from proxy.call.barred import Bar
from proxy.call.directory import Grant
from proxy.call.trunk import Customer, DialPlan, IdentityTerms, RuleAction, Trunk, TrunkLimits

VALUES = [
    RuleAction("reject", 403),
    IdentityTerms("required", "B", "reject", True),
    DialPlan(area="24", strip=("9",), prefixes={"0086": "+86"}),
    Customer("acme", "Acme", suspended=True),
    TrunkLimits(10, 20, 300),
    Trunk(
        "acme-1", Customer("acme"), mode="monitor", valid_to=date(2026, 11, 23), policy={"caller": RuleAction("tag")}
    ),
    Bar("robocalls", date(2026, 1, 1), None),
    Grant("acme-1", date(2026, 1, 1), None, "service", "paper"),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_comes_back_as_it_was(value: object) -> None:
    assert pickle.loads(pickle.dumps(value)) == value  # our own octets


def test_a_value_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        VALUES[3].name = "Other"  # type: ignore[attr-defined]
