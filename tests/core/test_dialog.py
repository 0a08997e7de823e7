"""Requests inside a dialog (RFC 3261 §16.4, §16.12)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxy.checks.base import Marks, Verdict
from tests.story import (
    CORE,
    PASS,
    REJECT,
    TRUNK,
    Story,
    answered,
    directory,
    field,
    in_dialog,
    network,
    request,
    response,
)  # fmt: skip


@pytest.mark.parametrize("routes", [True, False], ids=["by route set", "by a phone that ignores Record-Route"])
def test_answered_call_from_invite_to_bye(routes: bool) -> None:
    story = Story()
    answer = answered(story)
    story.after(3.0).hears(in_dialog("ACK", answer, cseq=1, branch="z9hG4bK-ack", routes=routes))
    assert field(story.sends("ACK sip:", CORE), "Route") == []
    story.after(7.0).hears(in_dialog("BYE", answer, routes=routes))
    bye = story.sends("BYE sip:", CORE)
    story.hears(response(bye, "200 OK"), CORE)
    story.sends("SIP/2.0 200", TRUNK)
    end = story.ends()

    assert (end.status, end.answered, end.ended_by, end.duration) == (200, True, "caller", 10.0)
    assert [what for _, _, _, what in end.messages] == [
        "INVITE", "100 Trying", "INVITE", "180 Ringing", "180 Ringing", "200 OK", "200 OK", "ACK", "ACK",
        "BYE", "BYE", "200 OK", "200 OK",
    ]  # fmt: skip
    story.quiet().after(40.0).forgotten()


def test_callee_hangs_up() -> None:
    story = Story()
    answer = answered(story)
    bye = request(
        "BYE",
        "sip:pbx@127.0.0.2:5060",
        via="SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK-c",
        caller=field(answer, "To")[0],
        to=field(answer, "From")[0],
        cseq=9,
        fields=(f"Route: {field(answer, 'Record-Route')[0]}",),
    )
    story.hears(bye, CORE)
    sent = story.sends("BYE sip:pbx@127.0.0.2:5060", TRUNK)
    story.hears(response(sent, "200 OK"), TRUNK)
    story.sends("SIP/2.0 200", CORE)

    assert story.ends().ended_by == "callee"
    story.quiet()


def test_reinvite_follows_the_dialog_without_a_question() -> None:
    story = Story()
    answer = answered(story)
    story.hears(in_dialog("INVITE", answer))
    again = story.sends("INVITE", CORE)
    story.hears(response(again, "488 Not Acceptable Here"), CORE).sends("ACK")
    story.sends("SIP/2.0 488", TRUNK)
    story.quiet()
    assert story.core.active_calls["acme-1"] == 1


@pytest.mark.parametrize("method", ["INVITE", "BYE", "INFO"])
def test_a_to_tag_without_a_dialog_opens_nothing(method: str) -> None:
    forged = "Route: <sip:127.0.0.1:5060;lr;tw=0123456789abcdef>"
    for fields in ((), (forged,), ("Route: <sip:192.0.2.1;lr>",)):
        story = Story()
        story.hears(request(method, to="<sip:1@127.0.0.1>;tag=x", fields=fields))
        story.sends("SIP/2.0 481")
        story.quiet()


def test_another_address_cannot_speak_in_a_call_without_its_cookie() -> None:
    story = Story(network(directory(sources=("127.0.0.2/31",))))
    answer = answered(story)
    story.hears(in_dialog("BYE", answer, routes=False), ("127.0.0.3", 5060)).sends("SIP/2.0 481")
    story.quiet()


def test_trunk_cannot_send_elsewhere_inside_its_call() -> None:
    story = Story()
    bye = in_dialog("BYE", answered(story)).replace(b"sip:callee@127.0.0.1:5080", b"sip:victim@198.51.100.7")
    story.hears(bye).sends("BYE sip:victim@198.51.100.7", CORE)
    story.quiet()


SHOWN = ("P-Asserted-Identity: <sip:02488880007@h>", "Identity: x")


def with_fields(data: bytes, *fields: str) -> bytes:
    return data.replace(b"Content-Length", b"\r\n".join(field.encode() for field in (*fields, "Content-Length")))


def test_a_new_caller_is_asked_about_and_the_call_goes_on_without_marks() -> None:
    story = Story()
    answer = answered(story)
    story.hears(with_fields(in_dialog("UPDATE", answer), *SHOWN))
    asked = story.asks()
    assert (asked.call.in_dialog, asked.call.called, asked.call.identities) == (True, "+8613800138000", (b"x",))
    story.after(1.0).quiet()
    story.told(asked.ticket, replace(PASS, marks=Marks((("Identity", "ours"),), "No-TN-Validation", "A")))
    sent = story.sends("UPDATE", CORE)
    assert (field(sent, "Identity"), "verstat" in field(sent, "From")[0]) == (["x"], False)
    story.decides()
    story.quiet()


def test_after_a_restart_a_token_inside_a_call_names_the_number_in_to() -> None:
    """Identities of a re-INVITE are held against numbers, not against the URI of To."""
    answer = answered(Story())
    after = Story()
    after.hears(with_fields(in_dialog("INVITE", answer), *SHOWN)).trying()
    assert after.asks().call.called == "+8613800138000"


def test_the_callee_calls_the_caller() -> None:
    story = Story(network(directory()))
    sent = story.passes(request("INVITE", "sip:02488880001@127.0.0.1:5060", caller="<sip:+8613800138000@c>;tag=c", to="<sip:02488880001@h>"), CORE)  # fmt: skip
    story.hears(response(sent, "200 OK", fields=("Contact: <sip:pbx@127.0.0.2:5060>",)), TRUNK)
    answer = story.sends("SIP/2.0 200")
    again = request(
        "INVITE",
        "sip:core@127.0.0.1:5080",
        caller=field(answer, "To")[0],
        to=field(answer, "From")[0],
        cseq=9,
        fields=(f"Route: {field(answer, 'Record-Route')[0]}", *SHOWN),
    )
    story.hears(again, TRUNK).trying()
    assert story.asks().call.called == "+8613800138000"


def test_a_reinvite_that_is_cancelled_or_never_judged_ends_no_call() -> None:
    story = Story()
    answer = answered(story)
    story.hears(with_fields(in_dialog("INVITE", answer), *SHOWN)).trying()
    ticket = story.asks().ticket
    story.hears(in_dialog("CANCEL", answer)).sends("SIP/2.0 200")
    story.sends("SIP/2.0 487")
    story.told(ticket, PASS).quiet()
    story.hears(with_fields(in_dialog("INVITE", answer, cseq=3, branch="z9hG4bK-3"), *SHOWN)).trying()
    story.pending += story.core.unjudged(story.asks().ticket, story.now)
    story.sends("SIP/2.0 500", TRUNK)
    assert story.core.active_calls["acme-1"] == 1


@pytest.mark.parametrize("verdict", [PASS, REJECT])
def test_a_new_caller_inside_a_call_waits_for_the_record_too(verdict: Verdict) -> None:
    story = Story()
    answer = answered(story)
    story.core._state.durable = True
    story.hears(with_fields(in_dialog("UPDATE", answer), *SHOWN))
    story.told(story.asks().ticket, verdict)
    kept = story.commits()
    story.after(1.0).quiet()
    story.recorded(kept.ticket).sends("UPDATE" if verdict is PASS else "SIP/2.0 403")
    assert (kept.report.status, kept.report.next_hop) == ((None, "127.0.0.1:5080") if verdict is PASS else (403, ""))
