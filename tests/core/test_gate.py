"""What is let in to be read."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from proxy.call.trunk import Customer, DialPlan, Trunk, TrunkLimits
from proxy.core.gate import Gate
from proxy.core.state import Limits
from tests.story import CORE, INVITE, STRANGER, TRUNK, Story, directory, network, request, response

PLAN = DialPlan(country="86", area="24", strip=("9",))
ONE = Trunk("a-1", Customer("acme"), dial_plan=PLAN, limits=TrunkLimits(packets_per_second=3))
OTHER = replace(ONE, id="a-2", limits=TrunkLimits())
DATA = request("OPTIONS")


def shed(gate: Gate, *trunks: Trunk, data: bytes = DATA, times: int = 10, now: float = 100.0) -> int:
    return sum(bool(gate.shed(data, trunks, {}, now)) for _ in range(times))


def test_a_trunk_has_its_own_limit_or_the_node_s() -> None:
    gate = Gate(packets=5, strangers=1)
    assert (shed(gate, ONE), shed(gate, OTHER)) == (7, 5)
    assert (shed(gate, ONE, now=101.0), shed(gate, OTHER, now=100.2)) == (7, 9)


def test_trunks_behind_one_address_may_send_what_each_of_them_may() -> None:
    assert shed(Gate(packets=5, strangers=1), ONE, OTHER) == 2


def test_one_trunk_takes_nothing_from_another() -> None:
    gate = Gate(packets=5, strangers=1)
    shed(gate, ONE, times=1000)
    shed(gate, times=1000)
    assert shed(gate, OTHER, times=5) == 0


def test_the_core_side_has_no_limit() -> None:
    assert shed(Gate(packets=5, strangers=1), replace(ONE, role="core"), times=1000) == 0


def test_there_are_no_more_buckets_than_trunks() -> None:
    gate = Gate(packets=5, strangers=1)
    for address in range(100):
        Gate.shed(gate, DATA, (ONE,) if address % 2 else (), {}, 100.0)
    assert set(gate._trunks) == {"a-1"}
    shed(gate, OTHER, data=request("INVITE", "sip:110@h"))
    gate.keep({"a-1"})
    assert (set(gate._trunks), set(gate._urgent)) == ({"a-1"}, set())
    assert shed(gate, ONE) == 10  # and the bucket of the one that stays is not filled again


@pytest.mark.parametrize(
    ("uri", "passes"),
    [
        ("sip:110@127.0.0.1:5060", True),
        ("SIP:9110@127.0.0.1", True),
        ("tel:+86110", True),
        ("sip:120;phone-context=+86@h;user=phone", True),
        ("urn:service:sos.police", True),
        ("sip:1100@127.0.0.1", False),
        ("sip:13800138000@110", False),
        ("sip:" + "1" * 300 + "@h", False),
        ("110", False),
    ],
)
def test_emergency_calls_of_a_trunk_that_sends_too_much_are_let_in(uri: str, passes: bool) -> None:
    gate = Gate(packets=50, strangers=1)
    shed(gate, OTHER, times=50)
    assert shed(gate, OTHER, data=request("INVITE", uri), times=50) == (0 if passes else 50)
    assert shed(gate, OTHER, data=request("BYE", uri)) == 10


def test_there_is_an_end_to_emergency_calls_too() -> None:
    gate = Gate(packets=50, strangers=1)
    assert shed(gate, OTHER, data=request("INVITE", "sip:110@h"), times=200) == 100


def test_nothing_of_what_is_shed_is_read() -> None:
    story = Story(limits=Limits(packets=2, strangers=1))
    for source in (TRUNK, STRANGER):
        for number in range(5):
            story.hears(b"\xff" * 60 + b"%d" % number, source)
    counts: Counter[tuple[str, ...]] = Counter(story.tally.count)
    assert (counts["packets_shed_total", "source"], counts["packets_shed_total", "unknown"]) == (3, 3)
    assert sum(count for key, count in counts.items() if key[0] == "parse_errors_total") == 4
    story.quiet().forgotten()


def test_answers_to_what_was_asked_are_heard_from_wherever_they_come() -> None:
    """A gateway may answer from an address that it does not call from, also during a flood of strangers."""
    story = Story(network(directory(gateway=("sip:192.0.2.7:5060",))), limits=Limits(strangers=1))
    sent = story.passes(INVITE)
    for number in range(5):
        story.hears(request("INVITE", call_id=str(number)), STRANGER)
    story.drop("")
    story.hears(response(sent, "180 Ringing"), STRANGER).sends("SIP/2.0 180", TRUNK)
    story.hears(response(sent, "180 Ringing").replace(b"-tw-", b"-tw-0"), STRANGER).quiet()
    story.hears(b"SIP/2.0 200 OK\r\n\r\n", STRANGER).quiet()
    assert story.tally.count["packets_shed_total", "unknown"] == 5
    story.hears(response(sent, "200 OK"), CORE).sends("SIP/2.0 200", TRUNK)
