"""The core as a whole: strangers, bad input, stopping, and what stays behind."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace
from datetime import date

import pytest

from proxy.call.trunk import TrunkLimits
from proxy.core.actions import Address
from proxy.core.state import MAX_KNOCKS, Context, Limits
from tests.story import (
    CORE,
    INVITE,
    STRANGER,
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
)  # fmt: skip


def test_restarted_node_makes_the_same_messages() -> None:
    one, two = Story(), Story()
    assert one.passes(INVITE) == two.passes(INVITE)
    assert one.hears(request("OPTIONS", "sip:127.0.0.1:5060")).sends("SIP/2.0 200") == two.hears(
        request("OPTIONS", "sip:127.0.0.1:5060")
    ).sends("SIP/2.0 200")
    other = Story(key=b"x" * 32)
    assert one.core is not other.core
    assert field(Story().passes(INVITE), "Via")[0] != field(other.passes(INVITE), "Via")[0]


ANSWERING = replace(network(), answer_strangers=True)


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS", "REGISTER", "BYE"])
def test_stranger_gets_no_answer_and_is_never_relayed(method: str) -> None:
    story = Story()
    refused = story.hears(request(method), STRANGER).refuses()
    assert (refused.method, refused.status) == (method, None)
    story.quiet().forgotten()


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS", "REGISTER", "BYE"])
def test_stranger_is_told_so_where_the_node_is_set_to(method: str) -> None:
    story = Story(ANSWERING)
    story.hears(request(method), STRANGER).sends("SIP/2.0 403", STRANGER)
    assert story.refuses().status == 403
    story.quiet().forgotten()


@pytest.mark.parametrize("method", ["ACK", "CANCEL"])
def test_what_follows_a_refused_call_of_a_stranger_is_dropped(method: str) -> None:
    Story(ANSWERING).hears(request(method), STRANGER).quiet().forgotten()


def test_a_stranger_who_asks_again_is_recorded_once() -> None:
    story = Story()
    for _ in range(7):
        story.hears(request("INVITE"), STRANGER).after(1.0)
    story.refuses()
    story.hears(request("INVITE", call_id="another"), STRANGER).refuses()
    story.quiet()


def test_what_strangers_asked_for_is_remembered_within_bounds() -> None:
    story = Story(limits=Limits(strangers=10 * MAX_KNOCKS))
    for number in range(MAX_KNOCKS + 1):
        story.hears(request("INVITE", call_id=str(number)), STRANGER)
    assert len(story.pending) == MAX_KNOCKS + 1
    story.drop("")
    story.hears(request("INVITE", call_id=str(MAX_KNOCKS)), STRANGER).quiet()
    story.hears(request("INVITE", call_id="0"), STRANGER).refuses()  # the oldest has been forgotten
    assert len(story.core._state.knocks) == MAX_KNOCKS


@pytest.mark.parametrize("answered_", [False, True])
def test_flood_of_strangers_is_counted_and_no_more(answered_: bool) -> None:
    story = Story(ANSWERING if answered_ else None, limits=Limits(strangers=3))
    for number in range(10):
        story.hears(request("INVITE", call_id=str(number)), (f"192.0.2.{number}", 5060))
    assert story.drop("SIP/2.0 403") == (3 if answered_ else 0)
    assert story.tally.count["packets_shed_total", "unknown"] == 7
    story.after(1.0).hears(request("INVITE", call_id="later"), STRANGER)
    assert len(story.pending) == (2 if answered_ else 1)


def test_a_trunk_group_that_nobody_has_is_refused_within_the_same_bounds() -> None:
    story = Story(network(directory(tgrp="sales")), limits=Limits(strangers=3))
    for number in range(10):
        story.hears(request("OPTIONS", call_id=str(number)))
    assert story.drop("SIP/2.0 403") == 3
    assert story.tally.count["packets_shed_total", "unknown"] == 7


def test_a_reload_decides_whether_strangers_are_answered() -> None:
    story = Story()
    story.core.replace(ANSWERING, TODAY)
    story.hears(request("INVITE"), STRANGER).sends("SIP/2.0 403", STRANGER)


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
    assert story.hears(INVITE).refuses().source == "127.0.0.2:5060"
    story.hears(INVITE, ("127.0.0.4", 5060)).trying().asks()


PRESSED = network(directory(limits=TrunkLimits(calls_per_second=2)))


def calls(story: Story, count: int, uri: str = "sip:13800138000@127.0.0.1:5060", source: Address = TRUNK) -> int:
    """How many of so many new calls are answered 503, all others being passed on."""
    for number in range(count):
        via = f"SIP/2.0/UDP 127.0.0.2:5060;branch=z9hG4bK-{number}{uri}"
        story.hears(request("INVITE", uri, via=via, call_id=f"{uri}{number}"), source)
    return story.drop("SIP/2.0 503")


@pytest.mark.parametrize(("level", "shed"), [(0, 0), (1, 8), (2, 10)])
def test_new_calls_are_shed_by_level(level: int, shed: int) -> None:
    story = Story(PRESSED)
    story.core.press(level)
    assert calls(story, 10) == shed
    reason = ("requests_shed_total", "acme-1", "share" if level == 1 else "overload")
    assert story.tally.count[reason] == shed
    assert story.core.transactions == 10 - shed
    story.core.press(0)
    assert calls(story, 10, "sip:13800138001@127.0.0.1:5060") == 0


@pytest.mark.parametrize(("level", "shed"), [(1, 0), (2, 10)])
def test_calls_of_the_core_side_have_no_share(level: int, shed: int) -> None:
    story = Story(PRESSED)
    story.core.press(level)
    assert calls(story, 10, "sip:+862488880001@127.0.0.1:5060", CORE) == shed


def test_emergency_calls_and_calls_that_stand_are_never_shed() -> None:
    story = Story(PRESSED)
    answer = answered(story)
    story.core.press(2)
    story.hears(in_dialog("ACK", answer)).sends("ACK", CORE)
    story.hears(in_dialog("INVITE", answer, cseq=3, branch="z9hG4bK-3")).drop("")
    story.hears(in_dialog("BYE", answer, cseq=4, branch="z9hG4bK-4")).sends("BYE", CORE)
    story.hears(request("OPTIONS", "sip:127.0.0.1:5060", via="SIP/2.0/UDP 127.0.0.2;branch=z9hG4bK-o")).sends(
        "SIP/2.0 200"
    )
    for number in range(1000):
        via = f"SIP/2.0/UDP 127.0.0.2:5060;branch=z9hG4bK-e{number}"
        story.hears(request("INVITE", "sip:110@127.0.0.1:5060", via=via, call_id=f"e{number}"))
        assert calls(story, 1, f"sip:1380013{number}@127.0.0.1") == 1
    assert story.tally.count["messages_total", "out", "udp", "INVITE"] == 1002  # with the call that stands


def test_what_is_shed_leaves_nothing_behind() -> None:
    story = Story(PRESSED)
    story.core.press(2)
    busy = story.hears(INVITE).sends("SIP/2.0 503", TRUNK)
    assert field(busy, "Retry-After") == []
    story.hears(request("ACK", to=field(busy, "To")[0])).quiet().forgotten()
    assert story.hears(INVITE).sends("SIP/2.0 503") == busy


def test_who_never_acknowledges_does_not_fill_the_room_of_the_others() -> None:
    story = Story(PRESSED, limits=Limits(transactions=20))
    assert calls(story, 30) == 20  # from the tenth on it is above its share, which it has used up
    assert story.tally.count["requests_shed_total", "acme-1", "share"] == 20
    story.after(1.0)
    assert calls(story, 3, "sip:13800138001@127.0.0.1:5060") == 1


def test_a_stranger_is_refused_once_that_is_on_record() -> None:
    story = Story(ANSWERING, durable=True)
    story.hears(INVITE, STRANGER)
    kept = story.commits()
    story.quiet()
    story.recorded(kept.ticket).sends("SIP/2.0 403", STRANGER)
    story.hears(INVITE, STRANGER).sends("SIP/2.0 403", STRANGER)
    story.quiet()
