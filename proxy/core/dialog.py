"""Requests inside a dialog: they follow the route set once they prove that the dialog was let through."""

from __future__ import annotations

from typing import Final

from proxy.call.extract import extract, number_of
from proxy.call.model import Call
from proxy.checks.base import UNMARKED, Marks, Verdict
from proxy.core import forward, replaced
from proxy.core.actions import Address, Decided
from proxy.core.calls import CallState
from proxy.core.initial import ALLOW, reason_lines
from proxy.core.onward import pass_on, pass_on_stateless
from proxy.core.place import SIP_PORT, SIPS_PORT, Hop, Place, ip_of, is_private, show, transport_of
from proxy.core.replaced import Swap
from proxy.core.route import Routed, names_tag, read_routes
from proxy.core.state import Context, Plan, State
from proxy.sip.errors import ParseError
from proxy.sip.fields import parse_name_addr, split_values
from proxy.sip.message import CONTACT, RECORD_ROUTE, line_value, reread
from proxy.sip.request import Request
from proxy.sip.uri import Uri, parse_uri

# What a phone shows anew when it comes inside a dialog.
_SHOWN: Final = frozenset({b"INVITE", b"UPDATE", b"MESSAGE"})
_NEVER_INSIDE: Final = frozenset({b"REGISTER", b"PUBLISH"})


def receive_in_dialog(state: State, context: Context, now: float) -> None:
    """
    Pass on a request of a known dialog; any other gets 481: without that, a To-tag would walk past the checks.
    From a trunk, a caller that has not been judged in this call is judged first. Raises ParseError.
    """
    request = context.request
    if request.method in _NEVER_INSIDE:
        state.answer(context, 405, now, "", (ALLOW,))
        return
    if context.dips:  # who only asks has no dialogs
        state.answer(context, 481, now)
        return
    trusted = context.trunk.role == "core"
    routed, call, status = _admitted(state, request, context.source, trusted=trusted)
    if status:
        state.answer(context, status, now)
        return
    context.state, context.routed = call, routed
    if call is not None:
        call.saw(now, "in", context.peer, request.method.decode("ascii", "replace"))
    asked = None if trusted or request.method not in _SHOWN else _unvouched(state, context, call)
    if asked is None:
        _pass_on(state, context, routed, now)
        return
    if request.method == b"INVITE":
        state.answer(context, 100, now)
    context.asked = asked
    state.ask(context, asked)


def judged(state: State, context: Context, verdict: Verdict, now: float) -> None:
    """Act on the verdict on a re-INVITE or another request that shows a caller; the call itself goes on."""
    asked, routed, call = context.asked, context.routed, context.state
    if asked is None or routed is None:
        return
    answer, plan = verdict.answer, Plan(given=verdict.marks.replacement)
    if verdict.enforced and verdict.action == "reject" and answer is not None:
        plan = Plan(answer.status, answer.phrase, reason_lines(answer))
    callee_trunk = "" if call is None else call.callee_trunk
    if state.durable:
        trusted = context.trunk.role == "core"
        hop = _hop(state, context.request, routed, call, context.listener, now, trusted=trusted)
        far = "" if hop is None or plan.status else hop.text
        state.commit(context, plan, Decided(now, asked, verdict, plan.status or None, far, callee_trunk, 0.0))
        return
    _act(state, context, plan, now)
    state.report(Decided(now, asked, verdict, plan.status or None, context.far, callee_trunk, 0.0))


def recorded(state: State, context: Context, now: float) -> None:
    """Act on a verdict whose record is on disk; a request that has been cancelled waits no more."""
    if context.plan is not None:
        _act(state, context, context.plan, now)


def _act(state: State, context: Context, plan: Plan, now: float) -> None:
    asked, routed, call = context.asked, context.routed, context.state
    if plan.status:
        state.answer(context, plan.status, now, plan.phrase, plan.extra)
    elif asked is not None and routed is not None:
        context.given = replacement = plan.given
        if call is not None and replacement is not None:
            call.replace(asked.claims, replacement)
        elif call is not None:
            call.vouch(asked.claims)
        _pass_on(state, context, routed, now)


