"""Requests inside a dialog: they follow the route set, unscreened, once they prove that the dialog was let through."""

from __future__ import annotations

from proxy.core import forward
from proxy.core.actions import Address
from proxy.core.calls import CallState
from proxy.core.initial import make_branch, pass_on
from proxy.core.place import SIP_PORT, Hop, show
from proxy.core.route import Routed, read_routes
from proxy.core.state import Context, State
from proxy.sip.errors import ParseError
from proxy.sip.fields import parse_name_addr, split_values
from proxy.sip.message import CONTACT, parse
from proxy.sip.request import Request
from proxy.sip.uri import Uri, parse_uri


def receive_in_dialog(state: State, context: Context, now: float) -> None:
    """Pass on a request of a known dialog; any other gets 481: without that, a To-tag would walk past the checks."""
    request = context.request
    routed, call, status = _admitted(state, request, context.source, context.trunk.role == "core")
    hop = None if status else _hop(state, request, routed, call, context.listener)
    if hop is None:
        state.answer(context, status or 478, now)
        return
    context.state = call
    if call is not None:
        call.saw(now, "in", context.peer, request.method.decode("ascii", "replace"))
    pass_on(state, context, _addressed(state, routed, hop), hop, now, [])
    if call is not None:
        call.saw(now, "out", context.far, request.method.decode("ascii", "replace"))


def receive_ack(state: State, request: Request, source: Address, listener: int, now: float, *, core: bool) -> None:
    """Pass on the ACK of a 2xx, end to end and without a transaction (RFC 3261 §13.2.2.4); drop any other."""
    routed, call, status = _admitted(state, request, source, core)
    hop = None if status else _hop(state, request, routed, call, listener)
    if hop is None or request.max_forwards == 0:
        state.tally.count["parse_errors_total", "stray_ack"] += 1
        return
    data = forward.forwarded(
        request,
        _addressed(state, routed, hop),
        state.place,
        via=forward.received_via(request.via, request.via_rest, source),
        branch=make_branch(state, request, source[0]),
        egress=hop.listener,
        record=[],
    )
    state.transmit(data, hop.address, hop.listener, False)
    if call is not None:
        call.saw(now, "in", show(source), "ACK")
        call.saw(now, "out", hop.text, "ACK")


def _admitted(state: State, request: Request, source: Address, core: bool) -> tuple[Routed, CallState | None, int]:
    """
    The route and the call of an in-dialog request, and the status that refuses it (0: none). Proof is the
    cookie of our Record-Route; phones that ignore Record-Route are let through while the call is in
    progress and they send from where it was set up.
    """
    routed = read_routes(request, state.place)
    call, by_caller = state.calls.find(request)
    if routed.cookie:
        tags = (request.from_tag, request.to_tag)
        if (call is None or routed.cookie != call.cookie) and all(
            routed.cookie != state.stamp.cookie(request.call_id, tag) for tag in tags
        ):
            return routed, call, 481
    else:
        side = None if call is None else call.caller if by_caller else call.callee
        if routed.routes or side is None or side.address[0] != source[0]:
            return routed, call, 481
    if not core and call is not None and not _may_reach(state, routed.target, call):
        return routed, call, 403
    return routed, call, 0


def _may_reach(state: State, target: Uri, call: CallState) -> bool:
    """Whether a trunk may send to `target` in this call: to peers of ours, and to the contact that answered."""
    ip = _ip(target)
    if ip is None or state.place.own(target) is not None or state.admission.candidates(ip):
        return True
    try:
        values = split_values(parse(call.answer).value(CONTACT)) if call.answer else []
        return bool(values) and parse_uri(parse_name_addr(values[0], "Contact").uri).host == target.host
    except ParseError:
        return False


def _hop(state: State, request: Request, routed: Routed, call: CallState | None, ingress: int) -> Hop | None:
    """Where an in-dialog request goes: its target, or the other side of the call where the target is a name or us."""
    ip = _ip(routed.target)
    if ip is None or state.place.own(routed.target) is not None:
        if call is None:
            return None
        return call.callee if call.key[1] == request.from_tag else call.caller
    egress = routed.egress
    if egress is None or state.place.listeners[egress].is_ipv6 != (":" in ip):
        egress = state.place.egress(ip, ingress)
    return None if egress is None else Hop((ip, routed.target.port or SIP_PORT), egress)


def _ip(uri: Uri) -> str | None:
    """The IP address of a URI's host, None for a name."""
    host = uri.host_text
    return host if ":" in host or host.replace(".", "").isdigit() else None


def _addressed(state: State, routed: Routed, hop: Hop) -> Routed:
    """A Request-URI that names this node is changed to name the hop."""
    if not routed.routes and routed.target.scheme == b"sip" and state.place.own(routed.target) is not None:
        return Routed(forward.at_hop(routed.target, hop.address), [], routed.target, routed.cookie, routed.egress)
    return routed
