"""Whole conversations with the proxy core (RFC 3261 §16)."""

from __future__ import annotations

import gc
import weakref
from datetime import date

import pytest

from proxy.core.state import Context, Limits
from tests.story import CORE, PASS, REJECT, SDP, STRANGER, TRUNK, WOULD_REJECT, Story, directory, field, network, request, response

INVITE = request("INVITE", body=SDP, fields=("Contact: <sip:pbx@127.0.0.2:5060>", "Content-Type: application/sdp"))


def in_dialog(method: str, answer: bytes, *, cseq: int = 2, branch: str = "z9hG4bK-2", routes: bool = True) -> bytes:
    """A request of the caller after the callee's answer."""
    route = tuple(f"Route: {value}" for value in reversed(field(answer, "Record-Route"))) if routes else ()
    uri = "sip:callee@127.0.0.1:5080" if routes else "sip:13800138000@127.0.0.1:5060"
    return request(
        method,
        uri,
        via=f"SIP/2.0/UDP 127.0.0.2:5060;branch={branch}",
        to=field(answer, "To")[0],
        cseq=cseq,
        fields=route,
    )


def answered(story: Story) -> bytes:
    """A call is set up; returns the 200 as the caller gets it."""
    sent = story.passes(INVITE)
    story.hears(response(sent, "180 Ringing"), CORE)
    story.sends("SIP/2.0 180", TRUNK)
    story.hears(response(sent, "200 OK", fields=("Contact: <sip:callee@127.0.0.1:5080>",)), CORE)
    return story.sends("SIP/2.0 200", TRUNK)


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


def test_a_retransmitted_invite_is_judged_once() -> None:
    story = Story()
    ticket = story.hears(INVITE).trying().asks().ticket
    story.hears(INVITE).sends("SIP/2.0 100", TRUNK)
    story.told(ticket, PASS).sends("INVITE", CORE)
    story.decides()
    story.hears(INVITE).sends("SIP/2.0 100")

    story.quiet()
    assert story.tally.count["retransmissions_total",] == 4  # two heard, two answered again


def test_rejection_is_repeated_until_acknowledged() -> None:
    story = Story()
    story.told(story.hears(INVITE).trying().asks().ticket, REJECT)
    first = story.sends("SIP/2.0 403 Forbidden", TRUNK)
    report, end = story.decides(), story.ends()
    story.after(0.5)
    again = story.sends("SIP/2.0 403")
    story.hears(request("ACK", to=field(first, "To")[0])).after(3.0)

    assert first == again
    assert field(first, "Reason") == ['Q.850;cause=21;text="caller.not_allocated"']
    assert (report.status, report.next_hop, end.ended_by, end.status) == (403, "", "proxy", 403)
    story.after(40.0).forgotten()


def test_rejection_that_nobody_acknowledges_ends_after_64_t1() -> None:
    story = Story()
    story.told(story.hears(INVITE).trying().asks().ticket, REJECT)
    story.after(31.9)

    assert story.drop("SIP/2.0 403") == 1 + 10  # 0.5, 1, 2, then every 4 s (RFC 3261 §17.2.1)
    story.after(1.0).forgotten()


def test_monitor_mode_passes_what_it_would_reject() -> None:
    story = Story()
    story.told(story.hears(INVITE).trying().asks().ticket, WOULD_REJECT)
    story.sends("INVITE", CORE)
    report = story.decides()

    assert (report.verdict.action, report.verdict.enforced, report.status) == ("reject", False, None)


def test_cancel_while_the_verdict_is_awaited() -> None:
    story = Story()
    ticket = story.hears(INVITE).trying().asks().ticket
    story.hears(request("CANCEL"))
    story.sends("SIP/2.0 200")
    answer = story.sends("SIP/2.0 487")
    story.told(ticket, PASS).quiet()
    story.hears(request("ACK", to=field(answer, "To")[0])).after(40.0).forgotten()


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


def test_cancel_without_a_call() -> None:
    story = Story()
    story.hears(request("CANCEL")).sends("SIP/2.0 481")
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
    story.passes(INVITE)
    story.pending += story.core.unreachable(CORE, story.now)
    story.sends("SIP/2.0 503")
    assert story.ends().status == 503
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
    story.hears(bye).sends("SIP/2.0 403")
    story.quiet()


