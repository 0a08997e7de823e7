"""What peers may send to make the node forget, keep or misroute something."""

from __future__ import annotations

import re

import pytest

from proxy.core.proxy import ProxyCore
from proxy.sip.message import MAX_FIELDS
from proxy.transaction.timers import Lengths
from tests.story import (
    CORE,
    INVITE,
    KEY,
    PASS,
    REJECT,
    TODAY,
    TRUNK,
    Story,
    answered,
    directory,
    field,
    in_dialog,
    network,
    request,
    response,
)

SOS = "sip:110@127.0.0.1"


def sos(**parts: object) -> bytes:
    return request("INVITE", SOS, call_id="sos", **parts)  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
@pytest.mark.parametrize("route", ["sip:", "<tel:1>", "<sip:a;lr", "<sip:[::1>"])
def test_route_that_cannot_be_read_leaves_nothing(method: str, route: str) -> None:
    story = Story()
    story.hears(request(method, fields=(f"Route: {route}",)))
    assert story.drop("SIP/2.0 400") + story.drop("SIP/2.0 4") <= 1
    story.hears(request("ACK", to="<sip:13800138000@127.0.0.1>;tag=x"))
    story.pending.clear()
    story.after(70.0).pending.clear()
    story.forgotten()


def test_lower_via_that_cannot_be_read_is_somebody_elses() -> None:
    story = Story()
    story.passes(request("INVITE", fields=("Via: nonsense",)))


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda sent: response(sent, "486 Busy Here").replace(b"To:", b"X-To:"), id="without To"),
        pytest.param(
            lambda sent: response(sent, "486 Busy Here").replace(b"From:", b"From: <sip:x>\r\nFrom:"), id="two From"
        ),
        pytest.param(
            lambda sent: response(
                sent, "486 Busy Here", fields=tuple(f"X-{index}: y" for index in range(MAX_FIELDS + 5))
            ),
            id="too many fields",
        ),
    ],
)
def test_odd_final_response_is_acknowledged_and_passed_on(answer: object) -> None:
    story = Story()
    sent = story.passes(INVITE)
    story.hears(answer(sent), CORE)  # type: ignore[operator]
    ack = story.sends("ACK", CORE)
    assert len(field(ack, "To")) == 1
    story.sends("SIP/2.0 486", TRUNK)
    story.ends()
    story.hears(request("ACK")).after(40.0).forgotten()


def test_invite_with_as_many_fields_as_may_be_is_acknowledged() -> None:
    story = Story()
    sent = story.passes(request("INVITE", fields=tuple(f"X-{index}: y" for index in range(MAX_FIELDS - 7))))
    busy = re.sub(rb"X-[0-9]+: y\r\n", b"", sent.replace(sent.partition(b"\r\n")[0], b"SIP/2.0 486 Busy Here", 1))
    assert sent.count(b"\r\n") > MAX_FIELDS + 2
    story.hears(busy, CORE).sends("ACK", CORE)
    story.sends("SIP/2.0 486", TRUNK)


def test_invite_that_outgrows_a_datagram_is_refused_alone() -> None:
    story = Story()
    head = request("INVITE", call_id="big", via="SIP/2.0/UDP 127.0.0.2:5060;branch=z9hG4bK-big", body=b"")
    body = b"x" * (65_500 - len(head))
    ticket = story.hears(
        request("INVITE", call_id="big", via="SIP/2.0/UDP 127.0.0.2:5060;branch=z9hG4bK-big", body=body)
    )
    story.told(ticket.trying().asks().ticket, PASS).sends("SIP/2.0 513")
    story.decides()
    story.ends()
    story.quiet()


