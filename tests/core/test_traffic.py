"""How fast trunks begin calls, and how many they have."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxy.call.model import Load
from proxy.call.trunk import Customer, Trunk, TrunkLimits
from proxy.core.traffic import Traffic
from tests.story import (
    CORE,
    INVITE,
    PASS,
    REJECT,
    TODAY,
    TRUNK,
    Story,
    answered,
    directory,
    in_dialog,
    network,
    request,
    response,
)

LIMITED = TrunkLimits(2, 1)


def limited(limits: TrunkLimits = LIMITED) -> Story:
    return Story(network(directory(limits=limits)))


def another(number: int) -> bytes:
    return request("INVITE", via=f"SIP/2.0/UDP 127.0.0.2:5060;branch=z9hG4bK-x{number}", call_id=f"other-{number}")


@pytest.mark.parametrize(
    ("limits", "load"),
    [
        pytest.param(TrunkLimits(), None, id="none"),
        pytest.param(TrunkLimits(concurrent=1), Load(7, too_fast=False), id="concurrent"),
        pytest.param(TrunkLimits(5), Load(7, too_fast=False), id="rate"),
    ],
)
def test_only_trunks_with_limits_are_looked_at(limits: TrunkLimits, load: Load | None) -> None:
    assert Traffic().begins(Trunk("acme-1", Customer("acme"), limits=limits), 7, 100.0) == load


def test_trunks_that_are_gone_are_forgotten_and_the_others_go_on() -> None:
    traffic, one, other = Traffic(), *(Trunk(name, Customer("acme"), limits=LIMITED) for name in ("a-1", "a-2"))
    for _ in range(2):
        traffic.begins(one, 0, 100.0)
        traffic.begins(other, 0, 100.0)
    traffic.keep({"a-1"})
    assert [traffic.begins(trunk, 0, 100.0) for trunk in (one, other)] == [Load(0, True), Load(0, False)]


def test_the_question_says_what_the_trunk_has_under_way() -> None:
    story = limited()
    loads = [story.hears(another(number)).trying().asks().call.load for number in range(4)]
    assert loads == [Load(0, False), Load(1, False), Load(2, True), Load(3, True)]


def test_a_rejected_call_counts_no_more() -> None:
    story = limited()
    question = story.hears(INVITE).trying().asks()
    story.told(question.ticket, REJECT).drop("SIP/2.0 403")
    assert story.hears(another(1)).trying().asks().call.load == Load(0, False)


def test_a_call_counts_until_it_is_over() -> None:
    story = limited()
    answer = answered(story)
    story.drop("")
    assert story.hears(another(1)).trying().asks().call.load == Load(1, False)
    story.hears(in_dialog("BYE", answer))
    story.hears(response(story.sends("BYE"), "200 OK"), CORE).drop("")
    assert story.hears(another(2)).trying().asks().call.load == Load(1, True)


def test_calls_to_the_trunk_are_its_calls_too() -> None:
    story = limited()
    inwards = request("INVITE", "sip:+862488880001@127.0.0.1:5060", via="SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK-c")
    question = story.hears(inwards, CORE).trying().asks()
    assert question.call.load is None
    sent = story.told(question.ticket, PASS).sends("INVITE", TRUNK)
    story.drop("")
    assert story.hears(another(1)).trying().asks().call.load == Load(1, False)
    story.hears(response(sent, "486 Busy Here"), TRUNK).drop("")
    assert story.hears(another(2)).trying().asks().call.load == Load(1, False)  # only the other of its own


def test_a_reload_fills_no_bucket() -> None:
    story = limited()
    for number in range(3):
        story.hears(another(number))
    story.drop("")
    story.core.replace(network(directory(limits=replace(LIMITED, concurrent=9))), TODAY)
    load = story.hears(another(5)).trying().asks().call.load
    assert load == Load(3, True)


def begun(traffic: Traffic, trunk: Trunk, calls: int, now: float) -> None:
    for _ in range(calls):
        traffic.begins(trunk, 0, now)


def test_a_trunk_with_a_limit_may_have_that_much() -> None:
    traffic, limited_ = Traffic(), Trunk("a-1", Customer("acme"), limits=LIMITED)
    assert not traffic.above_share(limited_, 100.0)
    begun(traffic, limited_, 2, 100.0)
    assert (traffic.above_share(limited_, 100.0), traffic.above_share(limited_, 100.6)) == (True, False)


def test_trunks_without_a_limit_share_what_there_was() -> None:
    traffic = Traffic()
    loud, quiet, core = (Trunk(name, Customer("acme")) for name in ("a-1", "a-2", "core"))
    begun(traffic, replace(core, role="core"), 500, 100.0)
    begun(traffic, loud, 90, 100.0)
    begun(traffic, quiet, 10, 100.5)
    assert not traffic.above_share(loud, 100.9)  # nothing is known of a second before
    begun(traffic, loud, 49, 101.0)
    begun(traffic, quiet, 10, 101.1)
    assert [traffic.above_share(trunk, 101.2) for trunk in (loud, quiet)] == [False, False]
    begun(traffic, loud, 1, 101.3)
    assert [traffic.above_share(trunk, 101.4) for trunk in (loud, quiet)] == [True, False]
    assert not traffic.above_share(loud, 110.0)  # a pause, and nothing is known again