def test_restarted_node_makes_the_same_messages() -> None:
    one, two = Story(), Story()
    assert one.passes(INVITE) == two.passes(INVITE)
    assert one.hears(request("OPTIONS", "sip:127.0.0.1:5060")).sends("SIP/2.0 200") == two.hears(
        request("OPTIONS", "sip:127.0.0.1:5060")
    ).sends("SIP/2.0 200")
    other = Story(key=b"x" * 32)
    assert one.core is not other.core
    assert field(Story().passes(INVITE), "Via")[0] != field(other.passes(INVITE), "Via")[0]


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


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS", "REGISTER", "BYE"])
def test_stranger_is_refused_and_never_relayed(method: str) -> None:
    story = Story()
    story.hears(request(method), STRANGER).sends("SIP/2.0 403", STRANGER)
    report = story.refuses()
    assert (report.method, report.answered) == (method, True)
    story.quiet().forgotten()


def test_flood_of_a_stranger_is_not_answered() -> None:
    story = Story(limits=Limits(refusals=3))
    for _ in range(10):
        story.hears(request("INVITE"), STRANGER)
    assert story.drop("SIP/2.0 403") == 3


def test_emergency_goes_first_and_is_judged_after() -> None:
    story = Story()
    story.hears(request("INVITE", "sip:110@127.0.0.1", caller='"x" <sip:10086@h>;tag=a')).trying()
    story.sends("INVITE sip:110@", CORE)
    question = story.asks()
    assert question.call.emergency
    story.told(question.ticket, PASS)
    assert story.decides().next_hop == "127.0.0.1:5080"
    story.quiet()


def test_emergency_service_urn() -> None:
    story = Story()
    story.hears(request("INVITE", "urn:service:sos.police")).trying().sends("INVITE urn:service:sos.police", CORE)


def test_call_from_the_core_goes_to_the_trunk_that_owns_the_number() -> None:
    story = Story()
    invite = request("INVITE", "sip:02488880005@127.0.0.1:5060", via="SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK-9")
    question = story.hears(invite, CORE).trying().asks()
    story.told(question.ticket, PASS)
    story.sends("INVITE sip:02488880005@127.0.0.2:5060", TRUNK)
    assert (story.decides().callee_trunk, question.call.trunk.role) == ("acme-1", "core")


@pytest.mark.parametrize(("called", "status"), [("02499999999", 404), ("alice", 404)])
def test_call_from_the_core_to_nobodys_number(called: str, status: int) -> None:
    story = Story()
    invite = request("INVITE", f"sip:{called}@127.0.0.1", via="SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK-9")
    story.told(story.hears(invite, CORE).trying().asks().ticket, PASS)
    story.sends(f"SIP/2.0 {status}", CORE)
    story.decides()
    story.ends()
    story.quiet()


