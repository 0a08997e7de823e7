"""A request on its way downstream, with a transaction or without one (RFC 3261 §16.6, §16.11, §18.1.1)."""

from __future__ import annotations

from typing import Final

from proxy.checks.base import UNMARKED, Marks
from proxy.core import forward, replaced, stamp
from proxy.core.actions import Address
from proxy.core.cancel import TIMER_C
from proxy.core.place import Hop
from proxy.core.replaced import Swap
from proxy.core.route import Routed, rerecorded
from proxy.core.state import Context, Grown, State
from proxy.sip.message import ROUTE, Message
from proxy.sip.request import Request
from proxy.transaction.key import client_key

# What UDP over IPv4 can carry (RFC 768, 791); more fails in the kernel.
MAX_DATAGRAM: Final = 65507
LARGE: Final = 1300  # octets of a request beyond which it goes by TCP where that is possible (RFC 3261 §18.1.1)
# For so long a peer that takes no TCP is not tried by it again, and so many are remembered.
DEAF_SECONDS: Final = 300.0
MAX_DEAF: Final = 1024


def pass_on(
    state: State,
    context: Context,
    routed: Routed,
    hop: Hop,
    now: float,
    record: list[bytes],
    marks: Marks = UNMARKED,
    swap: Swap | None = None,
) -> bool:
    """
    Send a request downstream in a client transaction (§16.6 steps 8–10); False, and nothing done, when what we
    must add makes it longer than a datagram can be. `swap` is its From or To there, where that is not its own.
    """
    request = context.request
    if marks.replacement is not None and swap is None:
        swap = replaced.shown(request, marks.replacement, state.place.listeners[hop.listener])
    branch = make_branch(state, request, context.source[0], state.origin(context), hop)
    data = _made(state, context, routed, branch, hop, record, marks, swap)
    context.grown = None
    if len(data) > LARGE:
        larger = outgrown(state, hop, now)
        if larger is not None:
            context.grown = Grown(routed, hop, record, marks, swap)
            hop = larger
            record = rerecorded(state.place, record, context.listener, hop.listener)
            data = _made(state, context, routed, branch, hop, record, marks, swap)
        elif len(data) > MAX_DATAGRAM and hop.transport == "udp":
            return False
    context.swap = None if swap is None else replaced.received(request.message, swap)
    invite = request.method == b"INVITE"
    context.far = hop.text
    key = client_key(branch, request.method)
    context.client = state.transactions.request(key, data, hop.address, hop.listener, now, invite=invite, flow=hop.flow)
    context.client.owner = context
    if invite:
        state.transactions.timers.arm(context, TIMER_C, state.transactions.lengths.c, now)
    return True


def _made(
    state: State,
    context: Context,
    routed: Routed,
    branch: bytes,
    hop: Hop,
    record: list[bytes],
    marks: Marks,
    swap: Swap | None,
) -> bytes:
    return forward.forwarded(
        context.request,
        routed,
        state.place,
        via=context.via,
        branch=branch,
        egress=hop.listener,
        record=record,
        outside=context.trunk.role != "core",
        marks=marks,
        swap=swap,
    )


def outgrown(state: State, hop: Hop, now: float) -> Hop | None:
    """
    The hop by TCP for a request that UDP is too small for (RFC 3261 §18.1.1); None where it stays with UDP: the hop
    asks for it or takes no TCP, or no listener of ours is for TCP.
    """
    if hop.transport != "udp" or hop.fixed or state.deaf.get(hop.address, now) > now:
        return None
    listener = state.place.egress(hop.address[0], hop.listener, "tcp")
    return None if listener is None else hop.by(listener, "tcp")


def shrink(state: State, context: Context, now: float) -> bool:
    """A request that went by TCP for its length found nobody there: it goes by UDP, as it may (RFC 3261 §18.1.1)."""
    grown = context.grown
    if grown is None:
        return False
    if len(state.deaf) >= MAX_DEAF:
        state.deaf.clear()
    state.deaf[grown.hop.address] = now + DEAF_SECONDS
    if not pass_on(state, context, grown.routed, grown.hop, now, grown.record, grown.marks, grown.swap):
        return False
    call = context.state
    if call is not None:
        call.callee_text = context.far
        call.saw(now, "out", context.far, context.request.method.decode("ascii", "replace"))
    return True


def pass_on_stateless(
    state: State, request: Request, routed: Routed, hop: Hop, source: Address, swap: Swap | None = None
) -> bool:
    """Send a request downstream without a transaction (§16.11); False when it would be longer than a datagram."""
    data = forward.forwarded(
        request,
        routed,
        state.place,
        via=forward.received_via(request.via, request.via_rest, source),
        branch=make_branch(state, request, source[0], state.stamp.of_request(request, source[0]), hop),
        egress=hop.listener,
        record=[],
        swap=swap,
    )
    if len(data) > MAX_DATAGRAM and hop.transport == "udp":
        return False
    state.transmit(data, hop.address, hop.listener, False, hop.flow)
    return True


def make_branch(state: State, request: Request, source: str, origin: bytes, hop: Hop) -> bytes:
    """The branch of a request as this node passes it on to a hop; `origin` is what the stamp says of it."""
    message: Message = request.message
    routes = message.values(ROUTE) if ROUTE in message.names else []
    return stamp.branch(origin, state.stamp.path(request, routes, source), hop.mark)
