"""traffic: the limits of a trunk."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxy.call.model import Load
from proxy.call.trunk import TrunkLimits
from proxy.checks.base import Outcome
from proxy.checks.policy import effective
from proxy.checks.traffic import judge
from proxy.checks.verdict import judge as verdict
from tests.checks.calls import call, facts, trunk

LIMITED = trunk(limits=TrunkLimits(10, 30))


@pytest.mark.parametrize(
    ("load", "rules"),
    [
        pytest.param(Load(0, too_fast=False), [], id="nothing-under-way"),
        pytest.param(Load(29, too_fast=False), [], id="the-last-channel"),
        pytest.param(Load(30, too_fast=False), ["traffic.concurrent"], id="one-too-many"),
        pytest.param(Load(29, too_fast=True), ["traffic.rate"], id="too-fast"),
        pytest.param(Load(31, too_fast=True), ["traffic.rate", "traffic.concurrent"], id="both"),
    ],
)
def test_limits(load: Load, rules: list[str]) -> None:
    found = judge(replace(call(on=LIMITED), load=load), facts())
    assert [finding.rule for finding in found.findings] == rules
    assert found.outcome is (Outcome.FAILED if rules else Outcome.PASSED)


def test_without_a_limit_there_may_be_any_number() -> None:
    unbounded = replace(call(on=trunk(limits=TrunkLimits(10))), load=Load(10**6, too_fast=False))
    assert judge(unbounded, facts()).outcome is Outcome.PASSED


def test_nobody_looked_or_nobody_is_bound() -> None:
    core = trunk(role="core", limits=TrunkLimits(1, 1))
    assert judge(call(on=LIMITED), facts()).outcome is Outcome.NOT_APPLICABLE
    assert judge(replace(call(on=core), load=Load(9, too_fast=True)), facts()).outcome is Outcome.NOT_APPLICABLE


@pytest.mark.parametrize(("load", "cause", "rule"), [(Load(0, True), 42, "rate"), (Load(30, False), 34, "concurrent")])
def test_the_answer_sends_gateways_another_way(load: Load, cause: int, rule: str) -> None:
    answer = verdict(replace(call(on=LIMITED), load=load), facts(), effective({}, {}), "block").answer
    assert answer is not None
    assert (answer.status, answer.reason) == (503, f'Q.850;cause={cause};text="traffic.{rule}"')


def test_an_emergency_call_is_counted_and_passes() -> None:
    full = replace(call(on=LIMITED, to="sip:110@h"), load=Load(99, too_fast=True))
    found = verdict(full, facts(), effective({}, {}), "block")
    assert (found.action, [item.rule for item in found.findings]) == ("pass", ["traffic.rate", "traffic.concurrent"])
