"""Next hops that answer anything, at any time, or nothing: whatever they do, each call ends once and nothing is left."""

from __future__ import annotations

import random  # noqa: TID251  # by seed: each run is the same

import pytest

from proxy.core.actions import Address, Ended, Judge, Send
from tests.story import CORE, PASS, TODAY, TRUNK, Story, field, request, response, several

HOPS: tuple[Address, ...] = (CORE, ("127.0.0.5", 5080), ("127.0.0.6", 5080))
ANSWERS = ["100 Trying", "180 Ringing", "183 Progress", "200 OK", "486 Busy", "503 No", "603 Decline"]
OWN_PATIENCE = 25.0  # a hop answers within its own timer B, counted from the first INVITE


class Storm:
    """One run: a caller that behaves, and hops that do as the dice say; a hop never takes a final answer back."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.story = Story(several(*HOPS, probe_interval=self.dice.choice([0.0, 5.0])))
        self.sent: dict[bytes, tuple[Address, float]] = {}  # INVITE → where and when
        self.final: dict[bytes, str] = {}  # INVITE → what its hop has settled on
        self.provisional: set[bytes] = set()
        self.unsent: set[bytes] = set()
        self.cancelled: set[str] = set()  # branches
        self.heard: dict[str, set[int]] = {}  # call → final statuses at the caller
        self.ended: list[str] = []

    def call(self) -> None:
        """One more call, one in two an emergency."""
        self._send("INVITE", f"call-{len(self.heard)}", self.dice.choice(["13800138000", "110"]))

    def answer(self) -> None:
        """One of the last INVITEs is answered somehow."""
        if not self.sent:
            return
        invite = self.dice.choice(list(self.sent)[-4:])
        to, at = self.sent[invite]
        status = self.final.get(invite) or self.dice.choice(ANSWERS)
        if invite in self.unsent or self.story.now - at > OWN_PATIENCE:
            return
        if status.startswith("1"):
            self.provisional.add(invite)
        else:
            self.final[invite] = status
        self.story.hears(response(invite, status, tag=to[0][-1]), to)

    def break_off(self) -> None:
        """One of the last INVITEs cannot be sent after all."""
        if self.sent:
            invite = self.dice.choice(list(self.sent)[-3:])
            self.unsent.add(invite)
            self.story.pending += self.story.core.unreachable(invite, self.story.now)

    def cancel(self) -> None:
        """Some caller gives up."""
        if self.heard:
            self._send("CANCEL", self.dice.choice(list(self.heard)), "13800138000")

    def wait(self, seconds: float) -> None:
        """Time goes by; what happens is seen at the latest half a second later."""
        while seconds > 0:
            self.story.after(min(seconds, 0.5))
            self.settle()
            seconds -= 0.5

    def settle(self) -> None:
        """Do what the core asks for."""
        while self.story.pending:
            action = self.story.pending.pop(0)
            if isinstance(action, Judge):
                self.story.told(action.ticket, PASS)
            elif isinstance(action, Ended):
                self.ended.append(action.call.call_id)
            elif isinstance(action, Send) and action.data.startswith(b"INVITE"):
                self.sent.setdefault(action.data, (action.to, self.story.now))
            elif isinstance(action, Send) and action.data.startswith(b"CANCEL"):
                self.cancelled.add(field(action.data, "Via")[0])
            elif isinstance(action, Send) and action.to == TRUNK and field(action.data, "CSeq") == ["1 INVITE"]:
                self._caller(int(action.data[8:11]), field(action.data, "Call-ID")[0])

    def _caller(self, status: int, call_id: str) -> None:
        if status >= 200:
            self.heard[call_id].add(status)
        if status >= 300:
            self._send("ACK", call_id, "13800138000")

    def _send(self, method: str, call_id: str, called: str) -> None:
        self.heard.setdefault(call_id, set())
        via = f"SIP/2.0/UDP 127.0.0.2:5060;branch=z9hG4bK-{call_id}"
        self.story.hears(request(method, f"sip:{called}@127.0.0.1:5060", call_id=call_id, via=via))


@pytest.mark.parametrize("seed", range(150))
def test_each_call_ends_once_and_nothing_is_left(seed: int) -> None:
    storm = Storm(seed)
    dice = storm.dice
    steps = [storm.call] * 4 + [storm.answer] * 8 + [storm.cancel, storm.break_off]
    for _ in range(dice.randrange(10, 60)):
        if dice.random() < 0.3:
            storm.wait(dice.choice([0.1, 0.6, 1.0, 2.0, 2.1, 10.0, 40.0, 181.0]))
        dice.choice(steps)()
        storm.settle()
    storm.wait(560.0)
    storm.story.core.replace(several(*HOPS), TODAY)  # no more probes
    storm.wait(300.0)

    assert storm.story.core.transactions == 0
    assert len(storm.story.core._state.transactions.timers) == 0
    assert storm.story.tally.count["parse_errors_total", "internal"] == 0
    for call_id, statuses in storm.heard.items():
        assert statuses, f"{call_id} has heard nothing"
        assert len(statuses - {200}) <= 1, f"{call_id} has heard {statuses}"
        assert storm.ended.count(call_id) <= 1
        assert 200 in statuses or call_id in storm.ended
    for invite in storm.provisional - set(storm.final) - storm.unsent:
        assert field(invite, "Via")[0] in storm.cancelled, "it rings for ever"
