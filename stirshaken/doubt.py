"""Our own clock or anchors in doubt: when tokens go bad on all trunks at once, the fault is not the trunks'."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final, Literal, TypeAlias

from stirshaken.findings import Rule
from stirshaken.verify import Identity

Outcome: TypeAlias = Literal["good", "stale", "untrusted"]

RECENT: Final = 300.0  # seconds that a token says something of now
HISTORY: Final = 86_400.0  # seconds that it counts that an owner was good
TOKENS: Final = 3  # of an owner, before it is a witness of anything
LONG_RUN: Final = 20  # good tokens in a row, before an owner is believed alone
HOLD: Final = 60.0  # seconds that a doubt stays at least, so that alarms do not flap
PERIOD: Final = 1.0  # seconds between two looks at all owners
KEPT: Final = 32  # tokens of an owner
MAX_OWNERS: Final = 4096


def outcome(identity: Identity, now: float) -> tuple[Outcome, float | None] | None:
    """
    Say what an Identity tells of us, and the offset of its iat, to be noted; None where it tells nothing.

    `now` is the moment that it was verified at, in epoch seconds. A token that fits no call is as good as any: it was
    fresh, and its chain led to an anchor. A stale one that has other faults may be an old one, played again.
    """
    rules = {finding.rule for finding in identity.findings}
    chain = [check.ok for check in identity.checks if check.name.startswith("certificate")]
    signed = any(check.name == "signature" and check.ok for check in identity.checks)
    if not signed or False in chain:
        return ("untrusted", None) if Rule.UNTRUSTED in rules and False in chain[1:] else None
    offset = identity.claims["iat"] - now
    if Rule.STALE not in rules:
        return "good", offset
    return ("stale", offset) if rules == {Rule.STALE} else None


@dataclass(slots=True)
class _Owner:
    """
    What is known of a trunk: its latest tokens as (moment, outcome, offset), its good ones, and how many of these it
    had in a row just now and before its latest bad ones.
    """

    tokens: deque[tuple[float, Outcome, float | None]] = field(default_factory=lambda: deque(maxlen=KEPT))
    goods: int = 0
    last_good: float | None = None
    run: int = 0
    run_before: int = 0

    def note(self, outcome: Outcome, now: float, offset: float | None) -> None:
        self.tokens.append((now, outcome, offset))
        if outcome == "good":
            self.goods += 1
            self.last_good = now
            self.run += 1
        elif self.run:
            self.run_before, self.run = self.run, 0

    def was_good(self, now: float) -> bool:
        return self.last_good is not None and self.goods >= TOKENS and abs(now - self.last_good) <= HISTORY

    def recent(self, now: float) -> list[tuple[Outcome, float | None]]:
        return [(outcome, offset) for moment, outcome, offset in self.tokens if abs(now - moment) <= RECENT]


@dataclass(frozen=True, slots=True)
class _Witness:
    """An owner that has sent enough of late: whether most of it was bad, the median offset, its past."""

    bad: bool
    offset: float | None
    was_good: bool
    run_before: int


@dataclass(slots=True)
class _State:
    """A doubt: since when (None for none), and whether it began before anybody had been good."""

    since: float | None = None
    at_start: bool = False


class Doubt:
    """
    Watches what became of tokens over all owners (trunks), and says when to doubt ourselves.

    Each owner is one witness, however many tokens it sends, when it has sent TOKENS within RECENT seconds; it is a bad
    one when most of these were bad. There is doubt when

    - of those that were good within HISTORY, two or more and more than half are bad; or
    - nobody is known to have been good, and two or more are there and all are bad: so it looks when we start with a
      wrong clock or without the right anchors; or
    - of stale tokens only: there is one owner in all, it was good LONG_RUN times in a row before, and its tokens' iat
      are shifted.

    Stale tokens whose offsets are known count only where the median over the witnesses is beyond `max_age`: a wrong
    clock of ours shifts all of them the same way. A doubt stays HOLD seconds at least, and ends when no more than a
    third of the witnesses is bad (of one that began at the start: less than half), or none is left.

    `now` is in seconds of a clock that does not jump (a monotonic one), for the other one is in doubt itself. All is
    looked at once in PERIOD seconds at most.
    """

    def __init__(self, max_age: float = 60.0) -> None:
        self._max_age = max_age
        self._owners: OrderedDict[str, _Owner] = OrderedDict()
        self._states: dict[Outcome, _State] = {"stale": _State(), "untrusted": _State()}
        self._looked: float | None = None

    def note(self, owner: str, outcome: Outcome, now: float, offset: float | None = None) -> None:
        """
        Take what became of a token.

        Args:
            owner: Who sent it.
            outcome: "good"; "stale" where that is all that is wrong, so that chain and signature are good; "untrusted"
                where there is no path to an anchor.
            now: The moment.
            offset: iat less the time of our clock in seconds, of a token with a good signature.
        """
        known = self._owners.setdefault(owner, _Owner())
        self._owners.move_to_end(owner)
        known.note(outcome, now, offset)
        while len(self._owners) > MAX_OWNERS:
            self._owners.popitem(last=False)

    def stale_in_doubt(self, now: float) -> bool:
        """Whether our clock is in doubt: that a token is stale proves nothing then."""
        self._look(now)
        return self._states["stale"].since is not None

    def untrusted_in_doubt(self, now: float) -> bool:
        """Whether our anchors are in doubt: that a chain leads to none of them proves nothing then."""
        self._look(now)
        return self._states["untrusted"].since is not None

    def shift(self, now: float) -> float | None:
        """
        How far tokens are from our clock, in seconds: the median over the owners' medians, None where no offsets are
        known. A token is on its way for a moment, so about -1 is right; -300 is a clock of ours that is 300 s fast.
        """
        return _shift(self._witnesses("stale", now))

    def _look(self, now: float) -> None:
        if self._looked is not None and 0 <= now - self._looked < PERIOD:
            return
        self._looked = now
        for kind, state in self._states.items():
            witnesses = self._witnesses(kind, now)
            began, at_start = self._begins(kind, witnesses, now)
            if state.since is None and began:
                state.since, state.at_start = now, at_start
            elif state.since is not None and not began and now - state.since >= HOLD and _ends(state, witnesses):
                state.since = None

    def _begins(self, kind: Outcome, witnesses: Sequence[_Witness], now: float) -> tuple[bool, bool]:
        """Whether what is seen now is a reason for doubt, and one of the start."""
        past = [each for each in witnesses if each.was_good]
        bad = [each for each in past if each.bad]
        if len(bad) >= 2 and len(bad) * 2 > len(past):
            return self._confirmed(kind, past), False
        if len(bad) == 1 and kind == "stale" and self._known(now) == 1:
            alone = bad[0]
            return alone.run_before >= LONG_RUN and alone.offset is not None and self._confirmed(kind, past), False
        strangers = not any(owner.was_good(now) for owner in self._owners.values())
        all_bad = len(witnesses) >= 2 and all(each.bad for each in witnesses)
        return strangers and all_bad and self._confirmed(kind, witnesses), True

    def _witnesses(self, kind: Outcome, now: float) -> list[_Witness]:
        found = []
        for owner in self._owners.values():
            recent = owner.recent(now)
            if len(recent) >= TOKENS:
                bad = sum(outcome == kind for outcome, _ in recent)
                offsets = [offset for _, offset in recent if offset is not None]
                middle = median(offsets) if offsets else None
                found.append(_Witness(bad * 2 > len(recent), middle, owner.was_good(now), owner.run_before))
        return found

    def _known(self, now: float) -> int:
        """How many owners there are: while others are only silent, one does not speak for all."""
        return sum(owner.was_good(now) or bool(owner.recent(now)) for owner in self._owners.values())

    def _confirmed(self, kind: Outcome, witnesses: Sequence[_Witness]) -> bool:
        """Whether stale tokens are shifted the same way; where nothing is known of that, they are enough."""
        shift = _shift(witnesses)
        return kind != "stale" or shift is None or abs(shift) > self._max_age


def _ends(state: _State, witnesses: Sequence[_Witness]) -> bool:
    """Whether a doubt is over; one bad owner among others is no reason to keep it."""
    heard = witnesses if state.at_start else [each for each in witnesses if each.was_good]
    bad = sum(each.bad for each in heard)
    if state.at_start:
        return not heard or bad * 2 < len(heard)
    return bad * 3 <= len(heard) or (bad == 1 and len(heard) >= 2)


def _shift(witnesses: Sequence[_Witness]) -> float | None:
    offsets = [each.offset for each in witnesses if each.offset is not None]
    return median(offsets) if offsets else None