def receive_ack(state: State, request: Request, source: Address, listener: int, now: float, *, core: bool) -> None:
    """Pass on the ACK of a 2xx, end to end and without a transaction (RFC 3261 §13.2.2.4); drop any other."""
    routed, call, status = _admitted(state, request, source, trusted=core)
    hop = None if status else _hop(state, request, routed, call, listener, now, trusted=core)
    if hop is None or request.max_forwards == 0:
        state.tally.count["parse_errors_total", "stray_ack"] += 1
        return
    swap = _swap(state, request, routed, call, hop)
    if pass_on_stateless(state, request, _addressed(state, routed, hop), hop, source, swap) and call is not None:
        call.saw(now, "in", show(source), "ACK")
        call.saw(now, "out", hop.text, "ACK")


def _pass_on(state: State, context: Context, routed: Routed, now: float) -> None:
    request, call = context.request, context.state
    trusted = context.trunk.role == "core"
    hop = _hop(state, request, routed, call, context.listener, now, trusted=trusted)
    if hop is None:
        state.answer(context, 478, now)
        return
    marks = UNMARKED if context.given is None else Marks(replacement=context.given)
    swap = _swap(state, request, routed, call, hop)
    if not pass_on(state, context, _addressed(state, routed, hop), hop, now, [], marks, swap):
        state.answer(context, 513, now)
    elif call is not None:
        call.saw(now, "out", context.far, request.method.decode("ascii", "replace"))
        if trusted and request.method in _SHOWN and context.client is not None:
            call.keep(context.client.data, answer=False)  # the core side may have moved its Contact


def _swap(state: State, request: Request, routed: Routed, call: CallState | None, hop: Hop) -> Swap | None:
    """What From or To reads on the other side, in a call that shows there another caller than its own."""
    cookie = routed.cookie or (b"" if call is None else call.cookie)
    return replaced.in_dialog(state.stamp, request, cookie, state.place.listeners[hop.listener])


def _admitted(
    state: State, request: Request, source: Address, *, trusted: bool
) -> tuple[Routed, CallState | None, int]:
    """
    The route and the call of an in-dialog request, and the status that refuses it (0: none). Proof is the
    cookie of our Record-Route; phones that ignore Record-Route are let through while the call is in
    progress and they send from where it was set up. After a restart the cookie alone is proof, for its days.
    """
    routed = read_routes(request, state.place)
    if not routed.cookie:
        call = state.calls.from_side(request, source[0])
        refused = call is None or bool(routed.routes) or not _knows(call, request)
        return routed, call, 481 if refused else 0
    tags = (request.from_tag, request.to_tag)
    call = state.calls.of_leg(routed.cookie[:16])
    if call is not None and (routed.cookie != call.cookie or call.key[0] != request.call_id or call.key[1] not in tags):
        call = None
    if call is None:
        known = state.stamp.leg(routed.cookie, request.call_id, tags, state.today)
        return routed, None, 0 if known else 481
    if not trusted and request.method in _SHOWN and not _knows(call, request):
        return routed, call, 481
    return routed, call, 0


def _knows(call: CallState, request: Request) -> bool:
    """Whether the callee of a call has given itself this tag."""
    return any(names_tag(data, call.callee_tag(request)) for data in call.heard)


def _unvouched(state: State, context: Context, call: CallState | None) -> Call | None:
    """
    What to ask about a request from a trunk; None when everybody that it names as caller has been judged in
    this call. The callee may go by the name that it was called by. After a restart nobody is known to have been.
    """
    if call is not None and call.call.emergency:
        return None
    request = context.request
    listener = state.place.listeners[context.listener].name
    by_caller = call is not None and request.from_tag == call.key[1]
    called = call.call.called if call is not None and by_caller else number_of(request.to, context.trunk.dial_plan)
    asked = extract(request, context.trunk, context.peer, listener, called, False, media=state.wants.media)
    if call is None:
        return asked
    claims = asked.claims
    named = (request.from_.uri, request.from_.display) == (call.to.uri, call.to.display)
    if named and request.from_tag != call.key[1]:
        claims = tuple(claim for claim in claims if claim.header != "From")
    context.given = call.replacement_of(claims)
    return None if context.given is not None or call.vouches(claims) else asked


