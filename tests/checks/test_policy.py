"""Policy: rule beats family, trunk beats node, and a status is kept where none is given."""

from __future__ import annotations

import pytest

from proxy.call.trunk import NO_TERMS, IdentityTerms, OnError, RuleAction
from proxy.checks.policy import DEFAULTS, FAMILIES, NAMES, RULES, agreed, effective

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


@pytest.mark.parametrize(
    ("node", "trunk", "on_error", "expected"),
    [
        ({}, {}, "pass", RuleAction("tag", 436)),
        ({}, {}, "reject", RuleAction("reject", 436)),
        ({"identity": REJECT_603}, {"identity": REJECT_603}, "pass", RuleAction("tag", 436)),  # nothing is proved
        ({"identity.unreachable": REJECT_603}, {}, "pass", REJECT_603),
        ({"identity.unreachable": REJECT_603}, {"identity.unreachable": TAG}, "reject", RuleAction("tag", 436)),
    ],
)
def test_what_proves_nothing_follows_on_error_and_its_own_entry_alone(
    node: dict[str, RuleAction], trunk: dict[str, RuleAction], on_error: OnError, expected: RuleAction
) -> None:
    assert effective(node, trunk, on_error)["identity.unreachable"] == expected


@pytest.mark.parametrize(
    ("node", "trunk", "expected"),
    [
        (NO_TERMS, NO_TERMS, IdentityTerms("off", "", "pass", False)),
        (IdentityTerms("required", "B", "reject", True), NO_TERMS, IdentityTerms("required", "B", "reject", True)),
        (
            IdentityTerms("required", "B", "reject", True),
            IdentityTerms("off", "", "pass", False),
            IdentityTerms("off", "", "pass", False),
        ),
        (NO_TERMS, IdentityTerms(verify="when-present"), IdentityTerms("when-present", "", "pass", False)),
    ],
)
def test_a_trunks_terms_beat_the_nodes(node: IdentityTerms, trunk: IdentityTerms, expected: IdentityTerms) -> None:
    assert agreed(node, trunk) == expected


def test_every_rule_has_an_action() -> None:
    assert set(effective({}, {})) == set(RULES) == set(DEFAULTS)
    assert FAMILIES == ("trunk", "caller", "identity", "callee", "traffic")
    assert "trunk.unknown" not in NAMES


@pytest.mark.parametrize(
    ("policy", "rule", "replaces", "action"),
    [
        ("caller", "caller.not_allocated", True, "replace"),
        ("caller", "caller.display_name", True, "reject"),  # no number to put in its place
        ("caller", "caller.missing", False, "reject"),  # not a customer's trunk
        ("caller.missing", "caller.not_allocated", True, "reject"),
    ],
)
def test_what_cannot_be_replaced_is_rejected(policy: str, rule: str, replaces: bool, action: str) -> None:
    chosen = effective({policy: RuleAction("replace")}, {}, replaces=replaces)
    assert chosen[rule] == RuleAction(action, DEFAULTS[rule].status)  # type: ignore[arg-type]