@pytest.mark.parametrize(
    "invite",
    [
        pytest.param(sos(fields=("Route: <sip:192.0.2.7;lr>",)), id="route of its own"),
        pytest.param(sos(fields=("Route: nonsense",)), id="route that cannot be read"),
        pytest.param(sos(fields=("Proxy-Require: foo",)), id="Proxy-Require"),
        pytest.param(sos(hops=0), id="no hop left"),
        pytest.param(sos(caller="<sip:+8613800138000@h>;tag=a"), id="number of somebody else"),
    ],
)
def test_emergency_calls_are_passed_on_whatever_else_is_wrong(invite: bytes) -> None:
    story = Story()
    sent = story.hears(invite).trying().sends("INVITE sip:110@", CORE)
    assert field(sent, "Route") == []
    assert int(field(sent, "Max-Forwards")[0]) > 0


def test_emergency_call_at_a_source_that_needs_a_trunk_group() -> None:
    story = Story(network(directory(tgrp="g1")))
    story.hears(INVITE).sends("SIP/2.0 403")
    story.refuses()
    story.hears(sos()).trying().sends("INVITE sip:110@", CORE)


def test_emergency_number_from_the_core_side_is_no_emergency_of_a_trunk() -> None:
    story = Story()
    story.told(story.hears(sos(), CORE).trying().asks().ticket, PASS).sends("SIP/2.0 404")


@pytest.mark.parametrize("method", ["INVITE", "UPDATE", "MESSAGE"])
def test_caller_that_changes_inside_a_call_is_judged(method: str) -> None:
    story = Story()
    changed = in_dialog(method, answered(story)).replace(b'"Acme" <sip:02488880001@', b'"95588" <sip:95588@')
    story.hears(changed)
    if method == "INVITE":
        story.trying()
    asked = story.asks()
    assert [claim.number for claim in asked.call.claims] == ["+8695588"]
    story.told(asked.ticket, REJECT).sends("SIP/2.0 403")
    decided = story.decides()
    assert (decided.status, decided.call.call_id) == (403, "call-1")
    story.quiet()


def test_caller_that_was_judged_once_inside_a_call_is_known() -> None:
    story = Story()
    answer = answered(story)
    for cseq, branch in ((2, "z9hG4bK-2"), (3, "z9hG4bK-3")):
        changed = in_dialog("UPDATE", answer, cseq=cseq, branch=branch).replace(
            b"sip:02488880001@", b"sip:02488880002@"
        )
        story.hears(changed)
        if cseq == 2:
            story.told(story.asks().ticket, PASS)
        story.sends("UPDATE sip:", CORE)
        if cseq == 2:
            story.decides()
    story.quiet()


def test_caller_that_stays_the_same_is_not_judged_again() -> None:
    story = Story()
    story.hears(in_dialog("INVITE", answered(story))).sends("INVITE sip:", CORE)
    story.quiet()


@pytest.mark.parametrize("routes", [True, False], ids=["by route set", "without"])
def test_invite_with_a_tag_that_nobody_gave_is_481(routes: bool) -> None:
    story = Story()
    forged = in_dialog("INVITE", answered(story), routes=routes).replace(b";tag=b", b";tag=zz")
    story.hears(forged).sends("SIP/2.0 481")
    story.quiet()


def restarted(answer: bytes, method: str, change: tuple[bytes, bytes] = (b"", b"")) -> Story:
    """A node that knows nothing of a call hears a request of it."""
    return Story().hears(in_dialog(method, answer).replace(*change))


def test_after_a_restart_a_caller_is_judged_and_the_core_side_is_all_there_is() -> None:
    answer = answered(Story())
    story = restarted(answer, "INVITE", (b"sip:callee@127.0.0.1:5080", b"sip:victim@198.51.100.7"))
    story.told(story.trying().asks().ticket, PASS).sends("INVITE sip:victim@198.51.100.7", CORE)
    story.decides()
    restarted(answer, "BYE", (b"sip:callee@127.0.0.1:5080", b"sip:victim@198.51.100.7")).sends("BYE sip:victim@", CORE)
    restarted(answer, "BYE", (b"sip:callee@127.0.0.1:5080", b"sip:b@sbc.example.net")).sends("BYE sip:b@sbc", CORE)


