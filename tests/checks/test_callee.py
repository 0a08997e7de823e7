"""callee: consents, where a policy asks for them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from proxy.call.directory import DirectoryBuilder, key_of
from proxy.call.trunk import RuleAction
from proxy.checks.base import Facts, Outcome
from proxy.checks.callee import judge
from proxy.checks.policy import DEFAULTS, effective
from tests.checks.calls import TODAY, call, trunk


def facts(*, asks: bool = True) -> Facts:
    """+8613800138000 has consented to calls of acme until yesterday, +8613900139000 for good, +8613700137000 to zeta's."""
    made = DirectoryBuilder()
    made.add_trunk(trunk())
    made.add_consent(key_of("+8613800138000"), "acme", None, date(2026, 11, 22))
    made.add_consent(key_of("+8613900139000"), "acme")
    made.add_consent(key_of("+8613700137000"), "zeta")
    return Facts(made.build(), TODAY, asks_consent=asks)


@pytest.mark.parametrize(
    ("to", "outcome"),
    [
        pytest.param("sip:13900139000@h", Outcome.PASSED, id="consented"),
        pytest.param("sip:+8613900139000@h", Outcome.PASSED, id="however-it-is-dialled"),
        pytest.param("sip:13800138000@h", Outcome.FAILED, id="no-longer"),
        pytest.param("sip:13700137000@h", Outcome.FAILED, id="to-calls-of-another"),
        pytest.param("sip:13600136000@h", Outcome.FAILED, id="never"),
        pytest.param("sip:alice@h", Outcome.FAILED, id="no-number"),
        pytest.param("sip:110@h", Outcome.NOT_APPLICABLE, id="emergency"),
    ],
)
def test_consents(to: str, outcome: Outcome) -> None:
    found = judge(call(to=to), facts())
    assert found.outcome is outcome
    assert [(item.rule, item.header) for item in found.findings] == (
        [("callee.no_consent", "Request-URI")] if outcome is Outcome.FAILED else []
    )


def test_what_is_shown_of_it() -> None:
    (found,) = judge(call(to="sip:13600136000@h"), facts()).findings
    assert (found.value, "consented" in found.expected) == ("+8613600136000", True)


def test_it_is_asked_of_customers_new_calls_only() -> None:
    asked = call(to="sip:13600136000@h")
    for other in (call(to="sip:13600136000@h", on=trunk(role="peer")), replace(asked, in_dialog=True)):
        assert judge(other, facts()).outcome is Outcome.NOT_APPLICABLE
    assert judge(asked, facts(asks=False)).outcome is Outcome.NOT_APPLICABLE


def test_nothing_is_asked_for_unless_a_policy_does() -> None:
    assert DEFAULTS["callee.no_consent"].action == "ignore"
    assert effective({}, {"callee": RuleAction("reject", 603)})["callee.no_consent"] == RuleAction("reject", 603)