@pytest.mark.parametrize(
    ("data", "status", "phrase"),
    [
        (request("INVITE", hops=0), 483, "Too Many Hops"),
        (request("INVITE", fields=("Proxy-Require: foo, bar",)), 420, "Bad Extension"),
        (request("INVITE", "sips:1@127.0.0.1"), 416, "Unsupported URI Scheme"),
        (request("INVITE", "http://127.0.0.1/"), 416, "Unsupported URI Scheme"),
        (request("INVITE", "sip:1@127.0.0.1?a=b"), 400, "Header fields in Request-URI"),
        (request("INVITE", hops=300), 400, "Malformed Max-Forwards header field"),
        (request("INVITE", fields=("From: <sip:1@h>;tag=z",)), 400, "Duplicate From header field"),
        (request("INVITE", fields=("f: <sip:1@h>;tag=z",)), 400, "Duplicate From header field"),
        (request("INVITE", caller='"x <sip:1@h>'), 400, "Malformed From header field"),
        (request("INVITE", fields=("Subject: a\0b",)), 400, "Control character in header"),
        (request("INVITE", fields=("Content-Length: 0",)), 400, "Duplicate Content-Length header field"),
        (request("INVITE").replace(b"1 INVITE", b"1 OPTIONS"), 400, "CSeq method does not match request"),
        (request("INVITE").replace(b"SIP/2.0\r\n", b"SIP/3.0\r\n", 1), 505, "Version Not Supported"),
        (request("REGISTER"), 405, "Method Not Allowed"),
        (request("MESSAGE"), 405, "Method Not Allowed"),
        (request("OPTIONS", "sip:127.0.0.1:5060"), 200, "OK"),
        (request("OPTIONS", hops=0), 483, "Too Many Hops"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_answered_by_the_node_itself(data: bytes, status: int, phrase: str) -> None:
    story = Story()
    story.hears(data)
    answer = story.sends(f"SIP/2.0 {status} {phrase}", TRUNK)
    assert b";tag=" in b"".join(line for line in answer.split(b"\r\n") if line.startswith(b"To:"))
    story.quiet()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n\r\n",
        b"\0\0\0\0",
        b"garbage",
        b"SIP/2.0 999 x\r\n\r\n",
        request("ACK", fields=("From: <sip:1@h>",)),
        request("INVITE").replace(b"Call-ID", b"X-Call"),
        request("INVITE").replace(b"Via: SIP/2.0/UDP 127", b"Via: nonsense"),
    ],
)
def test_what_cannot_be_answered_is_dropped(data: bytes) -> None:
    Story().hears(data).quiet().forgotten()


def test_loop_is_482_and_spiral_is_not() -> None:
    story = Story()
    sent = story.passes(INVITE)
    hop = b"\r\nVia: SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK-hop\r\nVia"
    looped = sent.replace(b"\r\nVia", hop, 1).replace(b"@127.0.0.1:5080 SIP", b"@127.0.0.1:5060 SIP")
    story.hears(looped, CORE).sends("SIP/2.0 482")
    spiral = looped.replace(b"INVITE sip:13800138000@", b"INVITE sip:02488880005@").replace(b"-hop", b"-pop")
    story.hears(spiral, CORE).trying().asks()


def test_preloaded_route_is_refused() -> None:
    story = Story()
    invite = request("INVITE", fields=("Route: <sip:192.0.2.7;lr>",))
    story.told(story.hears(invite).trying().asks().ticket, PASS)
    story.sends("SIP/2.0 403")


def test_own_preloaded_route_is_taken_off() -> None:
    story = Story()
    sent = story.passes(request("INVITE", fields=("Route: <sip:127.0.0.1:5060;lr>",)))
    assert field(sent, "Route") == []


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


def test_draining_node_takes_emergencies_only() -> None:
    story = Story()
    story.core.drain()
    story.hears(INVITE).trying().sends("SIP/2.0 503")
    story.hears(request("INVITE", "sip:119@127.0.0.1", call_id="sos", via="SIP/2.0/UDP 127.0.0.2;branch=z9hG4bK-s"))
    story.trying().sends("INVITE sip:119@", CORE)


def test_too_many_transactions_is_503_without_retry_after() -> None:
    story = Story(limits=Limits(transactions=0))
    answer = story.hears(INVITE).sends("SIP/2.0 503")
    assert field(answer, "Retry-After") == []
    story.quiet().forgotten()


def test_call_without_a_bye_ends_in_the_end() -> None:
    story = Story(limits=Limits(call_seconds=3600.0))
    answered(story)
    story.after(7300.0)
    story.hears(request("OPTIONS", "sip:127.0.0.1:5060")).after(40.0)
    story.pending = [action for action in story.pending if "Ended" in type(action).__name__]
    assert story.ends().ended_by == "timeout"


def test_stopping_node_completes_its_records() -> None:
    story = Story()
    answered(story)
    story.pending += story.core.end_all(story.now + 5.0)
    assert (story.ends().ended_by, story.core.active_calls["acme-1"]) == ("proxy", 0)


def test_a_thousand_finished_calls_leave_nothing() -> None:
    story = Story()
    contexts: list[weakref.ref[object]] = []
    for index in range(50):
        invite = INVITE.replace(b"call-1", b"call-%d" % index).replace(b"z9hG4bK-1", b"z9hG4bK-i%d" % index)
        sent = story.passes(invite)
        contexts += [weakref.ref(item) for item in story.core._state.transactions.clients.values()]
        story.hears(response(sent, "486 Busy Here"), CORE)
        story.hears(request("ACK", call_id=f"call-{index}", via=f"SIP/2.0/UDP 127.0.0.2:5060;branch=z9hG4bK-i{index}"))
        story.drop("")
    gc.collect()
    before = sum(isinstance(item, Context) for item in gc.get_objects())
    gc.disable()
    try:
        story.after(40.0).forgotten()
        assert not [ref for ref in contexts if ref() is not None]  # freed by reference counts alone
        assert sum(isinstance(item, Context) for item in gc.get_objects()) == before - 50
    finally:
        gc.enable()


def test_replacing_the_network_changes_who_is_admitted() -> None:
    story = Story()
    story.core.replace(network(directory(sources=("127.0.0.4/32",))), date(2026, 11, 24))
    story.hears(INVITE).sends("SIP/2.0 403")
    story.refuses()
    story.hears(INVITE, ("127.0.0.4", 5060)).trying().asks()
