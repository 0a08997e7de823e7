"""Calls in progress: what their records will say, and which dialogs have been let through."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeAlias

from proxy.call.model import Call, Claim
from proxy.checks.base import Replacement, Verdict
from proxy.core.actions import Decided, Ended, EndedBy
from proxy.core.place import Hop
from proxy.sip.request import Request

CallKey: TypeAlias = tuple[bytes, bytes]  # Call-ID, tag of the caller
Vouched: TypeAlias = tuple[str, str, str]  # header, number or value, display name

# A ladder is for people: set-up, a few re-INVITEs and the end. Session refreshes of a long call are left out.
MAX_LADDER: Final = 64
MAX_PHRASE: Final = 60  # characters of a step on the ladder; a peer's reason phrase may be kilobytes
MAX_HEARD: Final = 8  # messages of the far side that are kept for what dialogs they made; forks beyond it are rare


class CallState:
    """
    One leg of a call that has been passed on, from its INVITE until it is over.

    `leg` tells it from every other, also from one with the same Call-ID that comes back from the core side;
    `caller` and `callee` are where the two sides are reached; `started_at` and `answered_at` are on the
    core's clock; `heard` are the responses above 100 to the INVITE, `answers` the 2xx whose dialogs have not
    ended; `towards` is the trunk whose calls it is counted among too; `vouched` what has been judged of who
    calls, `replaced` what of it shows somebody else, and whom; `cookie` what its Record-Route carries; `cancelled`
    whether the caller gave up.
    """

    __slots__ = (
        "answered_at", "answers", "call", "callee", "callee_text", "callee_trunk", "caller", "cancelled", "cookie",
        "heard", "key", "ladder", "leg", "replaced", "started_at", "status", "to", "towards", "verdict", "vouched",
    )  # fmt: skip

    def __init__(self, leg: bytes, request: Request, call: Call, caller: Hop, started_at: float) -> None:
        self.leg = leg
        self.key: CallKey = (request.call_id, request.from_tag)
        self.to = request.to
        self.call = call
        self.caller = caller
        self.callee: Hop | None = None
        self.callee_text = ""
        self.callee_trunk = ""
        self.towards = ""
        self.verdict: Verdict | None = None
        self.started_at = started_at
        self.answered_at: float | None = None
        self.status = 0
        self.cancelled = False
        self.heard: list[bytes] = []
        self.answers: list[bytes] = []
        self.vouched: set[Vouched] | None = None
        self.replaced: tuple[set[Vouched], Replacement] | None = None
        self.cookie = b""
        self.ladder: list[tuple[float, str, str, str]] = []

    def saw(self, now: float, direction: str, peer: str, what: str) -> None:
        """Put one message on the ladder; `direction` is "in" or "out"."""
        if len(self.ladder) < MAX_LADDER:
            self.ladder.append((now - self.started_at, direction, peer, what[:MAX_PHRASE]))

    def keep(self, data: bytes, *, answer: bool) -> None:
        """Keep a response of the far side: it names tags, contacts and routes that this call may use."""
        if len(self.heard) < MAX_HEARD and data not in self.heard:
            self.heard.append(data)
        if answer and len(self.answers) < MAX_HEARD and data not in self.answers:
            self.answers.append(data)

    def callee_tag(self, request: Request) -> bytes:
        """The tag of the callee in an in-dialog request of either side (RFC 3261 §12.2)."""
        return request.to_tag if request.from_tag == self.key[1] else request.from_tag

    def vouch(self, claims: Iterable[Claim]) -> None:
        """These claims have been judged."""
        self.vouched = (self.vouched or set()) | set(map(vouched, claims))

    def replace(self, claims: Iterable[Claim], given: Replacement) -> None:
        """These claims have been judged, and somebody else is shown instead."""
        self.vouched = self.vouched or set()
        self.replaced = (set(map(vouched, claims)), given)

    def replacement_of(self, claims: Iterable[Claim]) -> Replacement | None:
        """Who is shown instead of these claims, where that has been judged in this call."""
        known = self.replaced
        return known[1] if known is not None and set(map(vouched, claims)) <= known[0] else None

    def vouches(self, claims: Iterable[Claim]) -> bool:
        """Whether each of these claims has been judged in this call."""
        if self.vouched is None:
            self.vouch(self.call.claims)
        return set(map(vouched, claims)) <= (self.vouched or set())

    def decided(self, now: float, status: int | None, elapsed: float) -> Decided | None:
        """The report of the verdict."""
        if self.verdict is None:
            return None
        next_hop = self.callee_text if status is None else ""
        return Decided(now, self.call, self.verdict, status, next_hop, self.callee_trunk, elapsed)

    def ended(self, now: float, status: int, by: EndedBy) -> Ended | None:
        """The report of the end; `status` is the final status that the caller got."""
        if self.verdict is None:
            return None
        answered = self.answered_at is not None
        answer = self.answered_at if self.answered_at is not None else now
        return Ended(
            at=now,
            call=self.call,
            verdict=self.verdict,
            callee_trunk=self.callee_trunk,
            next_hop=self.callee_text,
            status=status,
            answered=answered,
            ring=answer - self.started_at,
            duration=now - answer if answered else 0.0,
            ended_by=by,
            messages=tuple(self.ladder),
        )


def vouched(claim: Claim) -> Vouched:
    """What of a claim a verdict speaks of."""
    return claim.header, claim.number or claim.value, claim.display


class Calls:
    """The calls in progress by leg, and by Call-ID and caller's tag."""

    __slots__ = ("_calls", "_legs", "_towards", "per_trunk")

    def __init__(self) -> None:
        self._calls: dict[bytes, CallState] = {}
        self._legs: dict[CallKey, tuple[bytes, ...]] = {}
        self._towards: dict[str, int] = {}
        self.per_trunk: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._calls)

    def __contains__(self, leg: bytes) -> bool:
        return leg in self._calls

    def add(self, state: CallState) -> None:
        """Keep a call; its leg must not be there yet."""
        self._calls[state.leg] = state
        self._legs[state.key] = (*self._legs.get(state.key, ()), state.leg)
        trunk = state.call.trunk.id
        self.per_trunk[trunk] = self.per_trunk.get(trunk, 0) + 1

    def remove(self, state: CallState) -> None:
        """Forget a call."""
        if self._calls.pop(state.leg, None) is None:
            return
        self.per_trunk[state.call.trunk.id] -= 1
        self.lead(state, "")
        legs = tuple(leg for leg in self._legs[state.key] if leg != state.leg)
        if legs:
            self._legs[state.key] = legs
        else:
            del self._legs[state.key]

    def lead(self, state: CallState, trunk: str) -> None:
        """A call goes to this trunk, and is one of its calls as well; "" for none."""
        if state.towards:
            self._towards[state.towards] -= 1
            if not self._towards[state.towards]:
                del self._towards[state.towards]
        if trunk:
            self._towards[trunk] = self._towards.get(trunk, 0) + 1
        state.towards = trunk

    def of_trunk(self, trunk: str) -> int:
        """How many calls of a trunk are in progress, from it and to it."""
        return self.per_trunk.get(trunk, 0) + self._towards.get(trunk, 0)

    def holds(self, state: CallState) -> bool:
        """Whether this very call is still in progress."""
        return self._calls.get(state.leg) is state

    def of_leg(self, leg: bytes) -> CallState | None:
        """The call of a leg; None when it is over or unknown."""
        return self._calls.get(leg)

    def from_side(self, request: Request, ip: str) -> CallState | None:
        """The call that an in-dialog request without our route belongs to: it comes from where a side of it is."""
        for key, is_caller in (((request.call_id, request.from_tag), True), ((request.call_id, request.to_tag), False)):
            for leg in self._legs.get(key, ()):
                state = self._calls[leg]
                side = state.caller if is_caller else state.callee
                if side is not None and side.address[0] == ip:
                    return state
        return None

    def older_than(self, started_before: float) -> list[CallState]:
        """Calls that began before a moment, oldest first."""
        old: list[CallState] = []
        for state in self._calls.values():
            if state.started_at >= started_before:
                break
            old.append(state)
        return old
