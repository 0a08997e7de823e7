"""An INVITE that goes on to the next hop within the same call, and what comes of the branches it leaves behind."""

from __future__ import annotations

from typing import Final

from proxy.core import cancel, initial
from proxy.core.actions import HopChanged
from proxy.core.hops import Health, Target
from proxy.core.state import Context, GivenUp, State
from proxy.sip import grammar
from proxy.sip.response import Response
from proxy.transaction import arrows
from proxy.transaction.machine import Machine

SILENT: Final = "silent"
UNAVAILABLE: Final = "503"
UNREACHABLE: Final = "unreachable"


def heard(state: State, target: Target, response: Response, now: float) -> None:
    """Learn from a response how its next hop is doing: of the final ones only 503 is a bad one (§21.5.4)."""
    health = target.health
    if response.status < 200:
        health.alive(now)
        return
    if response.status != 503:
        if health.answered(now):
            state.report(HopChanged(now, health.text, True, "answered"))
        return
    wanted = grammar.RETRY_AFTER_LINE.search(_head(response.data))
    if wanted is not None and wanted[1]:
        health.pause(int(wanted[1]), now)
    failed(state, health, UNAVAILABLE, now)


def failed(state: State, health: Health, cause: str, now: float, since: float | None = None) -> None:
    """Count a failure of a next hop; `since` is when what it did not answer was sent."""
    down_after = state.hops.terms.down_after
    down = health.failed(now, down_after) if since is None else health.silent(since, now, down_after)
    if down:
        state.report(HopChanged(now, health.text, False, cause))


def go_on(state: State, context: Context, cause: str, now: float) -> Machine | None:
    """
    Send an INVITE to the next of its next hops, in a client transaction of its own (§16.6 step 7, §16.7 step 6);
    the transaction that is left behind, None when there is nowhere to go or nobody waits for it any more.
    """
    tries, left = context.tries, context.client
    if tries is None or left is None or not tries.left or context.cancelled or not _waits(context):
        return None
    before = tries.target.hop.text
    if not initial.invite(state, context, tries, now):
        return None
    state.tally.count["failovers_total", before, cause] += 1
    initial.reached(context, now)
    left.owner = None
    return left


def repeated(state: State, context: Context, machine: Machine, now: float) -> None:
    """An INVITE is about to be repeated; the first time says that its next hop has not answered within T1."""
    tries = context.tries
    if tries is not None and machine.interval == 2 * state.transactions.lengths.t1:
        tries.target.health.waited_for(tries.sent_at, now, state.hops.terms.down_after)


def silent(state: State, context: Context, now: float) -> None:
    """A next hop has not answered at all, and there is another: the branch is given up, but may still answer."""
    tries = context.tries
    if tries is None:
        return
    before = tries.target
    failed(state, before.health, SILENT, now, tries.sent_at)
    left = go_on(state, context, SILENT, now)
    if left is not None:
        _give_up(context, left, before)


def begun_again(state: State, context: Context, now: float) -> None:
    """The INVITE goes to the same next hop by another transport, which has the time for it that any has."""
    tries = context.tries
    if tries is None:
        return
    tries.sent_at = now
    if initial.SILENCE in context.armed:
        state.transactions.timers.arm(context, initial.SILENCE, state.hops.terms.failover_after, now)


def lost(state: State, context: Context, cause: str, now: float) -> bool:
    """A branch that cannot be reached or has timed out: count it; True when the INVITE goes on elsewhere."""
    tries = context.tries
    if tries is None:
        return False
    failed(state, tries.target.health, cause, now, tries.sent_at if cause == SILENT else None)
    return go_on(state, context, cause, now) is not None


def refused(state: State, context: Context, response: Response, now: float) -> bool:
    """A 503: True when the INVITE goes on elsewhere. No other final response is ever tried again (§16.7 step 5)."""
    tries = context.tries
    if tries is None:
        return False
    tries.best = tries.best or response
    return go_on(state, context, UNAVAILABLE, now) is not None


def best(context: Context, response: Response) -> Response:
    """The best of the final responses when the last one is this 503 (§16.7 step 6): any other is better."""
    known = context.tries.best if context.tries is not None else None
    return known if known is not None and known.status != 503 else response


def takes_over(state: State, gone: GivenUp, response: Response, event: str, now: float) -> bool:
    """
    A response of a branch that was given up. While the next one is as silent, the first to answer has the call,
    and a 2xx always has it; True then. Else a provisional response is cancelled, and a final one only kept.
    """
    context, status = gone.context, response.status
    if event != arrows.PROVISIONAL:
        state.transactions.timers.cancel_all(gone)
    wanted = event == arrows.SUCCESS or (status != 503 and not context.provisional and not context.cancelled)
    if wanted and _waits(context):
        _swap(state, gone, now)
        return True
    heard(state, gone.target, response, now)
    if event == arrows.PROVISIONAL and cancel.CANCEL_PATIENCE not in gone.armed:
        cancel.cancel_branch(state, context, gone.client, gone, now)
    elif event == arrows.FAILURE and status != 503 and context.tries is not None:
        known = context.tries.best
        if known is None or known.status == 503 or (status >= 600 and known.status < 600):
            context.tries.best = response
    return False


def _swap(state: State, gone: GivenUp, now: float) -> None:
    """Let a branch that was given up be the live one again, and give up the one that was."""
    context, other = gone.context, gone.context.client
    tries = context.tries
    if tries is None or other is None:
        return
    before, tries.target = tries.target, gone.target
    state.transactions.timers.cancel_all(gone)
    gone.client.owner = context
    context.client, context.far = gone.client, gone.target.hop.text
    if context.state is not None:
        context.state.callee, context.state.callee_text = gone.target.hop, context.far
    left = _give_up(context, other, before)
    cancel.cancel_branch(state, context, other, left, now)


def _give_up(context: Context, client: Machine, target: Target) -> GivenUp:
    """Leave a branch behind: it repeats its INVITE no more, but what it says is heard until its timer B."""
    gone = GivenUp(context, client, target)
    client.owner = gone
    return gone


def without_retry_after(data: bytes) -> bytes:
    """A 503 as the caller may hear it: one next hop's Retry-After would keep it from all of them."""
    head = _head(data)
    return grammar.RETRY_AFTER_LINE.sub(b"", head) + data[len(head) :]


def _head(data: bytes) -> bytes:
    return data[: data.find(b"\r\n\r\n")]


def _waits(context: Context) -> bool:
    """Whether the caller still waits for a final response."""
    return context.server is not None and context.server.state == arrows.PROCEEDING
