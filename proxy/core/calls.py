"""Calls in progress: what their records will say, and which dialogs have been let through."""

from __future__ import annotations

from typing import Final, TypeAlias

from proxy.call.model import Call
from proxy.checks.base import Verdict
from proxy.core.actions import Decided, Ended, EndedBy
from proxy.core.place import Hop
from proxy.sip.request import Request

CallKey: TypeAlias = tuple[bytes, bytes]  # Call-ID, tag of the caller

# A ladder is for people: set-up, a few re-INVITEs and the end. Session refreshes of a long call are left out.
MAX_LADDER: Final = 64


class CallState:
    """
    One call that has been passed on, from its INVITE until it is over.

    `caller` and `callee` are where the two sides are reached; `started_at` and `answered_at` are on the core's
    clock; `answer` is the 2xx as received; `cookie` what its Record-Route carries; `cancelled` whether the
    caller gave up.
    """

    __slots__ = (
        "answer",
        "answered_at",
        "call",
        "callee",
        "callee_text",
        "callee_trunk",
        "caller",
        "caller_text",
        "cancelled",
        "cookie",
        "key",
        "ladder",
        "started_at",
        "status",
        "verdict",
    )  # fmt: skip

    def __init__(self, key: CallKey, call: Call, caller: Hop, caller_text: str, started_at: float) -> None:
        self.key = key
        self.call = call
        self.caller = caller
        self.caller_text = caller_text
        self.callee: Hop | None = None
        self.callee_text = ""
        self.callee_trunk = ""
        self.verdict: Verdict | None = None
        self.started_at = started_at
        self.answered_at: float | None = None
        self.status = 0
        self.cancelled = False
        self.answer = b""
        self.cookie = b""
        self.ladder: list[tuple[float, str, str, str]] = []

    def saw(self, now: float, direction: str, peer: str, what: str) -> None:
        """Put one message on the ladder; `direction` is "in" or "out"."""
        if len(self.ladder) < MAX_LADDER:
            self.ladder.append((now - self.started_at, direction, peer, what))

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


class Calls:
    """The calls in progress by Call-ID and caller's tag."""

    __slots__ = ("_calls", "per_trunk")

    def __init__(self) -> None:
        self._calls: dict[CallKey, CallState] = {}
        self.per_trunk: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._calls)

    def add(self, state: CallState) -> None:
        """Keep a call. One with the same key that is still there is replaced."""
        self.remove(state.key)
        self._calls[state.key] = state
        trunk = state.call.trunk.id
        self.per_trunk[trunk] = self.per_trunk.get(trunk, 0) + 1

    def remove(self, key: CallKey) -> CallState | None:
        """Forget a call; None when it was not there."""
        state = self._calls.pop(key, None)
        if state is not None:
            self.per_trunk[state.call.trunk.id] -= 1
        return state

    def holds(self, state: CallState) -> bool:
        """Whether this very call is still in progress."""
        return self._calls.get(state.key) is state

    def find(self, request: Request) -> tuple[CallState | None, bool]:
        """The call that an in-dialog request belongs to, and whether the caller sent it (RFC 3261 §12.2)."""
        state = self._calls.get((request.call_id, request.from_tag))
        if state is not None:
            return state, True
        return self._calls.get((request.call_id, request.to_tag)), False

    def older_than(self, started_before: float) -> list[CallState]:
        """Calls that began before a moment, oldest first."""
        old: list[CallState] = []
        for state in self._calls.values():
            if state.started_at >= started_before:
                break
            old.append(state)
        return old
