"""How the traffic of calls brings a next hop down and up, and where the next calls go."""

from __future__ import annotations

from proxy.core.actions import Address
from tests.core.failing import SECOND, UNAVAILABLE, another, silence, two, unavailable
from tests.story import CORE, INVITE, TODAY, Story, response, several


def refuse(story: Story, number: int, to: Address = CORE) -> None:
    """One more call, which rings at the first hop and is answered with 503 there."""
    invite = INVITE.replace(b"call-1", b"call-%d" % number).replace(b"z9hG4bK-1", b"z9hG4bK-%d" % number)
    sent = story.passes(invite)
    story.hears(response(sent, "180 Ringing"), to).sends("SIP/2.0 180")
    story.hears(response(sent, UNAVAILABLE), to).sends("ACK", to)


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
