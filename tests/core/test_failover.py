"""A call that goes on to the next hop: why, with what branch, and what becomes of the branches left behind."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from dataclasses import replace

import pytest

from proxy.checks.base import Marks, Verdict
from proxy.core.actions import Address, Send
from proxy.core.failover import without_retry_after
from proxy.core.hops import NextHop
from proxy.core.place import Hop
from proxy.core.state import Context, GivenUp
from tests.story import (
    CORE,
    INVITE,
    PASS,
    TODAY,
    TRUNK,
    Story,
    field,
    in_dialog,
    request,
    response,
    several,
)  # fmt: skip

SECOND: Address = ("127.0.0.5", 5080)
THIRD: Address = ("127.0.0.6", 5080)
UNAVAILABLE = "503 Service Unavailable"


def two(**more: object) -> Story:
    return Story(several(CORE, SECOND, **more))  # type: ignore[arg-type]


def unavailable(story: Story, sent: bytes, to: Address, *fields: str) -> None:
    """The hop answers 503 and hears its ACK."""
    story.hears(response(sent, UNAVAILABLE, fields=fields), to).sends("ACK", to)


def unreachable(story: Story, sent: bytes, to: Address) -> None:
    story.pending += story.core.unreachable(sent, story.now)


def silence(story: Story, sent: bytes, to: Address) -> None:
    story.after(0.5).sends("INVITE", to)
    story.after(1.0).sends("INVITE", to)
    story.after(0.5)


CAUSES = [
    pytest.param(unavailable, "503", id="503"),
    pytest.param(unreachable, "unreachable", id="unreachable"),
    pytest.param(silence, "silent", id="silent"),
]
Fails = Callable[[Story, bytes, Address], None]


@pytest.mark.parametrize(("fails", "cause"), CAUSES)
def test_the_call_goes_on_to_the_next_hop(fails: Fails, cause: str) -> None:
    story = two()
    first = story.passes(INVITE)
    fails(story, first, CORE)
    second = story.sends("INVITE sip:13800138000@127.0.0.5:5080", SECOND)
    story.hears(response(second, "180 Ringing"), SECOND).sends("SIP/2.0 180", TRUNK)
    story.hears(response(second, "200 OK", fields=("Contact: <sip:c@127.0.0.5:5080>",)), SECOND)
    answer = story.sends("SIP/2.0 200", TRUNK)
    story.hears(in_dialog("ACK", answer, cseq=1)).drop("ACK")
    story.hears(in_dialog("BYE", answer))
    story.hears(response(story.sends("BYE"), "200 OK"), SECOND).sends("SIP/2.0 200")
    end = story.ends()

    assert (end.next_hop, end.status, end.answered) == ("127.0.0.5:5080", 200, True)
    assert [step[1:] for step in end.messages if step[3] == "INVITE"] == [
        ("in", "127.0.0.2:5060", "INVITE"),
        ("out", "127.0.0.1:5080", "INVITE"),
        ("out", "127.0.0.5:5080", "INVITE"),
    ]
    assert story.tally.count["failovers_total", "127.0.0.1:5080", cause] == 1
    story.after(70.0).forgotten()


def test_each_hop_has_a_branch_of_its_own_and_the_same_one_in_any_order() -> None:
    story = two()
    first = story.passes(INVITE)
    unavailable(story, first, CORE)
    second = story.sends("INVITE", SECOND)
    other = Story(several(SECOND, CORE))
    assert field(other.passes(INVITE), "Via")[0] == field(second, "Via")[0] != field(first, "Via")[0]
    same = ("From", "To", "Call-ID", "CSeq", "Max-Forwards", "Contact", "Record-Route")
    assert [field(first, name) for name in same] == [field(second, name) for name in same]


@pytest.mark.parametrize("to", [CORE, SECOND])
def test_an_own_branch_to_any_hop_is_known_as_a_loop(to: Address) -> None:
    story = two()
    sent = story.passes(INVITE)
    if to == SECOND:
        unavailable(story, sent, CORE)
        sent = story.sends("INVITE", SECOND)
    via = field(sent, "Via")[0]
    looped = INVITE.replace(b"\r\nFrom:", b"\r\nVia: " + via.encode() + b"\r\nFrom:").replace(b"branch=z9hG4bK-1", b"branch=z9hG4bK-9")  # fmt: skip
    story.hears(looped).sends("SIP/2.0 482", TRUNK)


def test_a_restarted_node_knows_the_answer_of_the_second_hop() -> None:
    story = two()
    unavailable(story, story.passes(INVITE), CORE)
    second = story.sends("INVITE", SECOND)
    after = two()
    after.hears(response(second, "200 OK"), SECOND)
    answer = after.sends("SIP/2.0 200", TRUNK)
    after.hears(in_dialog("BYE", answer)).sends("BYE")


def test_what_the_verdict_added_goes_to_every_hop() -> None:
    story = two()
    marked = Verdict("pass", enforced=False, mode="block", findings=(), marks=Marks(fields=(("Identity", "token"),)))
    story.told(story.hears(INVITE).trying().asks().ticket, marked)
    first = story.sends("INVITE", CORE)
    story.decides()
    unavailable(story, first, CORE)
    assert field(story.sends("INVITE", SECOND), "Identity") == field(first, "Identity") == ["token"]


@pytest.mark.parametrize("status", ["403 Forbidden", "404 Not Found", "408 Request Timeout", "480 Gone", "486 Busy Here", "500 Error", "504 Timeout", "600 Busy", "603 Decline"])  # fmt: skip
def test_no_other_final_response_is_tried_again(status: str) -> None:
    story = two()
    story.hears(response(story.passes(INVITE), status), CORE).sends("ACK", CORE)
    story.sends(f"SIP/2.0 {status[:3]}", TRUNK)
    assert story.ends().status == int(status[:3])
    story.quiet()


@pytest.mark.parametrize("status", ["100 Trying", "180 Ringing"])
def test_a_hop_that_has_answered_at_all_is_given_its_time(status: str) -> None:
    story = two()
    story.hears(response(story.passes(INVITE), status), CORE)
    story.drop("SIP/2.0 180")
    story.after(170.0).quiet()


def test_503_after_ringing_goes_on_too() -> None:
    story = two()
    sent = story.passes(INVITE)
    story.hears(response(sent, "183 Session Progress"), CORE).sends("SIP/2.0 183")
    unavailable(story, sent, CORE)
    story.sends("INVITE", SECOND)


def test_the_last_hop_is_waited_for_until_timer_b() -> None:
    story = two()
    story.passes(INVITE)
    story.after(33.9)
    assert story.drop("INVITE") == 2 + 7  # the first one is repeated no more once it is given up
    story.after(0.2).sends("SIP/2.0 408", TRUNK)
    end = story.ends()
    assert (end.status, end.ended_by, end.next_hop) == (408, "timeout", "127.0.0.5:5080")
    story.hears(request("ACK")).after(40.0).forgotten()


def test_a_503_that_is_all_there_is_has_no_retry_after() -> None:
    story = two()
    unavailable(story, story.passes(INVITE), CORE, "Retry-After: 120 (maintenance)", "Warning: 399 x")
    unavailable(story, story.sends("INVITE"), SECOND, "retry-after : 5;duration=9", "Server: second")
    answer = story.sends(f"SIP/2.0 {UNAVAILABLE}", TRUNK)
    assert (field(answer, "Retry-After"), field(answer, "Server"), b"etry-" in answer) == ([], ["second"], False)
    end = story.ends()
    assert (end.status, end.ended_by, end.next_hop) == (503, "callee", "127.0.0.5:5080")


def test_a_single_next_hop_keeps_its_callers_too() -> None:
    story = Story()
    unavailable(story, story.passes(INVITE), CORE, "Retry-After: 120")
    assert field(story.sends("SIP/2.0 503"), "Retry-After") == []


def test_when_the_second_cannot_be_reached_the_caller_hears_the_first() -> None:
    story = two()
    unavailable(story, story.passes(INVITE), CORE, "Server: first")
    unreachable(story, story.sends("INVITE"), SECOND)
    assert field(story.sends("SIP/2.0 503", TRUNK), "Server") == ["first"]
    assert story.ends().status == 503
    story.quiet()


def test_when_the_second_is_silent_the_caller_hears_408() -> None:
    story = two()
    unavailable(story, story.passes(INVITE), CORE)
    story.after(33.0)
    story.drop("INVITE")
    assert story.tally.count["responses_total", "acme-1", "out", "408"] == 1


def given_up(story: Story) -> tuple[bytes, bytes]:
    """The first hop has been silent, the second has the call; what each was sent."""
    first = story.passes(INVITE)
    silence(story, first, CORE)
    return first, story.sends("INVITE", SECOND)


def test_a_late_provisional_of_a_branch_given_up_is_cancelled_once() -> None:
    story = two()
    first, second = given_up(story)
    story.hears(response(second, "180 Ringing"), SECOND).sends("SIP/2.0 180", TRUNK)
    story.hears(response(first, "180 Ringing"), CORE)
    cancel = story.sends("CANCEL", CORE)
    assert field(cancel, "Via")[0] == field(first, "Via")[0]
    story.hears(response(first, "183 Session Progress"), CORE).quiet()
    story.hears(response(cancel, "200 OK"), CORE).quiet()
    story.hears(response(first, "487 Request Terminated"), CORE).sends("ACK", CORE)
    story.quiet()
    story.hears(response(second, "486 Busy Here"), SECOND).sends("ACK", SECOND)
    story.sends("SIP/2.0 486", TRUNK)
    end = story.ends()
    assert [step[3] for step in end.messages if step[2] == "127.0.0.1:5080"] == [
        "INVITE", "180 Ringing", "CANCEL", "183 Session Progress", "487 Request Terminated",
    ]  # fmt: skip
    story.hears(request("ACK")).after(40.0).forgotten()


def test_a_branch_given_up_that_never_ends_after_its_cancel_is_forgotten() -> None:
    story = two()
    first, second = given_up(story)
    story.hears(response(second, "180 Ringing"), SECOND).sends("SIP/2.0 180", TRUNK)
    story.hears(response(first, "180 Ringing"), CORE).sends("CANCEL", CORE)
    story.hears(response(second, "486 Busy Here"), SECOND).sends("ACK")
    story.sends("SIP/2.0 486")
    story.ends()
    story.hears(request("ACK")).after(33.0).drop("CANCEL")
    story.after(10.0).forgotten()


def test_a_late_2xx_has_the_call_and_the_other_branch_is_cancelled() -> None:
    story = two()
    first, second = given_up(story)
    story.hears(response(second, "180 Ringing"), SECOND).sends("SIP/2.0 180", TRUNK)
    story.hears(response(first, "200 OK", tag="late", fields=("Contact: <sip:c@127.0.0.1:5080>",)), CORE)
    story.sends("CANCEL", SECOND)
    answer = story.sends("SIP/2.0 200", TRUNK)
    story.hears(response(second, "487 Request Terminated"), SECOND).sends("ACK", SECOND)
    story.hears(in_dialog("BYE", answer))
    story.hears(response(story.sends("BYE", CORE), "200 OK"), CORE).sends("SIP/2.0 200")
    assert story.ends().next_hop == "127.0.0.1:5080"
    story.drop("CANCEL")
    story.after(70.0)
    story.drop("CANCEL")
    story.forgotten()


def test_a_late_2xx_after_another_is_passed_on_and_both_dialogs_can_be_ended() -> None:
    story = two()
    first, second = given_up(story)
    story.hears(response(second, "200 OK", tag="b", fields=("Contact: <sip:c@127.0.0.5:5080>",)), SECOND)
    one = story.sends("SIP/2.0 200", TRUNK)
    for _ in range(2):
        story.hears(response(first, "200 OK", tag="late", fields=("Contact: <sip:c@127.0.0.1:5080>",)), CORE)
        other = story.sends("SIP/2.0 200", TRUNK)
    story.hears(in_dialog("BYE", one, branch="z9hG4bK-b1"))
    story.hears(response(story.sends("BYE"), "200 OK"), SECOND).sends("SIP/2.0 200")
    story.quiet()
    story.hears(in_dialog("BYE", other, branch="z9hG4bK-b2"))
    story.hears(response(story.sends("BYE"), "200 OK"), CORE).sends("SIP/2.0 200")
    assert story.ends().next_hop == "127.0.0.5:5080"
    story.after(70.0).forgotten()


def test_a_late_2xx_reaches_a_caller_that_has_been_given_up_on() -> None:
    story = two()
    first, second = given_up(story)
    story.hears(response(second, "486 Busy Here"), SECOND).sends("ACK")
    story.sends("SIP/2.0 486")
    story.ends()
    story.hears(response(first, "200 OK"), CORE).sends("SIP/2.0 200", TRUNK)
    story.quiet()


@pytest.mark.parametrize("status", ["180 Ringing", "486 Busy Here", "200 OK"])
def test_after_its_timer_b_a_branch_given_up_has_nothing_to_say_but_2xx(status: str) -> None:
    story = two()
    first, second = given_up(story)
    story.hears(response(second, "180 Ringing"), SECOND).sends("SIP/2.0 180", TRUNK)
    story.after(40.0).quiet()
    story.hears(response(first, status), CORE)
    if status == "200 OK":
        story.sends("SIP/2.0 200", TRUNK)
    story.quiet()


def test_while_all_are_silent_the_first_to_answer_has_the_call() -> None:
    story = two()
    first, second = given_up(story)
    story.hears(response(first, "180 Ringing"), CORE).sends("SIP/2.0 180", TRUNK)
    story.hears(response(second, "180 Ringing"), SECOND).sends("CANCEL", SECOND)
    story.hears(response(second, "487 Request Terminated"), SECOND).sends("ACK", SECOND)
    story.hears(response(first, "200 OK"), CORE).sends("SIP/2.0 200", TRUNK)
    story.quiet().after(1.0)
    assert story.drop("INVITE") == 0


def test_a_late_refusal_is_the_answer_while_nobody_else_answers() -> None:
    story = two()
    first, _ = given_up(story)
    story.hears(response(first, "486 Busy Here"), CORE).sends("ACK", CORE)
    story.sends("SIP/2.0 486", TRUNK)
    assert story.ends().next_hop == "127.0.0.1:5080"


def test_a_late_refusal_is_kept_for_when_the_others_fail() -> None:
    story = two()
    first, second = given_up(story)
    story.hears(response(second, "100 Trying"), SECOND)
    story.hears(response(first, "603 Decline"), CORE).sends("ACK", CORE)
    story.quiet()
    unavailable(story, second, SECOND)
    story.sends("SIP/2.0 603", TRUNK)
    assert story.ends().status == 603


def test_a_late_503_is_nothing() -> None:
    story = two()
    first, second = given_up(story)
    unavailable(story, first, CORE)
    story.quiet()
    story.hears(response(second, "180 Ringing"), SECOND).sends("SIP/2.0 180", TRUNK)


def test_cancel_reaches_the_live_branch() -> None:
    story = two()
    _, second = given_up(story)
    story.hears(response(second, "180 Ringing"), SECOND).sends("SIP/2.0 180", TRUNK)
    story.hears(request("CANCEL")).sends("SIP/2.0 200", TRUNK)
    assert field(story.sends("CANCEL", SECOND), "Via")[0] == field(second, "Via")[0]
    story.hears(response(second, "487 Request Terminated"), SECOND).sends("ACK", SECOND)
    story.sends("SIP/2.0 487", TRUNK)
    assert (story.ends().ended_by) == "caller"


def test_a_cancelled_call_goes_nowhere_else() -> None:
    story = two()
    first = story.passes(INVITE)
    story.hears(request("CANCEL")).sends("SIP/2.0 200", TRUNK)
    story.after(31.9)
    assert story.drop("INVITE") == 6  # to the same hop, which has to be heard before it can be told
    story.hears(response(first, "180 Ringing"), CORE).sends("CANCEL", CORE)


def test_a_cancelled_call_is_cancelled_wherever_it_wakes_up() -> None:
    story = two()
    first, second = given_up(story)
    story.hears(request("CANCEL")).sends("SIP/2.0 200", TRUNK)
    story.hears(response(first, "180 Ringing"), CORE).sends("CANCEL", CORE)
    story.hears(response(second, "180 Ringing"), SECOND).sends("CANCEL", SECOND)
    story.sends("SIP/2.0 180", TRUNK)
    story.hears(response(first, "487 Request Terminated"), CORE).sends("ACK", CORE)
    story.quiet()
    story.hears(response(second, "487 Request Terminated"), SECOND).sends("ACK", SECOND)
    story.sends("SIP/2.0 487", TRUNK)
    assert story.ends().ended_by == "caller"


def test_cancel_after_a_restart_goes_to_every_hop() -> None:
    sent = two().passes(INVITE)
    after = two()
    after.hears(request("CANCEL"))
    assert field(after.sends("CANCEL", CORE), "Via")[0] == field(sent, "Via")[0]
    after.sends("CANCEL", SECOND)
    after.quiet()


def test_timer_c_begins_again_with_each_hop() -> None:
    story = two()
    first = story.passes(INVITE)
    story.hears(response(first, "100 Trying"), CORE).after(100.0)
    unavailable(story, first, CORE)
    second = story.sends("INVITE", SECOND)
    story.hears(response(second, "180 Ringing"), SECOND).sends("SIP/2.0 180")
    story.after(180.4).quiet()
    story.after(0.2).sends("CANCEL", SECOND)
    story.sends("SIP/2.0 408", TRUNK)


def test_an_emergency_call_tries_every_hop_before_its_verdict_is_there() -> None:
    story = Story(several(CORE, SECOND, THIRD))
    for _ in range(3):  # the second is down, and tried all the same
        story.core._state.hops.core.targets[1].health.failed(story.now, 3)
    emergency = request("INVITE", "sip:110@127.0.0.1:5060", hops=0)
    first = story.hears(emergency).trying().sends("INVITE", CORE)
    ticket = story.asks().ticket
    unavailable(story, first, CORE)
    unreachable(story, story.sends("INVITE", THIRD), THIRD)
    last = story.sends("INVITE", SECOND)
    story.told(ticket, PASS)
    assert story.decides().next_hop == "127.0.0.5:5080"
    story.hears(response(last, "200 OK"), SECOND).sends("SIP/2.0 200", TRUNK)


def test_calls_to_a_trunk_try_its_gateways_in_order() -> None:
    story = Story(several(gateways=(TRUNK, SECOND)))
    to_trunk = request("INVITE", "sip:02488880001@127.0.0.1:5060", via="SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK-c")
    first = story.passes(to_trunk, CORE)
    assert first.startswith(b"INVITE sip:02488880001@127.0.0.2:5060 ")
    unavailable(story, first, TRUNK)
    story.hears(response(story.sends("INVITE", SECOND), "200 OK"), SECOND).sends("SIP/2.0 200", CORE)
    assert story.tally.count["responses_total", "acme-1", "in", "503"] == 1


def test_requests_inside_the_dialog_keep_their_route() -> None:
    story = two()
    sent = story.passes(INVITE)
    story.hears(response(sent, "200 OK", fields=("Contact: <sip:callee@127.0.0.1:5080>",)), CORE)
    answer = story.sends("SIP/2.0 200", TRUNK)
    again = story.hears(in_dialog("INVITE", answer)).sends("INVITE", CORE)
    story.after(0.5).sends("INVITE", CORE)
    story.after(1.0).sends("INVITE", CORE)
    story.after(1.0).quiet()
    unavailable(story, again, CORE, "Retry-After: 5")
    assert field(story.sends("SIP/2.0 503", TRUNK), "Retry-After") == ["5"]
    story.quiet()


def test_options_of_a_trunk_goes_to_the_first() -> None:
    story = two()
    story.hears(request("OPTIONS", "sip:13800138000@10.0.0.1")).sends("OPTIONS", CORE)
    story.after(40.0)
    story.drop("OPTIONS")
    story.quiet()


def test_an_ack_that_cannot_be_sent_moves_nothing() -> None:
    story = two()
    first = story.passes(INVITE)
    unavailable(story, first, CORE)
    story.sends("INVITE", SECOND)
    unreachable(story, first, CORE)
    story.quiet()


def test_the_487_of_a_branch_given_up_is_acknowledged_for_all_of_timer_d() -> None:
    story = two()
    first, second = given_up(story)
    story.hears(response(second, "180 Ringing"), SECOND).sends("SIP/2.0 180", TRUNK)
    story.hears(response(first, "180 Ringing"), CORE).drop("CANCEL")
    story.after(20.0).drop("CANCEL")
    for _ in range(3):
        story.hears(response(first, "487 Request Terminated"), CORE).sends("ACK", CORE)
        story.after(10.0).drop("CANCEL")


def test_a_branch_that_took_the_call_back_is_where_the_call_is() -> None:
    story = Story(several(CORE, SECOND, THIRD))
    first, _ = given_up(story)
    story.hears(response(first, "180 Ringing"), CORE).sends("SIP/2.0 180", TRUNK)
    unavailable(story, first, CORE)
    story.sends("INVITE", THIRD)
    assert story.tally.count["failovers_total", "127.0.0.1:5080", "silent"] == 1
    assert story.tally.count["failovers_total", "127.0.0.1:5080", "503"] == 1


def test_ringing_at_a_hop_that_then_failed_holds_nobody_else_back() -> None:
    story = Story(several(CORE, SECOND, THIRD))
    first = story.passes(INVITE)
    story.hears(response(first, "180 Ringing"), CORE).sends("SIP/2.0 180", TRUNK)
    unavailable(story, first, CORE)
    second = story.sends("INVITE", SECOND)
    silence(story, second, SECOND)
    story.sends("INVITE", THIRD)
    story.hears(response(second, "183 Session Progress"), SECOND).sends("SIP/2.0 183", TRUNK)
    story.quiet()


def another(number: int) -> bytes:
    return INVITE.replace(b"call-1", b"call-%d" % number).replace(b"z9hG4bK-1", b"z9hG4bK-%d" % number)


def test_late_answers_count_for_the_health_of_a_hop() -> None:
    story = two()
    for number in range(4):
        first = story.passes(another(number))
        silence(story, first, CORE)
        second = story.sends("INVITE", SECOND)
        story.hears(response(second, "180 Ringing"), SECOND).sends("SIP/2.0 180")
        story.hears(response(first, "404 Not Found"), CORE).sends("ACK", CORE)
    assert story.core.next_hops_up["127.0.0.1:5080"]


def test_a_timeout_counts_only_where_nothing_has_been_heard_since() -> None:
    story = Story()
    for number in range(3):
        story.passes(another(number))
    story.after(10.0).pending.clear()
    story.hears(response(story.passes(another(9)), "486 Busy Here"), CORE)
    story.after(25.0).pending.clear()
    assert story.core.next_hops_up == {"127.0.0.1:5080": True}


def test_the_last_hop_is_not_silent_for_what_the_first_one_took() -> None:
    story = two()
    for number in range(3):
        unavailable(story, story.passes(another(number)), CORE)
        story.pending.clear()
    story.after(2.5).drop("INVITE")
    assert story.core.next_hops_up == {"127.0.0.1:5080": False, "127.0.0.5:5080": True}


def test_while_three_calls_wait_for_a_hop_the_next_ones_ask_the_other_first() -> None:
    story = two()
    waiting = [story.passes(another(number)) for number in range(3)]
    story.after(0.4)
    assert b"@127.0.0.1:5080 " in story.passes(another(3))[:60]
    story.after(0.1).pending.clear()
    assert b"@127.0.0.5:5080 " in story.passes(another(4))[:60]
    story.hears(response(waiting[1], "100 Trying"), CORE)
    assert b"@127.0.0.1:5080 " in story.passes(another(5))[:60]


def test_one_call_that_waits_long_is_no_reason_to_ask_the_other_first() -> None:
    story = Story()
    story.passes(another(1))
    story.after(20.0).pending.clear()
    assert story.core._state.hops.core.targets[0].health.late == 1


def test_one_call_tries_a_hop_that_is_down_and_not_probed() -> None:
    story = two()
    for number in range(3):
        unavailable(story, story.passes(another(number)), CORE)
        story.pending.clear()
    story.after(30.0).pending.clear()
    assert b"@127.0.0.1:5080 " in story.passes(another(10))[:60]
    assert b"@127.0.0.5:5080 " in story.passes(another(11))[:60]


def test_a_reload_keeps_how_next_hops_have_been_doing() -> None:
    story = two()
    for number in range(3):
        unavailable(story, story.passes(another(number)), CORE)
        story.pending.clear()
    story.core.replace(several(CORE, SECOND), TODAY)
    assert not story.core.next_hops_up["127.0.0.1:5080"]


def test_after_a_restart_a_request_to_a_name_goes_where_its_call_went() -> None:
    net = replace(several(), next_hops=tuple(NextHop(Hop(to, 0)) for to in (CORE, SECOND, THIRD)))
    went: set[Address] = set()
    for number in range(12):
        before, after = Story(net), Story(net)
        before.told(before.hears(another(number)).trying().asks().ticket, PASS)
        invite = before.pending[0]
        assert isinstance(invite, Send)
        answer = response(invite.data, "200 OK")
        bye = in_dialog("BYE", answer).replace(b"sip:callee@127.0.0.1:5080", b"sip:callee@switch.example")
        after.hears(bye.replace(b"call-1", b"call-%d" % number))
        after.sends("BYE", invite.to)
        went.add(invite.to)
    assert len(went) == 3


def refuse(story: Story, number: int, to: Address = CORE) -> None:
    """One more call, which rings at the first hop and is answered with 503 there."""
    invite = INVITE.replace(b"call-1", b"call-%d" % number).replace(b"z9hG4bK-1", b"z9hG4bK-%d" % number)
    sent = story.passes(invite)
    story.hears(response(sent, "180 Ringing"), to).sends("SIP/2.0 180")
    story.hears(response(sent, UNAVAILABLE), to).sends("ACK", to)


def test_three_503_in_a_row_bring_a_hop_down_and_calls_avoid_it() -> None:
    story = two()
    for number in (1, 2, 3):
        refuse(story, number)
        if number == 3:
            news = story.hop_changes()
            assert (news.next_hop, news.up, news.cause) == ("127.0.0.1:5080", False, "503")
        story.sends("INVITE", SECOND)
    story.quiet()
    assert story.core.next_hops_up == {"127.0.0.1:5080": False, "127.0.0.5:5080": True}
    assert story.passes(INVITE.replace(b"call-1", b"call-4").replace(b"z9hG4bK-1", b"z9hG4bK-4")).startswith(
        b"INVITE sip:13800138000@127.0.0.5:5080 "
    )


def test_a_hop_that_asked_to_be_left_alone_is_asked_last() -> None:
    story = two()
    sent = story.passes(INVITE)
    unavailable(story, sent, CORE, "Retry-After: 10")
    story.sends("INVITE", SECOND)
    other = INVITE.replace(b"call-1", b"call-2").replace(b"z9hG4bK-1", b"z9hG4bK-2")
    assert b"@127.0.0.5:5080 " in story.passes(other)[:60]
    story.after(10.0).pending.clear()
    third = INVITE.replace(b"call-1", b"call-3").replace(b"z9hG4bK-1", b"z9hG4bK-3")
    assert b"@127.0.0.1:5080 " in story.passes(third)[:60]


def test_any_answer_but_503_is_a_good_one() -> None:
    story = two()
    for number in (1, 2):
        refuse(story, number)
        story.drop("INVITE")
    sent = story.passes(INVITE.replace(b"call-1", b"call-3").replace(b"z9hG4bK-1", b"z9hG4bK-3"))
    story.hears(response(sent, "486 Busy Here"), CORE).drop("SIP/2.0")
    refuse(story, 4)
    assert story.core.next_hops_up["127.0.0.1:5080"]


def test_a_silent_next_hop_that_stands_alone_is_down_after_three_timeouts() -> None:
    story = Story()
    for number in (1, 2, 3):
        story.passes(INVITE.replace(b"call-1", b"call-%d" % number).replace(b"z9hG4bK-1", b"z9hG4bK-%d" % number))
    story.after(32.1)
    assert story.core.next_hops_up == {"127.0.0.1:5080": False}
    story.pending.clear()
    for number in (4, 5):  # it is all there is
        back = story.passes(
            INVITE.replace(b"call-1", b"call-%d" % number).replace(b"z9hG4bK-1", b"z9hG4bK-%d" % number)
        )
        assert not story.core.next_hops_up["127.0.0.1:5080"]
        story.hears(response(back, "180 Ringing"), CORE).sends("SIP/2.0 180")
        story.hears(response(back, "200 OK"), CORE)
        if number == 4:
            story.sends("SIP/2.0 200")
    assert story.hop_changes().up


def test_what_is_left_behind_is_freed_by_reference_counts_alone() -> None:
    story = two()
    for index in range(10):
        number = {b"call-1": b"call-%d" % index, b"z9hG4bK-1": b"z9hG4bK-i%d" % index}
        invite = INVITE
        for old, new in number.items():
            invite = invite.replace(old, new)
        first = story.passes(invite)
        story.after(2.0)
        second = next(item.data for item in story.pending if isinstance(item, Send) and item.to == SECOND)
        if index % 2:
            story.hears(response(second, "180 Ringing"), SECOND).hears(response(first, "180 Ringing"), CORE)
        else:
            story.hears(response(first, "180 Ringing"), CORE).hears(response(second, "180 Ringing"), SECOND)
        story.hears(response(first, "486 Busy Here"), CORE).hears(response(second, "486 Busy Here"), SECOND)
        story.pending.clear()
        story.core._state.hops.core.targets[0].health.answered(story.now)
    kept = [weakref.ref(item) for item in story.core._state.transactions.clients.values()]
    gc.collect()
    before = sum(isinstance(item, Context | GivenUp) for item in gc.get_objects())
    assert len(kept) >= 20
    gc.disable()
    try:
        story.after(70.0).pending.clear()
        story.forgotten()
        assert [ref for ref in kept if ref() is not None] == []
        assert sum(isinstance(item, Context | GivenUp) for item in gc.get_objects()) <= before - 20
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("lines", "left"),
    [
        (b"a: 1\r\nRetry-After: 18000;duration=3600\r\nb: 2", b"a: 1\r\nb: 2"),
        (b"a: 1\r\nRETRY-AFTER\t:\r\n 5\r\n (folded)\r\nb: 2", b"a: 1\r\nb: 2"),
        (b"X-Retry-After: 5\r\nb: 2", b"X-Retry-After: 5\r\nb: 2"),
        (b"Retry-After: soon\r\nRetry-After: 5", b""),
    ],
)
def test_without_retry_after(lines: bytes, left: bytes) -> None:
    start, body = b"SIP/2.0 503 Service Unavailable", b"\r\n\r\nx\r\nRetry-After: 9\r\n"
    lines, left = b"\r\n" + lines, b"\r\n" + left if left else b""
    assert without_retry_after(start + lines + body) == start + left + body
