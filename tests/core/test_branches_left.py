"""What becomes of the branches that a call has left behind when it went on to the next hop."""

from __future__ import annotations

import gc
import weakref

import pytest

from proxy.core.actions import Send
from proxy.core.state import Context, GivenUp
from tests.core.failing import SECOND, THIRD, given_up, silence, two, unavailable
from tests.story import CORE, INVITE, TRUNK, Story, field, in_dialog, request, response, several


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
