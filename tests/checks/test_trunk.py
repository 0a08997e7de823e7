"""trunk: active, and within its days."""

from __future__ import annotations

from datetime import date

import pytest

from proxy.call.trunk import Customer, Trunk
from proxy.checks.base import Outcome
from proxy.checks.trunk import judge
from tests.checks.calls import TODAY, call, facts, trunk


@pytest.mark.parametrize(
    ("on", "rules"),
    [
        (trunk(), []),
        (trunk(suspended=True), ["trunk.suspended"]),
        (trunk(customer=Customer("acme", suspended=True)), ["trunk.suspended"]),
        (trunk(valid_from=TODAY, valid_to=TODAY), []),
        (trunk(valid_to=date(2026, 11, 22)), ["trunk.expired"]),
        (trunk(valid_from=date(2026, 11, 24)), ["trunk.expired"]),
        (trunk(suspended=True, valid_to=date(2026, 11, 22)), ["trunk.suspended", "trunk.expired"]),
    ],
)
def test_trunk(on: Trunk, rules: list[str]) -> None:
    assert [finding.rule for finding in judge(call(on=on), facts()).findings] == rules


def test_core_side_is_no_customer() -> None:
    assert judge(call(on=trunk(role="core", suspended=True)), facts()).outcome is Outcome.NOT_APPLICABLE
