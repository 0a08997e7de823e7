"""CANCEL (RFC 3261 §9, §16.10), and giving up on a branch."""

from __future__ import annotations

from typing import Final

from proxy.core.actions import Address
from proxy.core.place import show
from proxy.core.state import Context, State
from proxy.sip import build
from proxy.sip.request import Request
from proxy.transaction import arrows
from proxy.transaction.key import client_key
from proxy.transaction.machine import Machine
from proxy.transaction.timers import Owner

TIMER_C: Final = "timer C"
CANCEL_PATIENCE: Final = "cancel patience"  # 64·T1 after a CANCEL the branch counts as dead (§9.1)


def receive_cancel(
    state: State, request: Request, machine: Machine, source: Address, listener: int, now: float, flow: int = 0
) -> None:
    """Answer a CANCEL, and cancel what it names. Repeated, it gets the same answer; it needs no transaction."""
    context = machine.owner
    if not isinstance(context, Context):
        state.answer_stateless(request, source, listener, 481, flow=flow)
        return
    state.answer_stateless(request, source, listener, 200, flow=flow)
    if context.state is not None:
        context.state.saw(now, "in", context.peer, "CANCEL")
        context.state.cancelled = context.initial
    cancel(state, context, now)


def cancel(state: State, context: Context, now: float) -> None:
    """
    Give up a request that has no final response yet. While its verdict is awaited nothing went downstream: 487
    at once; the verdict on a call is still waited for, for its record. Before a provisional response CANCEL has to
    wait for one (§9.1).
    """
    if context.server is None or context.server.state != arrows.PROCEEDING or context.cancelled:
        return
    context.cancelled = True
    if context.client is None:
        state.answer(context, 487, now)
        if not context.initial:
            state.pending.pop(context.ticket, None)
    elif context.provisional:
        send_cancel(state, context, now)


def send_cancel(state: State, context: Context, now: float) -> None:
    """Send CANCEL to where the request is now."""
    if context.client is not None:
        cancel_branch(state, context, context.client, context, now)


def cancel_branch(state: State, context: Context, client: Machine, owner: Owner, now: float) -> None:
    """
    Send CANCEL downstream, in a client transaction of its own with the branch of the INVITE; `owner` has the timer
    of the patience that follows. Only what has been answered provisionally can be cancelled (RFC 3261 §9.1).
    """
    if client.state != arrows.PROCEEDING:
        return
    data = build.companion(b"CANCEL", client.data)
    key = client_key(client.key[0], b"CANCEL")
    state.transactions.request(key, data, client.to, client.listener, now, invite=False, flow=client.flow)
    if context.state is not None:
        context.state.saw(now, "out", show(client.to), "CANCEL")
    state.transactions.timers.arm(owner, CANCEL_PATIENCE, state.transactions.lengths.patience, now)
