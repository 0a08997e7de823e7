"""A call that goes on to the next hop: why, with what branch, and what the caller hears in the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from proxy.checks.base import Marks, Verdict
from proxy.core.actions import Address, Send
from proxy.core.failover import without_retry_after
from proxy.core.hops import NextHop
from proxy.core.place import Hop
from tests.core.failing import SECOND, THIRD, UNAVAILABLE, another, silence, two, unavailable, unreachable
from tests.story import CORE, INVITE, PASS, TRUNK, Story, field, in_dialog, request, response, several

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


def test_a_cancelled_call_goes_nowhere_else() -> None:
    story = two()
    first = story.passes(INVITE)
    story.hears(request("CANCEL")).sends("SIP/2.0 200", TRUNK)
    story.after(31.9)
    assert story.drop("INVITE") == 6  # to the same hop, which has to be heard before it can be told
    story.hears(response(first, "180 Ringing"), CORE).sends("CANCEL", CORE)


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
