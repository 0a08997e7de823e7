"""Responses from downstream, and branches that never answer (RFC 3261 §16.7, §16.8, §16.9)."""

from __future__ import annotations

from proxy.core import cancel, respond
from proxy.core.actions import EndedBy
from proxy.core.calls import CallState
from proxy.core.stamp import split_branch
from proxy.core.state import Context, State
from proxy.sip.fields import param, parse_cseq, parse_name_addr, parse_via, split_values
from proxy.sip.message import CALL_ID, CONTACT, CSEQ, FROM, VIA, Message, line_value
from proxy.transaction import arrows
from proxy.transaction.key import client_key


def receive_response(state: State, message: Message, listener: int, now: float) -> None:
    """Give a response to its client transaction. Raises ParseError for one that cannot be read."""
    number, method = parse_cseq(message.value(CSEQ))
    top = line_value(message.lines[message.names.index(VIA)])
    via = parse_via(split_values(top)[0])
    machine = state.transactions.clients.get(client_key(via.branch, method))
    if machine is None or not state.place.own_via(via.host, via.port):
        _stray(state, message, via.branch, number, method, listener)
        return
    status = message.status
    event = arrows.PROVISIONAL if status < 200 else arrows.SUCCESS if status < 300 else arrows.FAILURE
    context = machine.owner
    known = machine.state
    notice = state.transactions.fire(machine, event, now, b"", message)
    if not isinstance(context, Context):
        return  # the answer to a CANCEL, or to a request nobody waits for any more
    if context.state is not None and (notice or known != machine.state):
        _note(state, context, context.state, message, now)
    if notice == arrows.PASS_UP:
        if method == b"INVITE":
            _invite_response(state, context, message, event, now)
        else:
            _other_response(state, context, message, event, now)
    else:
        state.tally.count["retransmissions_total",] += 1


def _note(state: State, context: Context, call: CallState, message: Message, now: float) -> None:
    text = f"{message.status} {message.phrase.decode('utf-8', 'replace')}".rstrip(" ")
    call.saw(now, "in", context.far, text)
    if context.initial and call.callee_trunk:
        state.tally.count["responses_total", call.callee_trunk, "in", str(message.status)] += 1


def _invite_response(state: State, context: Context, message: Message, event: str, now: float) -> None:
    """A response to an INVITE that the caller must hear (§16.7)."""
    status = message.status
    timers = state.transactions.timers
    if event == arrows.PROVISIONAL:
        context.provisional = True
        if context.cancelled:
            if cancel.CANCEL_PATIENCE not in context.armed:
                cancel.send_cancel(state, context, now)
        elif status > 100:
            timers.arm(context, cancel.TIMER_C, state.transactions.lengths.c, now)
        if status == 100:
            return  # hop by hop
    else:
        timers.cancel_all(context)
    _pass_up(state, context, message, event, now)
    call = context.state
    if call is None or not context.initial or event == arrows.PROVISIONAL:
        return
    if event == arrows.SUCCESS:
        _answered(state, call, message, now)
    else:
        by: EndedBy = "caller" if call.cancelled else "callee"
        state.end_call(call, now, status, by)


def _answered(state: State, call: CallState, message: Message, now: float) -> None:
    if call.answered_at is None:
        call.answered_at = now
        call.status = message.status
        state.tally.histograms["setup_seconds"].observe(now - call.started_at)
    if CONTACT in message.names:
        call.contact = message.value(CONTACT)


def _other_response(state: State, context: Context, message: Message, event: str, now: float) -> None:
    """A response to another request. Its provisional responses and a 408 stay here (RFC 4320 §4.1, §4.2)."""
    if event == arrows.PROVISIONAL:
        return
    if message.status == 408:
        _abandon(state, context)
    else:
        _pass_up(state, context, message, event, now)
    if context.request.method == b"BYE" and message.status not in (401, 407):
        _hung_up(state, context, now)


def _pass_up(state: State, context: Context, message: Message, event: str, now: float) -> None:
    data = respond.forwarded(message)
    server = context.server
    phrase = message.phrase.decode("utf-8", "replace")
    if server is None:
        return
    if server.state in (arrows.COMPLETED, arrows.CONFIRMED, arrows.TERMINATED):
        if event == arrows.SUCCESS:  # the caller has been given up on, but a 2xx is never kept from it (§16.7 step 5)
            state.transmit(data, server.to, server.listener, False)
        return
    state.respond(context, event, message.status, phrase, data, now)


def _abandon(state: State, context: Context) -> None:
    """Let a non-INVITE request end without an answer: a late one would only be dropped (RFC 4320 §4.2)."""
    if context.server is not None:
        state.transactions.forget(context.server)


def _hung_up(state: State, context: Context, now: float) -> None:
    """A BYE has run its course: the call is over."""
    call = context.state
    if call is not None:
        by_caller = context.request.from_tag == call.key[1]
        state.end_call(call, now, call.status, "caller" if by_caller else "callee")


def failed(state: State, context: Context, notice: str, now: float) -> None:
    """A branch that timed out (§16.8, §16.9: as if 408 had come) or could not be reached (as if 503 had)."""
    state.transactions.timers.cancel_all(context)
    if context.request.method != b"INVITE":
        if notice == arrows.UNREACHABLE:
            state.answer(context, 503, now)
        else:
            _abandon(state, context)
        if context.request.method == b"BYE":
            _hung_up(state, context, now)
        return
    give_up(state, context, 503 if notice == arrows.UNREACHABLE else 408, now)


def no_answer(state: State, context: Context, now: float) -> None:
    """Timer C (§16.8): nobody took the call in time. The caller hears 408, downstream CANCEL."""
    cancel.send_cancel(state, context, now)
    give_up(state, context, 408, now)


def give_up(state: State, context: Context, status: int, now: float) -> None:
    """Answer an INVITE that got no final response from downstream."""
    if context.cancelled:
        status = 487
    if context.server is not None and context.server.state == arrows.PROCEEDING:
        state.answer(context, status, now)
    if context.state is not None and context.initial and context.state.answered_at is None:
        by: EndedBy = "caller" if context.state.cancelled else "timeout"
        state.end_call(context.state, now, status, by)


def _stray(state: State, message: Message, branch: bytes, number: int, method: bytes, listener: int) -> None:
    """
    A response without a transaction. RFC 6026 §7 forbids to pass on what this node never asked for; what it
    did ask for before a restart is told by the branch, which is derived from fields of this very response.
    """
    origin, _ = split_branch(branch)
    vias = respond.via_values(message, 2)
    count = state.tally.count
    if not origin or len(vias) < 2 or method == b"CANCEL":
        count["parse_errors_total", "stray_response"] += 1
        return
    via = vias[1]
    tag = parse_name_addr(message.value(FROM), "From").tag
    source = (param(via.params, b"received") or via.host).strip(b"[]")
    expected = state.stamp.origin(via.branch, via.host, via.port, source, message.value(CALL_ID), tag, number)
    to = respond.upstream(via)
    if origin != expected or to is None or message.status == 100:
        count["parse_errors_total", "stray_response"] += 1
        return
    egress = state.place.egress(to[0], listener)
    if egress is not None:
        state.transmit(respond.forwarded(message), to, egress, False)
