"""Requests outside a dialog: admission, the question for a verdict, and what follows from it (RFC 3261 §16.3–§16.6)."""

from __future__ import annotations

from typing import Final

from proxy.call.extract import called_of, extract
from proxy.call.trunk import Trunk
from proxy.checks.base import Answer, Verdict
from proxy.core import dip, forward, replaced, shown
from proxy.core.actions import Address
from proxy.core.calls import CallState
from proxy.core.hops import Target, Tries
from proxy.core.onward import pass_on, pass_on_stateless
from proxy.core.place import Hop
from proxy.core.route import Routed, read_routes, record_route
from proxy.core.stamp import split_branch
from proxy.core.state import Context, Plan, State
from proxy.sip.errors import ParseError
from proxy.sip.fields import Via, parse_via, split_values
from proxy.sip.message import PROXY_REQUIRE, ROUTE, VIA
from proxy.sip.request import Request

ALLOW: Final = b"Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, REFER, NOTIFY"


# What an emergency call that has used up its hops may still take; a loop is found by its Via all the same.
EMERGENCY_HOPS: Final = 10
SILENCE: Final = "silence"  # the timer that gives a next hop up that does not answer at all


def refusal(state: State, request: Request, source: str, *, emergency: bool) -> tuple[int, tuple[bytes, ...]] | None:
    """
    Why a proxy may not handle a request at all (RFC 3261 §16.3): status and field lines, None when it may.
    Only a loop stops an emergency call.
    """
    if emergency:
        return (482, ()) if _is_loop(state, request, source) else None
    if request.max_forwards == 0 and request.method != b"OPTIONS":
        return 483, ()
    if request.uri.scheme == b"sips":
        return 416, ()  # a promise of TLS that a UDP hop cannot keep (§26.2.2)
    message = request.message
    if PROXY_REQUIRE in message.names:
        return 420, tuple(b"Unsupported: " + value for value in message.values(PROXY_REQUIRE))
    return (482, ()) if _is_loop(state, request, source) else None


def _is_loop(state: State, request: Request, source: str) -> bool:
    """Whether this very request has been here: an own Via has the path hash that it would get now (RFC 5393 §4.2)."""
    message = request.message
    if message.names.count(VIA) < 2 and not request.via_rest and not state.place.own_via(request.via.sent_by):
        return False
    values = [item for value in message.values(VIA) for item in split_values(value)]
    own = [via for via in map(_readable, values) if via is not None and state.place.own_via(via.sent_by)]
    if not own:
        return False
    path = state.stamp.path(request, message.values(ROUTE), source)
    return any(split_branch(via.branch)[1] == path for via in own)


def _readable(value: bytes) -> Via | None:
    """A Via value; None for one that cannot be read, which is none of ours."""
    try:
        return parse_via(value)
    except ParseError:
        return None


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
    elif context.dips:
        state.answer(context, 200, now, "", (ALLOW,))
    elif not receive_options(state, context, now):
        called, _ = called_of(request, context.trunk.dial_plan)
        foreign = _has_foreign_route(state, request)
        targets, status, _ = ([], 403, "") if foreign else _destination(state, context, called, now)
        if not targets:
            state.answer(context, status, now)
            return
        hop = targets[0].hop
        if not pass_on(state, context, _route(state, request, hop), hop, now, []):
            state.answer(context, 513, now)


