"""The next hops of the core side are asked with OPTIONS, and what follows from their answers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxy.core.actions import Address, Send
from proxy.core.hops import NextHop
from proxy.core.place import Hop
from proxy.core.proxy import Network
from tests.story import CORE, INVITE, TODAY, Story, field, network, response, several

SECOND: Address = ("127.0.0.5", 5080)
THIRD: Address = ("::5", 5080)


def probed(*core: Address) -> Story:
    return Story(several(*core, probe_interval=6.0))


def questions(story: Story) -> list[tuple[float, bytes, Address]]:
    """What has been sent, without repetitions."""
    seen: dict[bytes, Send] = {}
    for action in story.pending:
        assert isinstance(action, Send)
        seen.setdefault(action.data, action)
    story.pending.clear()
    return [(story.now, send.data, send.to) for send in seen.values()]


def test_without_probes_there_is_nothing_to_do() -> None:
    assert Story(network()).core.timer_due() is None


def test_a_question_is_a_whole_options_to_the_hop_itself() -> None:
    story = probed(CORE)
    story.after(0.0)
    sent = story.sends("OPTIONS sip:127.0.0.1:5080 SIP/2.0", CORE)
    assert field(sent, "To") == ["<sip:127.0.0.1:5080>"]
    assert field(sent, "CSeq") == ["1 OPTIONS"]
    assert field(sent, "Max-Forwards") == ["70"]
    assert field(sent, "Via")[0].startswith("SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK-tw-probe-")
    assert field(sent, "From")[0].startswith("<sip:127.0.0.1:5060>;tag=")
    assert field(sent, "Call-ID")[0].endswith("@127.0.0.1")


def test_questions_are_spread_over_the_interval_and_go_on_for_ever() -> None:
    story = probed(CORE, SECOND)
    asked = []
    for _ in range(24):
        story.after(0.0 if not asked else 1.0)
        for at, data, to in questions(story):
            asked.append((at - 100.0, to))
            story.hears(response(data, "200 OK"), to).quiet()
    assert asked == [(float(at), CORE if at % 6 == 0 else SECOND) for at in range(0, 24, 3)]
    assert story.core.next_hops_up == {"127.0.0.1:5080": True, "127.0.0.5:5080": True}
    assert story.core.transactions <= 4  # timer K


def test_three_unanswered_bring_a_hop_down_and_two_answered_up_again() -> None:
    story = probed(CORE)
    story.after(17.9).drop("OPTIONS")
    assert story.core.next_hops_up == {"127.0.0.1:5080": True}
    story.after(0.1)
    news = story.hop_changes()
    assert (news.at, news.next_hop, news.up, news.cause) == (118.0, "127.0.0.1:5080", False, "unanswered")
    story.hears(response(story.sends("OPTIONS"), "200 OK"), CORE).quiet()
    story.after(6.0)
    story.hears(response(story.sends("OPTIONS"), "200 OK"), CORE)
    assert story.hop_changes().up
    assert story.core.transactions <= 2  # questions without an answer are not kept


@pytest.mark.parametrize(
    ("status", "up"), [("200 OK", True), ("404 Not Found", True), ("500 Error", True), ("503 Unavailable", False)]
)
def test_any_final_answer_but_503_is_good(status: str, up: bool) -> None:
    story = probed(CORE)
    for _ in range(3):
        story.after(0.0)
        story.hears(response(story.sends("OPTIONS"), "100 Trying"), CORE)
        story.pending.clear()
        story.after(0.5)
        story.hears(response(story.sends("OPTIONS"), status), CORE)
        story.after(5.5 - 1e-9)
        news = [action for action in story.pending if not isinstance(action, Send)]
        story.pending.clear()
        story.now += 1e-9
    assert story.core.next_hops_up == {"127.0.0.1:5080": up}
    assert len(news) == (not up)


def test_a_trunks_call_after_the_probes_found_out_goes_to_the_other_hop_at_once() -> None:
    story = probed(CORE, SECOND)
    for _ in range(19):
        story.after(1.0)
        for _, data, to in questions_and_news(story):
            if to == SECOND:
                story.hears(response(data, "200 OK"), to)
    assert story.core.next_hops_up == {"127.0.0.1:5080": False, "127.0.0.5:5080": True}
    assert b"@127.0.0.5:5080 " in story.passes(INVITE)[:60]


def questions_and_news(story: Story) -> list[tuple[float, bytes, Address]]:
    story.pending = [action for action in story.pending if isinstance(action, Send)]
    return questions(story)


def test_a_reload_asks_the_new_ones_and_lets_the_old_ones_be() -> None:
    story = probed(CORE, SECOND)
    story.after(4.0)
    assert {to for _, _, to in questions(story)} == {CORE, SECOND}
    story.core.replace(several(SECOND, THIRD, probe_interval=6.0), TODAY)
    assert story.core.timer_due() == 0.0
    story.after(12.0)
    assert {to for _, _, to in questions(story)} == {SECOND, THIRD}


def test_a_reload_may_move_a_next_hop_to_another_listener() -> None:
    story = probed(CORE)
    story.after(1.0).drop("OPTIONS")
    moved = replace(several(CORE, probe_interval=6.0), next_hops=(NextHop(Hop(CORE, 1)),))
    story.core.replace(moved, TODAY)
    story.after(5.0)
    assert field(questions_and_news(story)[-1][1], "Via")[0].startswith("SIP/2.0/UDP [::1]:5060;")


def test_a_reload_may_end_the_probes() -> None:
    story = probed(CORE)
    story.after(1.0).drop("OPTIONS")
    story.core.replace(several(CORE), TODAY)
    story.after(20.0).quiet()
    assert (story.core.transactions, story.core.timer_due()) == (0, None)


def test_a_reload_that_changes_nothing_keeps_the_pace() -> None:
    story = probed(CORE)
    story.after(3.0).drop("OPTIONS")
    same: Network = several(CORE, probe_interval=6.0)
    story.core.replace(same, TODAY)
    story.after(2.9)
    assert all(field(data, "CSeq") == ["1 OPTIONS"] for _, data, _ in questions(story))
    story.after(0.1)
    assert field(questions_and_news(story)[-1][1], "CSeq") == ["2 OPTIONS"]


def test_a_question_that_cannot_be_sent_counts_as_unanswered() -> None:
    story = probed(CORE)
    for _ in range(3):
        story.after(0.0)
        story.pending += story.core.unreachable(story.sends("OPTIONS"), story.now)
        story.after(6.0)
    assert not story.hop_changes().up
