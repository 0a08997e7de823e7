"""Trunks as values: they travel between processes, compiled or not."""

from __future__ import annotations

from copy import copy
from datetime import date

import pytest

from proxy.call.trunk import Customer, DialPlan, IdentityTerms, RuleAction, Trunk, Value

VALUES = (
    RuleAction("reject", 603),
    IdentityTerms("required", "B", "reject", True),
    DialPlan("86", "24", ("9",), {"0086": "+86"}),
    Customer("acme", "Acme 呼叫中心", suspended=True),
    Trunk("acme-1", Customer("acme"), valid_from=date(2026, 1, 1), policy={"caller": RuleAction("tag")}),
)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_arrives_as_it_was(value: Value) -> None:
    made, parts = value.__reduce__()  # what both ends of a process pool use, and copy() as well
    assert made is type(value)
    assert made(*parts) == copy(value) == value  # type: ignore[operator,misc]  # a class and its arguments
