"""Responses, and branches that never answer (RFC 3261 §16.7–§16.9)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.story import (
    CORE,
    INVITE,
    PASS,
    TRUNK,
    Story,
    field,
    in_dialog,
    request,
    response,
)  # fmt: skip


def test_nobody_answers_in_time() -> None:
    story = Story()
    sent = story.passes(INVITE)
    story.hears(response(sent, "180 Ringing"), CORE).sends("SIP/2.0 180")
    story.after(180.6)
    cancel = story.sends("CANCEL", CORE)
    answer = story.sends("SIP/2.0 408", TRUNK)
    assert (story.ends().ended_by, field(answer, "CSeq")) == ("timeout", ["1 INVITE"])
    story.hears(response(cancel, "200 OK"), CORE)
    story.hears(request("ACK", to=field(answer, "To")[0]))
    story.hears(response(sent, "487 Request Terminated"), CORE).sends("ACK", CORE)
    story.quiet()


def test_a_provisional_response_restarts_timer_c() -> None:
    story = Story()
    sent = story.passes(INVITE)
    story.hears(response(sent, "180 Ringing"), CORE).sends("SIP/2.0 180")
    story.after(170.0).hears(response(sent, "183 Session Progress"), CORE).sends("SIP/2.0 183")
    story.after(170.0).quiet()


def test_dead_next_hop_is_408_after_64_t1() -> None:
    story = Story()
    story.passes(INVITE)
    story.after(31.9)
    assert story.drop("INVITE") == 6  # timer A: 0.5, 1.5, … 31.5 s
    story.after(0.2).sends("SIP/2.0 408")
    assert story.ends().ended_by == "timeout"
    story.quiet()


def test_unreachable_next_hop_is_503_at_once() -> None:
    story = Story()
    sent = story.passes(INVITE)
    other = request("INVITE", via="SIP/2.0/UDP 127.0.0.2:5060;branch=z9hG4bK-o", call_id="other")
    story.passes(other)
    story.pending += story.core.unreachable(sent, story.now)
    story.sends("SIP/2.0 503")
    assert story.ends().call.call_id == "call-1"
    story.quiet()  # the other call, to the same hop, goes on


@pytest.mark.parametrize(
    "data", [b"", b"x", b"SIP/2.0 200 OK\r\n\r\n", b"ACK sip:x SIP/2.0\r\nVia: a;branch=b\r\n\r\n"]
)
def test_unreachable_for_what_is_no_request_in_progress(data: bytes) -> None:
    story = Story()
    story.pending += story.core.unreachable(data, story.now)
    story.quiet()


def test_busy_is_acknowledged_hop_by_hop_and_passed_up() -> None:
    story = Story()
    sent = story.passes(INVITE)
    busy = response(sent, "486 Busy Here")
    story.hears(busy, CORE)
    ack = story.sends("ACK", CORE)
    story.sends("SIP/2.0 486", TRUNK)
    end = story.ends()
    story.hears(busy, CORE).sends("ACK", CORE)  # again, and not passed up again

    assert (end.status, end.answered, end.ended_by) == (486, False, "callee")
    assert (field(ack, "Via")[0], field(ack, "To")) == (field(sent, "Via")[0], field(busy, "To"))
    story.quiet().hears(request("ACK", to=field(busy, "To")[0])).after(40.0).forgotten()


def test_every_2xx_goes_up() -> None:
    story = Story()
    sent = story.passes(INVITE)
    for tag in ("one", "two", "one"):
        story.hears(response(sent, "200 OK", tag=tag), CORE)
        assert story.sends("SIP/2.0 200", TRUNK)
    story.quiet()


def test_restarted_node_passes_on_the_answer_to_what_it_sent_before() -> None:
    sent = Story().passes(INVITE)
    after = Story()
    after.hears(response(sent, "200 OK"), CORE)
    answer = after.sends("SIP/2.0 200", TRUNK)
    after.hears(in_dialog("ACK", answer, cseq=1)).sends("ACK", CORE)
    after.hears(in_dialog("BYE", answer)).sends("BYE", CORE)
    after.quiet()


def test_stray_response_goes_nowhere() -> None:
    sent = Story(key=b"x" * 32).passes(INVITE)
    story = Story()
    story.hears(response(sent, "200 OK"), CORE).quiet()
    assert story.tally.count["parse_errors_total", "stray_response"] == 1


def test_options_travels_to_the_core_and_its_timeout_is_silent() -> None:
    story = Story()
    story.hears(request("OPTIONS", "sip:13800138000@10.0.0.1")).sends("OPTIONS sip:13800138000@10.0.0.1", CORE)
    story.after(40.0)
    assert story.drop("SIP/2.0") == 0  # RFC 4320 §4.2
    story.forgotten()


def test_408_of_a_non_invite_is_not_passed_up() -> None:
    story = Story()
    sent = story.hears(request("OPTIONS", "sip:13800138000@10.0.0.1")).sends("OPTIONS", CORE)
    story.hears(response(sent, "100 Trying"), CORE).quiet()
    story.hears(response(sent, "408 Request Timeout"), CORE).after(10.0).forgotten()


ADVICE = 'STIR;cause=436;text="Bad Identity Info"'


@pytest.mark.parametrize("status", ["180 Ringing", "200 OK", "486 Busy Here"])
def test_the_first_answer_tells_of_failed_identities_and_no_other(status: str) -> None:
    story = Story()
    story.hears(INVITE).trying().told(story.asks().ticket, replace(PASS, advice=ADVICE))
    sent = story.sends("INVITE")
    assert field(sent, "Reason") == []
    story.decides()
    story.hears(response(sent, "100 Trying"), CORE).quiet()
    story.hears(response(sent, status, fields=("Reason: Q.850;cause=16",)), CORE)
    if status.startswith("486"):
        story.sends("ACK", CORE)
    answer = story.sends(f"SIP/2.0 {status}", TRUNK)
    assert field(answer, "Reason") == [ADVICE, "Q.850;cause=16"]
    if status.startswith("180"):
        story.hears(response(sent, "200 OK"), CORE)
        assert field(story.sends("SIP/2.0 200", TRUNK), "Reason") == []
