"""Requests outside a dialog: admission, the question for a verdict, and what follows from it (RFC 3261 §16.3–§16.6)."""

from __future__ import annotations

from typing import Final

from proxy.call.extract import called_of, extract
from proxy.checks.base import Verdict
from proxy.core import forward
from proxy.core.actions import Judge
from proxy.core.calls import CallState
from proxy.core.cancel import TIMER_C
from proxy.core.place import Hop
from proxy.core.route import Routed, read_routes, record_route
from proxy.core.stamp import branch, split_branch
from proxy.core.state import Context, State
from proxy.sip.fields import parse_via, split_values
from proxy.sip.message import PROXY_REQUIRE, ROUTE, VIA, Message
from proxy.sip.request import Request
from proxy.transaction.key import client_key

ALLOW: Final = b"Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, REFER, NOTIFY"


def refusal(state: State, request: Request) -> tuple[int, tuple[bytes, ...]] | None:
    """Why a proxy may not handle a request at all (RFC 3261 §16.3): status and field lines, None when it may."""
    if request.max_forwards == 0 and request.method != b"OPTIONS":
        return 483, ()
    if request.uri.scheme == b"sips":
        return 416, ()  # a promise of TLS that a UDP hop cannot keep (§26.2.2)
    message = request.message
    if PROXY_REQUIRE in message.names:
        return 420, tuple(b"Unsupported: " + value for value in message.values(PROXY_REQUIRE))
    return (482, ()) if _is_loop(state, request) else None


def _is_loop(state: State, request: Request) -> bool:
    """Whether this very request has been here: an own Via has the path hash that it would get now (RFC 5393 §4.2)."""
    message = request.message
    if message.names.count(VIA) < 2 and not request.via_rest and not state.place.own_via(request.via.sent_by):
        return False
    values = [item for value in message.values(VIA) for item in split_values(value)]
    own = [via for via in map(parse_via, values) if state.place.own_via(via.sent_by)]
    if not own:
        return False
    path = state.stamp.path(request, message.values(ROUTE))
    return any(split_branch(via.branch)[1] == path for via in own)


def receive_options(state: State, context: Context, now: float) -> bool:
    """Answer an OPTIONS that is for the node itself, or has come as far as it may (§11, §16.3 step 3)."""
    uri = context.request.uri
    mine = uri.scheme == b"sip" and not uri.user and state.place.own(uri) is not None
    if mine:
        state.answer(context, 200, now, "", (ALLOW, b"Accept: application/sdp"))
    elif context.request.max_forwards == 0:
        state.answer(context, 483, now)
    return mine or context.request.max_forwards == 0


def receive_other(state: State, context: Context, now: float) -> None:
    """A request that begins no call. Only OPTIONS travels: whatever else carries a caller would go unscreened."""
    request = context.request
    if request.method != b"OPTIONS":
        state.answer(context, 405, now, "", (ALLOW,))
    elif not receive_options(state, context, now):
        called, _ = called_of(request, context.trunk.dial_plan)
        hop, status, _ = _destination(state, context, called)
        if hop is None:
            state.answer(context, status, now)
        else:
            pass_on(state, context, _route(state, request, hop), hop, now, [])


def receive_invite(state: State, context: Context, now: float) -> None:
    """A new call: 100 Trying, then the question for its verdict. An emergency call is passed on before any question."""
    request = context.request
    context.initial = True
    state.answer(context, 100, now)
    called, emergency = called_of(request, context.trunk.dial_plan)
    if state.draining and not emergency:
        state.answer(context, 503, now)
        return
    hop = None
    cookie = state.stamp.cookie(request.call_id, request.from_tag)
    if emergency:
        hop, _, _ = _destination(state, context, called, emergency=True)
        if hop is not None:
            _invite(state, context, cookie, hop, now)
    listener = state.place.listeners[context.listener].name
    call = extract(request, context.trunk, context.peer, listener, called, emergency)
    caller = Hop(context.source, context.listener)
    known = CallState((request.call_id, request.from_tag), call, caller, context.peer, now)
    known.cookie = cookie
    known.saw(now, "in", context.peer, "INVITE")
    known.saw(now, "out", context.peer, "100 Trying")
    context.state = known
    state.calls.add(known)
    if hop is not None:
        _reached(known, context, hop, now)
    state.tickets += 1
    context.ticket = state.tickets
    state.pending[context.ticket] = context
    state.out.append(Judge(context.ticket, call))


