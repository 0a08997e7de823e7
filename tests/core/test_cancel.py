"""CANCEL in every race (RFC 3261 §9, §16.10)."""

from __future__ import annotations

from tests.story import (
    CORE,
    INVITE,
    REJECT,
    TRUNK,
    Story,
    field,
    request,
    response,
)  # fmt: skip


def test_cancel_while_the_verdict_is_awaited() -> None:
    story = Story()
    ticket = story.hears(INVITE).trying().asks().ticket
    story.hears(request("CANCEL"))
    story.sends("SIP/2.0 200")
    answer = story.sends("SIP/2.0 487")
    story.after(0.25).told(ticket, REJECT)
    report, end = story.decides(), story.ends()
    assert (report.status, report.next_hop, report.elapsed) == (487, "", 0.25)
    assert (end.status, end.ended_by, end.verdict.action, end.duration) == (487, "caller", "reject", 0.0)
    story.hears(request("ACK", to=field(answer, "To")[0])).after(40.0).forgotten()


def test_cancel_twice_while_the_verdict_is_awaited_and_never_comes() -> None:
    story = Story()
    ticket = story.hears(INVITE).trying().asks().ticket
    story.hears(request("CANCEL")).sends("SIP/2.0 200")
    answer = story.sends("SIP/2.0 487")
    story.hears(request("CANCEL")).sends("SIP/2.0 200")
    story.hears(request("ACK", to=field(answer, "To")[0]))
    story.pending += story.core.unjudged(ticket, story.now)
    story.after(40.0).forgotten()


def test_cancel_before_a_provisional_response_waits_for_one() -> None:
    story = Story()
    sent = story.passes(INVITE)
    story.hears(request("CANCEL")).sends("SIP/2.0 200")
    story.quiet()
    story.hears(response(sent, "180 Ringing"), CORE)
    cancel = story.sends("CANCEL", CORE)
    story.sends("SIP/2.0 180")
    story.hears(response(cancel, "200 OK"), CORE).quiet()
    story.hears(response(sent, "487 Request Terminated"), CORE)
    story.sends("ACK", CORE)
    story.sends("SIP/2.0 487", TRUNK)

    assert story.ends().ended_by == "caller"
    assert field(cancel, "Via")[0] == field(sent, "Via")[0]
    assert field(cancel, "CSeq") == ["1 CANCEL"]


def test_cancel_that_crosses_the_answer() -> None:
    story = Story()
    sent = story.passes(INVITE)
    story.hears(response(sent, "180 Ringing"), CORE).sends("SIP/2.0 180")
    story.hears(request("CANCEL")).sends("SIP/2.0 200")
    story.sends("CANCEL", CORE)
    story.hears(response(sent, "200 OK"), CORE)
    story.sends("SIP/2.0 200 OK", TRUNK)
    story.hears(request("CANCEL")).sends("SIP/2.0 200")  # and after it: answered, without effect
    story.quiet()


def test_cancel_after_a_restart_is_passed_on_with_the_branch_of_its_invite() -> None:
    """RFC 3261 §16.10: without a response context, statelessly."""
    invite = Story().passes(INVITE)
    story = Story()
    cancel = story.hears(request("CANCEL")).sends("CANCEL sip:13800138000@127.0.0.1:5080", CORE)
    assert field(cancel, "Via")[0].split(";")[1] == field(invite, "Via")[0].split(";")[1]
    story.quiet().forgotten()
    story.hears(response(cancel, "200 OK"), CORE).sends("SIP/2.0 200", TRUNK)
    story.quiet().forgotten()


def test_cancel_that_leads_nowhere() -> None:
    story = Story()
    story.hears(request("CANCEL"), CORE).sends("SIP/2.0 481")
    story.quiet().forgotten()


def test_cancel_that_downstream_never_honours() -> None:
    story = Story()
    sent = story.passes(INVITE)
    story.hears(response(sent, "180 Ringing"), CORE).sends("SIP/2.0 180")
    story.hears(request("CANCEL")).sends("SIP/2.0 200")
    story.sends("CANCEL")
    story.after(33.0)
    assert story.drop("SIP/2.0 487") >= 1
    story.after(60.0).drop("")
    story.forgotten()