@pytest.mark.parametrize("method", ["REGISTER", "PUBLISH"])
def test_what_never_stands_inside_a_dialog(method: str) -> None:
    story = Story()
    story.hears(in_dialog(method, answered(story))).sends("SIP/2.0 405")


def test_forged_bye_ends_no_record() -> None:
    story = Story()
    forged = in_dialog("BYE", answered(story)).replace(b";tag=b", b";tag=zz")
    sent = story.hears(forged).sends("BYE", CORE)
    story.hears(response(sent, "481 Call/Transaction Does Not Exist"), CORE).sends("SIP/2.0 481")
    story.quiet()
    assert story.core.active_calls == {"acme-1": 1}


def test_bye_of_one_fork_leaves_the_other() -> None:
    story = Story()
    sent = story.passes(INVITE)
    answers = []
    for tag in ("b", "c"):
        story.hears(response(sent, "200 OK", tag=tag, fields=("Contact: <sip:f@127.0.0.1:5080>",)), CORE)
        answers.append(story.sends("SIP/2.0 200"))
    for cseq, answer in enumerate(answers, 2):
        bye = story.hears(in_dialog("BYE", answer, cseq=cseq, branch=f"z9hG4bK-{cseq}")).sends("BYE", CORE)
        story.hears(response(bye, "200 OK"), CORE).sends("SIP/2.0 200")
        if cseq == 2:
            story.quiet()
    assert story.ends().ended_by == "caller"


def test_bye_before_the_answer_ends_with_the_invites_own_response() -> None:
    story = Story()
    sent = story.passes(INVITE)
    story.hears(response(sent, "180 Ringing"), CORE)
    ringing = story.sends("SIP/2.0 180")
    bye = story.hears(in_dialog("BYE", ringing)).sends("BYE", CORE)
    story.hears(response(bye, "200 OK"), CORE).sends("SIP/2.0 200")
    story.quiet()
    story.hears(response(sent, "487 Request Terminated"), CORE).sends("ACK")
    story.sends("SIP/2.0 487")
    assert story.ends().status == 487


def test_core_side_may_use_its_other_addresses_in_a_call() -> None:
    story = Story()
    sent = story.passes(INVITE)
    second = ("127.0.0.77", 5070)
    told = response(sent, "200 OK", fields=("Contact: <sip:b@127.0.0.77:5070>",))
    answer = story.hears(told, CORE).sends("SIP/2.0 200")
    ack = in_dialog("ACK", answer, cseq=1).replace(b"sip:callee@127.0.0.1:5080", b"sip:b@127.0.0.77:5070")
    story.hears(ack).sends("ACK sip:b@127.0.0.77:5070", second)


def test_a_trunk_cannot_name_its_own_record_route_as_the_core_sides() -> None:
    story = Story()
    sent = story.passes(request("INVITE", fields=("Record-Route: <sip:198.51.100.7;lr>", "Contact: <sip:p@127.0.0.2>")))
    answer = story.hears(response(sent, "200 OK"), CORE).sends("SIP/2.0 200")
    bye = in_dialog("BYE", answer).replace(b"sip:callee@127.0.0.1:5080", b"sip:v@198.51.100.7")
    bye = bye.replace(b"Route: <sip:198.51.100.7;lr>\r\n", b"")
    story.hears(bye).sends("BYE sip:v@198.51.100.7", CORE)


def test_a_call_that_rings_only_after_timer_c_is_cancelled() -> None:
    story = Story()
    story.core = ProxyCore(network(), key=KEY, tally=story.tally, today=TODAY, lengths=Lengths(c=10.0))
    sent = story.passes(INVITE)
    story.after(11.0)
    assert story.drop("SIP/2.0 408") >= 1
    story.hears(response(sent, "180 Ringing"), CORE)
    assert story.drop("CANCEL") == 1