def judged(state: State, context: Context, verdict: Verdict, now: float) -> None:
    """Act on a verdict."""
    call = context.state
    if call is None or not state.calls.holds(call):
        return
    call.verdict = verdict
    elapsed = now - call.started_at
    if context.client is not None:  # an emergency call, long gone
        state.report(call.decided(now, None, elapsed))
        return
    answer = verdict.answer
    if verdict.enforced and verdict.action == "reject" and answer is not None:
        reason = (b"Reason: " + answer.reason.encode("ascii", "replace"),) if answer.reason else ()
        _reject(state, context, call, answer.status, now, answer.phrase, reason)
        return
    hop, status, callee_trunk = _destination(state, context, call.call.called)
    if hop is None:
        _reject(state, context, call, status, now)
        return
    call.callee_trunk = callee_trunk
    _invite(state, context, call.cookie, hop, now)
    _reached(call, context, hop, now)
    state.report(call.decided(now, None, elapsed))


def _reject(
    state: State,
    context: Context,
    call: CallState,
    status: int,
    now: float,
    phrase: str = "",
    extra: tuple[bytes, ...] = (),
) -> None:
    state.answer(context, status, now, phrase, extra)
    state.report(call.decided(now, status, now - call.started_at))
    state.end_call(call, now, status, "proxy")


def _reached(call: CallState, context: Context, hop: Hop, now: float) -> None:
    call.callee = hop
    call.callee_text = context.far
    call.saw(now, "out", context.far, "INVITE")


def _destination(
    state: State, context: Context, called: str, *, emergency: bool = False
) -> tuple[Hop | None, int, str]:
    """
    Where a new request goes: from a trunk to the core side, from the core side to the trunk that owns the
    called number. Without a hop, the status that says why; last, the id of the trunk it goes to.
    """
    if ROUTE in context.request.message.names and _has_foreign_route(state, context.request):
        return None, 403, ""  # a route set of the sender's own choosing would make an open relay of us
    if context.trunk.role != "core" or emergency:
        return state.next_hop, 0, "core"
    owner = state.admission.directory.owner(called, state.today)
    if owner is None:
        return None, 404, ""
    if owner.suspended or owner.customer.suspended:
        return None, 480, owner.id
    hop = state.gateways.get(owner.id)
    return hop, 480, owner.id


def _has_foreign_route(state: State, request: Request) -> bool:
    return bool(read_routes(request, state.place).routes)


def _route(state: State, request: Request, hop: Hop) -> Routed:
    """The Request-URI of a new request at its hop: one that named this node names the hop; any other stays."""
    uri = request.message.uri
    if request.uri.scheme == b"sip" and state.place.own(request.uri) is not None:
        uri = forward.at_hop(request.uri, hop.address)
    return Routed(uri, [], request.uri)


def _invite(state: State, context: Context, cookie: bytes, hop: Hop, now: float) -> None:
    request = context.request
    record = record_route(state.place, context.listener, hop.listener, cookie)
    pass_on(state, context, _route(state, request, hop), hop, now, record)


def pass_on(state: State, context: Context, routed: Routed, hop: Hop, now: float, record: list[bytes]) -> None:
    """Send a request downstream in a client transaction (§16.6 steps 8–10)."""
    request = context.request
    context.branch = make_branch(state, request, context.source[0])
    context.far = hop.text
    data = forward.forwarded(
        request,
        routed,
        state.place,
        via=context.via,
        branch=context.branch,
        egress=hop.listener,
        record=record,
    )
    invite = request.method == b"INVITE"
    key = client_key(context.branch, request.method)
    context.client = state.transactions.request(key, data, hop.address, hop.listener, now, invite=invite)
    context.client.owner = context
    if invite:
        state.transactions.timers.arm(context, TIMER_C, state.transactions.lengths.c, now)


def make_branch(state: State, request: Request, source: str) -> bytes:
    """The branch of a request as this node passes it on."""
    message: Message = request.message
    routes = message.values(ROUTE) if ROUTE in message.names else []
    return branch(state.stamp.of_request(request, source), state.stamp.path(request, routes))
