"""Policy: rule beats family, trunk beats node, and a status is kept where none is given."""

from __future__ import annotations

import pytest

from proxy.call.trunk import RuleAction
from proxy.checks.policy import DEFAULTS, FAMILIES, NAMES, RULES, effective

REJECT_603 = RuleAction("reject", 603)
TAG = RuleAction("tag")
IGNORE = RuleAction("ignore")
RULE = "caller.anonymous"


@pytest.mark.parametrize(
    ("node", "trunk", "expected"),
    [
        ({}, {}, RuleAction("reject", 433)),
        ({"caller": TAG}, {}, RuleAction("tag", 433)),
        ({"caller": TAG, RULE: REJECT_603}, {}, REJECT_603),
        ({RULE: REJECT_603}, {"caller": TAG}, RuleAction("tag", 433)),
        ({RULE: REJECT_603}, {"caller": TAG, RULE: IGNORE}, RuleAction("ignore", 433)),
        ({"trunk": TAG}, {}, RuleAction("reject", 433)),
    ],
)
def test_effective(node: dict[str, RuleAction], trunk: dict[str, RuleAction], expected: RuleAction) -> None:
    assert effective(node, trunk)[RULE] == expected


def test_every_rule_has_an_action() -> None:
    assert set(effective({}, {})) == set(RULES) == set(DEFAULTS)
    assert FAMILIES == ("trunk", "caller")
    assert "trunk.unknown" not in NAMES