@pytest.mark.parametrize("start", [b"\r\n\r\nSIP/2.0 486 Busy", b"sip/2.0 486 Busy", b"Sip/2.0 486 Busy"])
def test_responses_read_in_any_case_and_behind_line_breaks(start: bytes) -> None:
    story = Story()
    sent = story.passes(INVITE)
    story.hears(response(sent, "486 Busy").replace(b"SIP/2.0 486 Busy", start, 1), CORE).sends("ACK")
    story.sends("SIP/2.0 486")


def test_a_call_that_lost_its_bye_is_swept_from_an_idle_node() -> None:
    story = Story()
    answered(story)
    story.after(13 * 3600.0)
    assert story.ends().ended_by == "timeout"
    story.quiet().forgotten()


@pytest.mark.parametrize(
    "host",
    ["999.999.999.999", "1.2", "4" * 70, "198.51.100.7", "::ffff:1.2.3.4"],
    ids=["octets", "short", "long", "ip", "v6"],
)
def test_contact_hosts_of_all_kinds(host: str) -> None:
    story = Story()
    sent = story.passes(INVITE)
    shown = f"[{host}]" if ":" in host else host
    answer = story.hears(response(sent, "200 OK", fields=(f"Contact: <sip:b@{shown}>",)), CORE).sends("SIP/2.0 200")
    story.hears(in_dialog("BYE", answer).replace(b"callee@127.0.0.1:5080", f"b@{shown}".encode()))
    assert story.drop("BYE") == 1


def test_folds_cost_no_time() -> None:
    """A quadratic pattern took 4.4 s for this; the test's own time limit is far below."""
    value = b" " * 7000 + b"\r\n "
    data = INVITE.replace(b"To: ", b"To:" + value * 1 + b" ", 1)
    core: ProxyCore = Story().core
    for _ in range(200):
        core.receive(data, ("192.0.2.1", 5060), 0, 100.0)


def test_callee_may_go_by_the_name_it_was_called_by() -> None:
    story = Story()
    invite = request("INVITE", "sip:02488880001@127.0.0.1", caller="<sip:13800138000@h>;tag=a", to="<sip:alias@h>")
    sent = story.passes(invite, CORE)
    answer = story.hears(response(sent, "200 OK"), TRUNK).sends("SIP/2.0 200")
    for name, branch in (("alias", "z9hG4bK-7"), ("95588", "z9hG4bK-8")):
        update = request(
            "UPDATE",
            "sip:x@127.0.0.1:5080",
            via=f"SIP/2.0/UDP 127.0.0.2:5060;branch={branch}",
            caller=f"<sip:{name}@h>;tag=b",
            to="<sip:13800138000@h>;tag=a",
            fields=tuple(f"Route: {value}" for value in field(answer, "Record-Route")),
        )
        story.hears(update)
        if name == "alias":
            story.sends("UPDATE", CORE)
    assert story.asks().call.claims[0].number == "+8695588"


def test_called_name_of_any_octets() -> None:
    answer = answered(Story())
    restarted(answer, "INVITE", (b"To: <sip:13800138000", b"To: <sip:1380\xb8")).trying().asks()


def test_a_trunk_that_answers_cannot_name_hosts_to_itself() -> None:
    """Its own Contact and Record-Route in the 200 are no leave to send there through the node."""
    story = Story()
    invite = request(
        "INVITE", "sip:02488880001@127.0.0.1", caller="<sip:13800138000@h>;tag=a", to="<sip:02488880001@h>"
    )
    sent = story.passes(invite, CORE)
    answer = response(sent, "200 OK", fields=("Contact: <sip:v@198.51.100.7>",))
    answer = story.hears(answer, TRUNK).sends("SIP/2.0 200")
    bye = request(
        "BYE",
        "sip:v@198.51.100.7",
        via="SIP/2.0/UDP 127.0.0.2:5060;branch=z9hG4bK-7",
        caller="<sip:02488880001@h>;tag=b",
        to="<sip:13800138000@h>;tag=a",
        fields=tuple(f"Route: {value}" for value in field(answer, "Record-Route")),
    )
    story.hears(bye).sends("BYE sip:v@198.51.100.7", CORE)
