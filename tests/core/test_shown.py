"""Calls whose messages are shown: which, and that what is shown is what was on the wire."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxy.checks.base import Verdict
from proxy.core.actions import Shown
from proxy.core.shown import is_wanted, octets
from proxy.core.state import Wants
from proxy.sip.message import parse
from tests.story import CORE, INVITE, PASS, REJECT, TRUNK, WOULD_REJECT, Story, network


@pytest.mark.parametrize(
    ("shows", "shown"),
    [
        ("", []),
        ("rejected", [REJECT]),
        ("would-reject", [REJECT, WOULD_REJECT]),
        ("all", [REJECT, WOULD_REJECT, PASS]),
    ],
)
def test_which_calls(shows: str, shown: list[Verdict]) -> None:
    assert [verdict for verdict in (REJECT, WOULD_REJECT, PASS) if is_wanted(shows, verdict)] == shown
    assert not is_wanted(shows, None)


@pytest.mark.parametrize(
    "data",
    [
        INVITE,
        INVITE.replace(b"Call-ID: ", b"Call-ID:\r\n  "),
        INVITE.partition(b"Content-Type")[0] + b"Content-Length: 0\r\n\r\n",
    ],
)
def test_a_message_has_its_octets_back(data: bytes) -> None:
    assert octets(parse(data)) == data
    assert octets(parse(INVITE + b"behind")) == INVITE


def judged(shows: str, verdict: Verdict) -> tuple[Story, list[Shown]]:
    story = Story(replace(network(), wants=Wants(shows)))
    story.hears(INVITE).trying()
    story.told(story.asks().ticket, verdict)
    return story, [action for action in story.pending if isinstance(action, Shown)]


def test_a_rejected_call_with_its_answer() -> None:
    story, (shown,) = judged("rejected", REJECT)
    answer = story.sends("SIP/2.0 403", TRUNK)
    assert (shown.request, shown.sent) == (INVITE, answer)
    assert (shown.source, shown.listener, shown.egress, shown.to) == (
        TRUNK,
        ("127.0.0.1", 5060),
        ("127.0.0.1", 5060),
        TRUNK,
    )
    assert (shown.call_id, shown.trunk, shown.verdict, shown.at) == ("call-1", "acme-1", REJECT, story.now)


def test_a_would_reject_with_what_went_on() -> None:
    story, (shown,) = judged("would-reject", WOULD_REJECT)
    assert (shown.request, shown.sent, shown.to) == (INVITE, story.sends("INVITE", CORE), CORE)


@pytest.mark.parametrize(("shows", "verdict"), [("", REJECT), ("rejected", WOULD_REJECT), ("would-reject", PASS)])
def test_other_calls_are_not_shown(shows: str, verdict: Verdict) -> None:
    assert judged(shows, verdict)[1] == []


def test_a_reload_changes_which() -> None:
    story = Story(network())
    story.core.replace(replace(network(), wants=Wants("all")), story.core._state.today)
    story.hears(INVITE).trying()
    story.told(story.asks().ticket, PASS)
    assert any(isinstance(action, Shown) for action in story.pending)