def _hop(
    state: State, request: Request, routed: Routed, call: CallState | None, ingress: int, now: float, *, trusted: bool
) -> Hop | None:
    """
    Where an in-dialog request goes: its target, or the other side of the call where the target is a name or
    us. What a trunk sends goes to the core side, whatever else it names: this is no open relay.
    """
    ip = ip_of(routed.target.host)
    other = None
    if call is not None:
        other = call.callee if call.key[1] == request.from_tag else call.caller
    if other is None and not trusted:  # where the INVITE of this leg would go
        targets = state.hops.core.order(routed.cookie[:16], now)
        other = targets[0].hop if targets else None
    if ip is None or state.place.own(routed.target) is not None:
        return other
    if not trusted and not _may_reach(state, ip, routed.target, call):
        return other
    egress = _egress(state.place, routed, ip, ingress)
    if egress is None:
        return None
    flow = other.flow if other is not None and other.listener == egress and _is_there(ip, other.address[0]) else 0
    transport = state.place.listeners[egress].transport
    port = routed.target.port or (SIPS_PORT if transport == "tls" else SIP_PORT)
    return Hop((ip, port), egress, transport, flow=flow, fixed=transport_of(routed.target) == "udp")


def _egress(place: Place, routed: Routed, ip: str, ingress: int) -> int | None:
    """
    The listener that leads to the target of an in-dialog request: the one that our Route names, unless the target asks
    for another transport; peers leave the transport out of their Contact (RFC 3261 §19.1.1 has UDP then).
    """
    named = ingress if routed.egress is None else routed.egress
    transport = transport_of(routed.target) or place.listeners[named].transport
    return named if place.speaks(named, ip, transport) else place.egress(ip, named, transport)


def _is_there(ip: str, peer: str) -> bool:
    """
    Whether the side of a call that came by a connection from `peer` is meant by `ip`: it is that address, or one
    behind a NAT, which leads nowhere.
    """
    return ip == peer or (is_private(ip) and not is_private(peer))


def _may_reach(state: State, ip: str, target: Uri, call: CallState | None) -> bool:
    """Whether a trunk may send to `target`: the core side, or an address that it named in this call."""
    for trunk in state.admission.candidates(ip):
        if trunk.role == "core":
            return True
    return call is not None and target.host in _named(state, call)


def _named(state: State, call: CallState) -> set[bytes]:
    """
    The hosts that the core side named as contacts, and on the way to them: Record-Route up to our own. What
    answered a call from the core side is the trunk itself: nobody may name hosts to themselves.
    """
    hosts: set[bytes] = set()
    from_core = call.call.trunk.role == "core"
    for data in call.heard:
        is_response = data.startswith(b"SIP/")
        if is_response and from_core:
            continue
        message = reread(data)
        routes: list[bytes] = []
        for name, line in zip(message.names, message.lines, strict=True):
            if name == RECORD_ROUTE:
                routes += split_values(line_value(line))
            elif name == CONTACT:
                hosts |= {uri.host for uri in map(_uri, split_values(line_value(line))) if uri is not None}
        for uri in map(_uri, routes):
            if uri is not None and state.place.own(uri) is None:
                hosts.add(uri.host)
            elif is_response:
                break  # what stands behind is the trunk's own
    return hosts


def _uri(value: bytes) -> Uri | None:
    try:
        return parse_uri(parse_name_addr(value, "Contact").uri)
    except ParseError:
        return None


def _addressed(state: State, routed: Routed, hop: Hop) -> Routed:
    """A Request-URI that names this node is changed to name the hop."""
    if not routed.routes and routed.target.scheme == b"sip" and state.place.own(routed.target) is not None:
        return Routed(forward.at_hop(routed.target, hop), [], routed.target, routed.cookie, routed.egress)
    return routed
