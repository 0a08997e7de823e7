"""Another caller on the way out, and the caller's own on the way back, through whole dialogs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxy.call.extract import extract
from proxy.checks.base import Marks, Replacement, Verdict
from proxy.checks.replacement import leaving
from proxy.core.replaced import MAX_KEPT
from proxy.sip.message import parse
from proxy.sip.request import Request
from tests.story import CORE, PASS, SDP, TRUNK, Story, directory, field, in_dialog, request, response

PILOT = "+862488880000"
SENT = f"<sip:{PILOT}@127.0.0.1;user=phone>"
FROM = '"Bob" <sip:13900139000@127.0.0.2>;tag=a'
PAI = "P-Asserted-Identity: <sip:13900139000@h>, <tel:+8613900139000>"
BOTH = Replacement(PILOT, caller=True, shown=True, diverted=False)
QUIET = Replacement(PILOT, caller=True, shown=False, diverted=False)


def verdict(given: Replacement) -> Verdict:
    return replace(PASS, action="replace", enforced=True, marks=Marks(replacement=given))


def invite(*fields: str, caller: str = FROM) -> bytes:
    return request("INVITE", caller=caller, body=SDP, fields=("Contact: <sip:pbx@127.0.0.2:5060>", *fields))


def begun(story: Story, data: bytes, given: Replacement = BOTH) -> bytes:
    """The INVITE is judged and leaves; returns what the core side gets."""
    ticket = story.hears(data).trying().asks().ticket
    sent = story.told(ticket, verdict(given)).sends("INVITE", CORE)
    story.decides()
    return sent


def stands(story: Story, data: bytes, given: Replacement = BOTH) -> bytes:
    """The call is answered; returns the 200 as the caller gets it."""
    sent = begun(story, data, given)
    story.hears(response(sent, "200 OK", fields=("Contact: <sip:callee@127.0.0.1:5080>",)), CORE)
    return story.sends("SIP/2.0 200", TRUNK)


@pytest.mark.parametrize("given", [BOTH, QUIET], ids=["From too", "From stays"])
def test_what_the_next_hop_reads(given: Replacement) -> None:
    fields = ("P-Preferred-Identity: <sip:1@h>", "Remote-Party-ID: <sip:2@h>", "Identity: x", "X-Own: 1")
    sent = begun(Story(), invite(PAI, *fields), given)

    assert field(sent, "P-Asserted-Identity") == [SENT]
    assert field(sent, "From") == [f"{SENT};tag=a" if given.shown else FROM]
    assert [field(sent, name) for name in ("P-Preferred-Identity", "Remote-Party-ID", "Identity")] == [[], [], []]
    assert (field(sent, "X-Own"), field(sent, "Contact")) == (["1"], ["<sip:pbx@127.0.0.2:5060>"])
    assert parse(sent).body == SDP


def test_diversions_and_privacy() -> None:
    fields = ("Diversion: <sip:1@h>", "History-Info: <sip:2@h>;index=1", PAI)
    given = Replacement(PILOT, caller=False, shown=False, diverted=True, hidden=True)
    sent = begun(Story(), invite(*fields), given)

    assert field(sent, "Diversion") == [f"{SENT};reason=unknown"]
    assert (field(sent, "History-Info"), field(sent, "Privacy")) == ([], ["id"])
    assert field(sent, "P-Asserted-Identity") == [PAI.partition(": ")[2]]


@pytest.mark.parametrize("given", [BOTH, QUIET, Replacement(PILOT, True, True, True, hidden=True)])
def test_verified_is_what_is_forwarded(given: Replacement) -> None:
    """What is read from the octets that left is what was judged and signed as leaving."""
    data = invite(PAI, "Diversion: <sip:13900139000@h>")
    trunk = directory().trunks["acme-1"]
    before = extract(Request(parse(data)), trunk, "", "", "", False)
    after = extract(Request(parse(begun(Story(), data, given))), trunk, "", "", "", False)

    said = {(claim.header, claim.number, claim.display) for claim in leaving(before, given).claims}
    assert {(claim.header, claim.number, claim.display) for claim in after.claims} == said
    assert after.caller == PILOT


@pytest.mark.parametrize("status", ["180 Ringing", "200 OK", "486 Busy Here", "603 Decline"])
def test_every_response_has_the_callers_own_from(status: str) -> None:
    story = Story()
    sent = begun(story, invite())
    story.hears(response(sent, status).replace(b"From:", b"f :"), CORE)
    if status[0] > "2":
        assert field(story.sends("ACK", CORE), "From") == [f"{SENT};tag=a"]
    answer = story.sends(f"SIP/2.0 {status}", TRUNK)

    assert field(answer, "From") == [FROM]
    assert field(answer, "To") == [field(response(sent, status), "To")[0]]


@pytest.mark.parametrize("restarted", [False, True], ids=["", "after a restart"])
def test_the_dialog_holds_both_ways(restarted: bool) -> None:
    story = Story()
    answer = stands(story, invite())
    if restarted:
        story = Story()
    story.hears(own(in_dialog("ACK", answer, cseq=1, branch="z9hG4bK-ack")))
    assert field(story.sends("ACK", CORE), "From") == [f"{SENT};tag=a"]
    story.hears(own(in_dialog("INFO", answer)))
    info = story.sends("INFO", CORE)
    assert field(info, "From") == [f"{SENT};tag=a"]
    story.hears(response(info, "200 OK"), CORE)
    assert field(story.sends("SIP/2.0 200", TRUNK), "From") == [FROM]

    story.hears(of_callee("BYE", answer), CORE)
    bye = story.sends("BYE", TRUNK)
    assert field(bye, "To") == ["<sip:13900139000@127.0.0.2>;tag=a"]
    story.hears(response(bye, "200 OK"), TRUNK)
    assert field(story.sends("SIP/2.0 200", CORE), "To") == [f"{SENT};tag=a"]


def test_a_phone_without_routes_keeps_its_dialog() -> None:
    story = Story()
    answer = stands(story, invite())
    story.hears(own(in_dialog("BYE", answer, routes=False)))
    assert field(story.sends("BYE", CORE), "From") == [f"{SENT};tag=a"]


def test_an_answer_after_a_restart_has_the_callers_own_from() -> None:
    sent = begun(Story(), invite())
    story = Story()
    story.hears(response(sent, "200 OK", fields=("Contact: <sip:callee@127.0.0.1:5080>",)), CORE)
    assert field(story.sends("SIP/2.0 200", TRUNK), "From") == ["<sip:13900139000@127.0.0.2>;tag=a"]


def test_a_route_that_was_changed_shows_nobody() -> None:
    story = Story()
    answer = stands(story, invite())
    (route,) = field(answer, "Record-Route")
    forged = route.replace("3133393030", "3133383030")  # another number in the From that it keeps
    assert forged != route
    for core in (story, Story()):
        core.hears(own(in_dialog("INFO", answer)).replace(route.encode(), forged.encode())).sends("SIP/2.0 481", TRUNK)


def test_a_long_from_is_left_in_to() -> None:
    story = Story()
    long = f"<sip:13900139000@{'h' * MAX_KEPT}>;tag=a"
    answer = stands(story, invite(caller=long))
    assert field(answer, "From") == [long]
    story.hears(of_callee("BYE", answer), CORE)
    assert field(story.sends("BYE", TRUNK), "To") == [f"{SENT};tag=a"]


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_the_same_caller_again_is_replaced_without_a_question(method: str) -> None:
    story = Story()
    answer = stands(story, invite(PAI))
    story.hears(own(with_pai(in_dialog(method, answer), PAI)))
    sent = story.sends(method, CORE)
    assert (field(sent, "P-Asserted-Identity"), field(sent, "From")) == ([SENT], [f"{SENT};tag=a"])


@pytest.mark.parametrize("given", [BOTH, QUIET], ids=["From too", "From stays"])
def test_another_false_caller_inside_a_good_call(given: Replacement) -> None:
    story = Story()
    sent = story.passes(invite())
    story.hears(response(sent, "200 OK", fields=("Contact: <sip:callee@127.0.0.1:5080>",)), CORE)
    answer = story.sends("SIP/2.0 200", TRUNK)
    again = own(with_pai(in_dialog("UPDATE", answer), "P-Asserted-Identity: <sip:13700137000@h>"))
    for cseq in (b"2", b"3"):  # the second time it is known
        story.hears(again.replace(b"CSeq: 2", b"CSeq: " + cseq).replace(b"z9hG4bK-2", b"z9hG4bK-2" + cseq))
        if cseq == b"2":
            story.told(story.asks().ticket, verdict(given))
        sent = story.sends("UPDATE", CORE)
        assert field(sent, "P-Asserted-Identity") == [SENT]
        assert field(sent, "From") == [f"{SENT};tag=a" if given.shown else FROM]
        if cseq == b"2":
            story.decides()
        story.hears(response(sent, "200 OK"), CORE)
        assert field(story.sends("SIP/2.0 200", TRUNK), "From") == [FROM]


def test_a_good_caller_later_does_not_change_the_from_of_the_dialog() -> None:
    story = Story()
    answer = stands(story, invite(PAI))
    good = "<sip:02488880001@127.0.0.2>;tag=a"
    story.hears(own(in_dialog("UPDATE", answer), good))
    sent = story.told(story.asks().ticket, PASS).sends("UPDATE", CORE)
    assert field(sent, "From") == [f"{SENT};tag=a"]


def test_cancel_names_the_call_as_it_left() -> None:
    story = Story()
    sent = begun(story, invite())
    story.hears(response(sent, "180 Ringing"), CORE).sends("SIP/2.0 180")
    story.hears(request("CANCEL", caller=FROM)).sends("SIP/2.0 200")
    assert field(story.sends("CANCEL", CORE), "From") == [f"{SENT};tag=a"]


def test_a_retransmission_met_by_another_process_is_the_same_message() -> None:
    assert begun(Story(), invite(PAI)) == begun(Story(), invite(PAI))


def own(data: bytes, caller: str = FROM) -> bytes:
    """A request in the dialog, with From as its caller writes it."""
    return data.replace(b'"Acme" <sip:02488880001@127.0.0.2>;tag=a', caller.encode())


def with_pai(data: bytes, line: str) -> bytes:
    return data.replace(b"Content-Length", line.encode() + b"\r\nContent-Length")


def of_callee(method: str, answer: bytes) -> bytes:
    """A request of the callee, who knows the caller by what was shown."""
    return request(
        method,
        "sip:pbx@127.0.0.2:5060",
        via="SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK-c",
        caller=field(answer, "To")[0],
        to=f"{SENT};tag=a",
        cseq=9,
        fields=(f"Route: {field(answer, 'Record-Route')[0]}",),
    )
