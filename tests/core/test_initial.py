"""New requests: screening, refusals, routing (RFC 3261 §16.3–§16.6)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxy.checks.base import Marks
from proxy.core.proxy import Network
from proxy.core.state import Limits
from tests.story import (
    CORE,
    INVITE,
    PASS,
    REJECT,
    TODAY,
    TRUNK,
    WOULD_REJECT,
    Story,
    answered,
    field,
    in_dialog,
    network,
    request,
    response,
)  # fmt: skip


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


def test_loop_is_482_and_spiral_is_not() -> None:
    story = Story()
    sent = story.passes(INVITE)
    hop = b"\r\nVia: SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK-hop\r\nVia"
    looped = sent.replace(b"\r\nVia", hop, 1).replace(b"@127.0.0.1:5080 SIP", b"@127.0.0.1:5060 SIP")
    story.hears(looped, TRUNK).sends("SIP/2.0 482")
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


MARKS = Marks(
    (("Date", "Wed, 25 Nov 2026 12:00:00 GMT"), ("Identity", "t.o.k;info=<https://x>")), "No-TN-Validation", "A"
)
LYING = '"Acme" <sip:02488880001;verstat=TN-Validation-Passed@127.0.0.2>;tag=a'


def test_marks_go_to_the_core_and_with_its_cancel() -> None:
    story = Story()
    story.hears(request("INVITE", caller=LYING)).trying().told(story.asks().ticket, replace(PASS, marks=MARKS))
    sent = story.sends("INVITE", CORE)
    assert field(sent, "From") == ['"Acme" <sip:02488880001;verstat=No-TN-Validation@127.0.0.2>;tag=a']
    assert (field(sent, "Date"), field(sent, "Identity")) == ([MARKS.fields[0][1]], [MARKS.fields[1][1]])
    assert story.decides().verdict.marks.attestation == "A"
    story.hears(response(sent, "180 Ringing"), CORE).sends("SIP/2.0 180")
    story.hears(request("CANCEL", caller=LYING)).sends("SIP/2.0 200")
    assert field(story.sends("CANCEL", CORE), "From") == field(sent, "From")


def test_an_emergency_call_is_stripped_and_neither_marked_nor_told() -> None:
    story = Story()
    story.hears(request("INVITE", "sip:110@127.0.0.1", caller=LYING, fields=("Identity: x",))).trying()
    sent = story.sends("INVITE sip:110@", CORE)
    assert (field(sent, "From"), field(sent, "Identity")) == (['"Acme" <sip:02488880001@127.0.0.2>;tag=a'], ["x"])
    asked = story.asks()
    assert (asked.call.emergency, asked.call.identities) == (True, (b"x",))
    story.told(asked.ticket, replace(PASS, marks=MARKS, advice="STIR;cause=438"))
    story.decides()
    story.hears(response(sent, "180 Ringing"), CORE)
    assert field(story.sends("SIP/2.0 180", TRUNK), "Reason") == []


def test_an_emergency_call_whose_verdict_never_comes_goes_on() -> None:
    story = Story()
    story.hears(request("INVITE", "sip:110@127.0.0.1")).trying()
    sent = story.sends("INVITE sip:110@", CORE)
    story.pending += story.core.unjudged(story.asks().ticket, story.now)
    story.quiet().hears(response(sent, "200 OK"), CORE).sends("SIP/2.0 200", TRUNK)
    story.quiet()


def test_a_call_whose_verdict_never_comes_is_answered() -> None:
    story = Story()
    ticket = story.hears(INVITE).trying().asks().ticket
    story.pending += story.core.unjudged(ticket, story.now)
    answer = story.sends("SIP/2.0 500", TRUNK)
    story.told(ticket, PASS).quiet()
    story.pending += story.core.unjudged(ticket, story.now)
    story.quiet().hears(request("ACK", to=field(answer, "To")[0])).after(40.0).forgotten()


def test_a_call_waits_while_others_go_on_and_each_gets_its_own_verdict() -> None:
    story = Story()
    ticket = story.hears(INVITE).trying().asks().ticket
    other = request("INVITE", via="SIP/2.0/UDP 127.0.0.2:5060;branch=z9hG4bK-o", call_id="other")
    story.passes(other)
    story.after(1.5)
    story.drop("INVITE")  # timer A of the other
    story.hears(INVITE).sends("SIP/2.0 100", TRUNK)
    story.told(ticket, REJECT).sends("SIP/2.0 403")
    report = story.decides()
    assert (report.call.call_id, report.elapsed) == ("call-1", 1.5)


def test_a_node_that_drains_lets_a_waiting_call_through() -> None:
    story = Story()
    ticket = story.hears(INVITE).trying().asks().ticket
    story.core.drain()
    assert not story.core.idle
    story.told(ticket, PASS).sends("INVITE", CORE)
    story.decides()


def test_an_identity_that_outgrows_the_datagram_is_513() -> None:
    story = Story()
    body = b"x" * 64_700
    story.hears(request("INVITE", body=body)).trying().told(
        story.asks().ticket, replace(PASS, marks=Marks((("Identity", "t" * 500),), "", "A"))
    )
    story.sends("SIP/2.0 513", TRUNK)
    assert (story.decides().status, story.ends().status) == (513, 513)


def test_a_durable_verdict_acts_once_its_record_is_on_disk() -> None:
    story = Story(durable=True)
    story.told(story.hears(INVITE).trying().asks().ticket, PASS)
    kept = story.commits()
    story.hears(INVITE).sends("SIP/2.0 100")
    story.after(5.0).quiet()  # nothing goes out, nothing is repeated

    story.recorded(kept.ticket).sends("INVITE", CORE)
    story.recorded(kept.ticket).quiet()
    assert (kept.report.status, kept.report.next_hop) == (None, "127.0.0.1:5080")
    story.after(0.5).sends("INVITE", CORE)


def test_a_durable_rejection_waits_as_well() -> None:
    story = Story(durable=True)
    story.told(story.hears(INVITE).trying().asks().ticket, REJECT)
    kept = story.commits()
    story.after(5.0).quiet()
    story.recorded(kept.ticket).sends("SIP/2.0 403", TRUNK)
    end = story.ends()
    assert (kept.report.status, kept.report.next_hop, end.status, end.next_hop) == (403, "", 403, "")


def test_a_caller_who_gives_up_before_the_record_is_on_disk_reaches_nobody() -> None:
    story = Story(durable=True)
    story.told(story.hears(INVITE).trying().asks().ticket, PASS)
    kept = story.commits()
    story.hears(request("CANCEL")).sends("SIP/2.0 200")
    story.sends("SIP/2.0 487", TRUNK)
    end = story.recorded(kept.ticket).ends()
    assert (end.ended_by, end.status, end.next_hop) == ("caller", 487, "")
    story.quiet()


def test_an_emergency_call_never_waits_for_its_record() -> None:
    story = Story(durable=True)
    story.hears(INVITE.replace(b"sip:13800138000@", b"sip:110@", 1)).trying()
    story.sends("INVITE", CORE)
    story.told(story.asks().ticket, REJECT).decides()
    story.quiet()


def nowhere() -> Story:
    """A node whose core side is a name that has not been found yet."""
    whole = network()
    return Story(Network(whole.place, whole.admission, (), {"acme-1": ()}))


def test_without_any_next_hop_calls_get_503() -> None:
    story = nowhere()
    story.told(story.hears(INVITE).trying().asks().ticket, PASS)
    story.sends("SIP/2.0 503", TRUNK)
    assert (story.decides().status, story.ends().status) == (503, 503)
    story.hears(request("OPTIONS", "sip:1@h", via="SIP/2.0/UDP 127.0.0.2:5060;branch=z9hG4bK-o")).sends("SIP/2.0 503")
    story.quiet()


def test_without_any_next_hop_emergency_calls_are_answered_too() -> None:
    story = nowhere()
    ticket = story.hears(request("INVITE", "sip:110@127.0.0.1", to="<sip:110@h>")).trying().asks().ticket
    story.told(ticket, PASS).sends("SIP/2.0 503", TRUNK)
    assert (story.decides().status, story.ends().status) == (503, 503)
    story.quiet()


def test_without_any_gateway_a_trunk_cannot_be_reached() -> None:
    story = nowhere()
    call = request("INVITE", "sip:+862488880001@127.0.0.1", via="SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK-c")
    story.told(story.hears(call, CORE).trying().asks().ticket, PASS).sends("SIP/2.0 480", CORE)


def test_without_any_next_hop_calls_that_stand_go_on() -> None:
    story = Story()
    answer = answered(story)
    whole = network()
    story.core.replace(Network(whole.place, whole.admission, ()), TODAY)
    story.hears(in_dialog("BYE", answer)).sends("BYE", CORE)
    again = Story(Network(whole.place, whole.admission, ()))  # and after a restart, to where the dialog says
    again.hears(in_dialog("BYE", answer)).sends("BYE", CORE)