def receive_invite(state: State, context: Context, called: str, now: float, *, emergency: bool) -> None:
    """
    A new call: 100 Trying, then the question for its verdict. An emergency call is passed on before any
    question. Raises ParseError for a route set that cannot be read, before anything is kept.
    """
    request = context.request
    leg = state.origin(context)
    if leg in state.calls:  # its transaction is long over, its call is not
        state.answer(context, 482, now)
        return
    context.foreign_route = not emergency and _has_foreign_route(state, request)
    context.initial = True
    state.answer(context, 100, now)
    if state.draining and not emergency:
        state.answer(context, 503, now)
        return
    cookie = state.stamp.cookie(leg, request.call_id, request.from_tag, state.today)
    if emergency and not context.dips:
        request.max_forwards = request.max_forwards or EMERGENCY_HOPS
        targets = state.hops.core.order(leg, now)
        if targets:  # none where the name of the core side has never been found
            invite(state, context, Tries(targets, cookie), now)
    listener = state.place.listeners[context.listener].name
    call = extract(request, context.trunk, context.peer, listener, called, emergency, media=state.wants.media)
    side = Hop(context.source, context.listener, state.place.listeners[context.listener].transport, flow=context.flow)
    known = CallState(leg, request, call, side, now)
    known.cookie = cookie
    known.saw(now, "in", context.peer, "INVITE")
    known.saw(now, "out", context.peer, "100 Trying")
    context.state = known
    call.load = state.traffic.begins(context.trunk, state.calls.of_trunk(context.trunk.id), now)
    state.calls.add(known)
    if context.tries is not None:
        reached(context, now)
    if emergency and context.dips:
        state.answer(context, dip.REDIRECTED, now, "", dip.fields(state, context))
    state.ask(context, call)


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
    if context.dips and call.call.emergency:  # it has its answer
        state.report(call.decided(now, dip.REDIRECTED, elapsed))
        state.end_call(call, now, dip.REDIRECTED, "proxy")
        return
    if context.cancelled:  # the caller was faster
        state.report(call.decided(now, 487, elapsed))
        state.end_call(call, now, 487, "caller")
        return
    plan = _plan(state, context, call, verdict, now)
    if not state.durable:
        status = _act(state, context, call, plan, now)
        state.report(call.decided(now, status, now - call.started_at))
        if status is not None:
            state.end_call(call, now, status, "proxy")
        return
    if not plan.status:
        call.callee_text, call.callee_trunk = plan.targets[0].hop.text, plan.callee_trunk
    report = call.decided(now, plan.status or None, elapsed)
    if report is not None:
        state.commit(context, plan, report)


def recorded(state: State, context: Context, now: float) -> None:
    """Act on a verdict whose record is on disk."""
    call, plan = context.state, context.plan
    if call is None or plan is None or not state.calls.holds(call):
        return
    call.callee_text, call.callee_trunk = "", ""  # nothing has gone there yet
    if context.cancelled:
        state.end_call(call, now, 487, "caller")
        return
    status = _act(state, context, call, plan, now)
    if status is not None:
        state.end_call(call, now, status, "proxy")


def _plan(state: State, context: Context, call: CallState, verdict: Verdict, now: float) -> Plan:
    """What follows from a verdict."""
    answer = verdict.answer
    if verdict.enforced and verdict.action == "reject" and answer is not None:
        return Plan(answer.status, answer.phrase, reason_lines(answer))
    if context.dips:
        return Plan(dip.REDIRECTED, "", dip.fields(state, context, verdict.marks, verdict.advice))
    if context.foreign_route:  # a route set of the sender's own choosing would make an open relay of us
        return Plan(403)
    targets, status, callee_trunk = _destination(state, context, call.call.called, now)
    return Plan(0, targets=targets, callee_trunk=callee_trunk) if targets else Plan(status)


def _act(state: State, context: Context, call: CallState, plan: Plan, now: float) -> int | None:
    """Do what is planned, and show it where such calls are shown; gives what `_carry_out` does."""
    verdict = call.verdict
    if not state.wants.shows or verdict is None or not shown.is_wanted(state.wants.shows, verdict):
        return _carry_out(state, context, call, plan, now)
    heard, mark = shown.octets(context.request.message), len(state.out)
    status = _carry_out(state, context, call, plan, now)
    shown.report(state, context, verdict, heard, mark, now)
    return status


def _carry_out(state: State, context: Context, call: CallState, plan: Plan, now: float) -> int | None:
    """Pass a call on as planned, or answer it; the status of the answer, None for a call that has gone on."""
    status, verdict = plan.status, call.verdict
    if not status and verdict is not None:
        context.advice = verdict.advice
        given = verdict.marks.replacement
        if given is not None:
            call.replace(call.call.claims, given)
            kept = replaced.kept(context.request, given)
            call.cookie = state.stamp.cookie(call.leg, *call.key, state.today, kept) if kept else call.cookie
        if invite(state, context, Tries(plan.targets, call.cookie, verdict.marks), now):
            call.callee_trunk = plan.callee_trunk
            state.calls.lead(call, plan.callee_trunk if context.trunk.role == "core" else "")
            reached(context, now)
            return None
        status = 513
    state.answer(context, status, now, plan.phrase, plan.extra)
    return status


def reason_lines(answer: Answer) -> tuple[bytes, ...]:
    """The Reason field line of a rejection (RFC 3326)."""
    return (b"Reason: " + answer.reason.encode("ascii", "replace"),) if answer.reason else ()


def reached(context: Context, now: float) -> None:
    """Note in its call where an INVITE has gone."""
    call, tries = context.state, context.tries
    if call is None or tries is None:
        return
    call.callee = tries.target.hop
    call.callee_text = context.far
    call.saw(now, "out", context.far, "INVITE")
    if context.trunk.role == "core" and context.client is not None:
        call.keep(context.client.data, answer=False)


def _destination(state: State, context: Context, called: str, now: float) -> tuple[list[Target], int, str]:
    """
    Where a new request goes, in the order to try: from a trunk to the core side, from the core side to the trunk
    that owns the called number. Without a target, the status that says why; last, the id of the trunk it goes to.
    """
    if context.trunk.role != "core":
        return state.hops.core.order(state.origin(context), now), 503, "core"
    owner = state.admission.directory.owner(called, state.today)
    if owner is None:
        return [], 404, ""
    gateways = state.hops.gateways.get(owner.id)
    if gateways is None or owner.suspended or owner.customer.suspended:
        return [], 480, owner.id
    return gateways.order(state.origin(context), now), 480, owner.id


def _has_foreign_route(state: State, request: Request) -> bool:
    return ROUTE in request.message.names and bool(read_routes(request, state.place).routes)


def _route(state: State, request: Request, hop: Hop) -> Routed:
    """The Request-URI of a new request at its hop: one that named this node names the hop; any other stays."""
    uri = request.message.uri
    if request.uri.scheme == b"sip" and state.place.own(request.uri) is not None:
        uri = forward.at_hop(request.uri, hop)
    return Routed(uri, [], request.uri)


def invite(state: State, context: Context, tries: Tries, now: float) -> bool:
    """
    Send an INVITE to the next of the targets left, and wait for any answer only so long as there is another;
    False when it would be too long for all of them.
    """
    request, timers = context.request, state.transactions.timers
    while tries.left:
        target = tries.left.pop(0)
        hop = target.hop
        record = record_route(state.place, context.listener, hop.listener, tries.cookie)
        if pass_on(state, context, _route(state, request, hop), hop, now, record, tries.marks):
            target.health.tried(now)
            tries.target, tries.sent_at = target, now
            context.tries, context.provisional = tries, False
            if tries.left:
                timers.arm(context, SILENCE, state.hops.terms.failover_after, now)
            elif SILENCE in context.armed:
                timers.cancel(context, SILENCE)
            return True
    return False


def pass_on_cancel(
    state: State, request: Request, trunk: Trunk, source: Address, listener: int, now: float, flow: int = 0
) -> None:
    """
    Pass on a CANCEL whose INVITE this process has not seen, as after a restart (RFC 3261 §16.10): its branch
    is that of the INVITE, for it is derived from fields that the two have in common. Nobody knows which next hop
    has the call, so each is asked; to those that have not, it is nothing.
    """
    called, _ = called_of(request, trunk.dial_plan)
    targets, _, _ = _destination(state, Context(request, source, listener, trunk), called, now)
    if not targets or request.max_forwards == 0:
        state.answer_stateless(request, source, listener, 481, flow=flow)
        return
    for target in targets:
        pass_on_stateless(state, request, _route(state, request, target.hop), target.hop, source)
