"""Responses from downstream, and branches that never answer (RFC 3261 §16.7, §16.8, §16.9)."""

from __future__ import annotations

from proxy.core import cancel, failover, initial, onward, probe, replaced, respond
from proxy.core.actions import EndedBy
from proxy.core.calls import CallState
from proxy.core.place import TRANSPORT_NAMES
from proxy.core.route import names_tag
from proxy.core.stamp import split_branch
from proxy.core.state import CODES, Context, GivenUp, Probe, State
from proxy.sip.fields import parse_cseq, parse_name_addr
from proxy.sip.message import CALL_ID, CSEQ, FROM
from proxy.sip.response import Response
from proxy.transaction import arrows
from proxy.transaction.key import client_key
from proxy.transaction.machine import Machine


def receive_response(state: State, response: Response, listener: int, now: float) -> None:
    """Give a response to its client transaction. Raises ParseError for a stray one that cannot be read."""
    machine = state.transactions.clients.get(client_key(response.branch, response.method))
    if machine is None or not state.place.own_via(response.sent_by):
        _stray(state, response, listener)
        return
    status = response.status
    event = arrows.PROVISIONAL if status < 200 else arrows.SUCCESS if status < 300 else arrows.FAILURE
    context = machine.owner
    known = machine.state
    notice = state.transactions.fire(machine, event, now, b"", response)
    if not isinstance(context, Context):
        if isinstance(context, GivenUp) and notice == arrows.PASS_UP:
            _late(state, context, response, event, now)
        elif isinstance(context, Probe):
            probe.answered(state, context, response, event, now)
        return  # or the answer to a CANCEL, or to a request nobody waits for any more
    if context.state is not None and (notice or known != machine.state):
        _note(state, context, context.state, context.far, response, now)
    if notice == arrows.PASS_UP:
        if response.method == b"INVITE":
            _invite_response(state, context, response, event, now)
        else:
            _other_response(state, context, response, event, now)
    else:
        state.tally.count["retransmissions_total",] += 1


def _note(state: State, context: Context, call: CallState, far: str, response: Response, now: float) -> None:
    call.saw(now, "in", far, response.text.rstrip(" "))
    if context.initial and call.callee_trunk:
        state.tally.count["responses_total", call.callee_trunk, "in", CODES[response.status]] += 1


def _invite_response(state: State, context: Context, response: Response, event: str, now: float) -> None:
    """A response to an INVITE that the caller must hear (§16.7)."""
    status = response.status
    timers = state.transactions.timers
    tries = context.tries
    if tries is not None:
        failover.heard(state, tries.target, response, now)
    if event == arrows.PROVISIONAL:
        context.provisional = True
        if initial.SILENCE in context.armed:
            timers.cancel(context, initial.SILENCE)
        if context.cancelled:
            if cancel.CANCEL_PATIENCE not in context.armed:
                cancel.send_cancel(state, context, now)
        elif status > 100:
            timers.arm(context, cancel.TIMER_C, state.transactions.lengths.c, now)
        if status == 100:
            return  # hop by hop
    else:
        if status == 503:
            if failover.refused(state, context, response, now):
                return
            response = failover.best(context, response)
        timers.cancel_all(context)
    _pass_up(state, context, response, event, now)
    if context.state is not None and context.initial:
        _in_call(state, context.state, response, event, now)


def _in_call(state: State, call: CallState, response: Response, event: str, now: float) -> None:
    """What a response to the INVITE that began a call means for it."""
    if event == arrows.PROVISIONAL:
        call.keep(response.data, answer=False)
    elif event == arrows.SUCCESS:
        _answered(state, call, response, now)
    else:
        by: EndedBy = "caller" if call.cancelled else "callee"
        state.end_call(call, now, response.status, by)


def _late(state: State, gone: GivenUp, response: Response, event: str, now: float) -> None:
    """A response of a branch that was given up; a 2xx is never kept from the caller (§16.7 step 5)."""
    context = gone.context
    call = context.state
    if call is not None:
        _note(state, context, call, gone.target.hop.text, response, now)
    if failover.takes_over(state, gone, response, event, now):
        _invite_response(state, context, response, event, now)
    elif event == arrows.SUCCESS:
        _pass_up(state, context, response, event, now)
        if call is not None:
            call.keep(response.data, answer=True)


def _answered(state: State, call: CallState, response: Response, now: float) -> None:
    if call.answered_at is None:
        call.answered_at = now
        call.status = response.status
        state.tally.histograms["setup_seconds"].observe(now - call.started_at)
    call.keep(response.data, answer=True)


def _other_response(state: State, context: Context, response: Response, event: str, now: float) -> None:
    """A response to another request. Its provisional responses and a 408 stay here (RFC 4320 §4.1, §4.2)."""
    if event == arrows.PROVISIONAL:
        return
    if response.status == 408:
        _abandon(state, context)
    else:
        _pass_up(state, context, response, event, now)
    if context.request.method == b"BYE" and response.status not in (401, 407):
        _hung_up(state, context, now)


def _pass_up(state: State, context: Context, response: Response, event: str, now: float) -> None:
    data = response.upstream
    if context.swap is not None:
        data = replaced.restored(data, context.swap)
    if response.status == 503 and context.tries is not None:
        data = failover.without_retry_after(data)
    if context.advice:  # a failed identity of a call that passes, told in the next response (RFC 9410 §5)
        data = data.replace(b"\r\n", b"\r\nReason: " + context.advice.encode("ascii", "replace") + b"\r\n", 1)
        context.advice = ""
    server = context.server
    if server is None:
        return
    if server.state in (arrows.COMPLETED, arrows.CONFIRMED, arrows.TERMINATED):
        if event == arrows.SUCCESS:  # the caller has been given up on, but a 2xx is never kept from it (§16.7 step 5)
            state.transmit(data, server.to, server.listener, False, server.flow)
        return
    state.respond(context, event, response.status, response.text, data, now)


def _abandon(state: State, context: Context) -> None:
    """Let a non-INVITE request end without an answer: a late one would only be dropped (RFC 4320 §4.2)."""
    if context.server is not None:
        state.transactions.forget(context.server)


def _hung_up(state: State, context: Context, now: float) -> None:
    """
    A BYE has run its course: the call is over with the last dialog that was answered. One of an early dialog
    ends nothing here, the INVITE's own final response does; one of a tag that nobody gave ends nothing at all.
    """
    call = context.state
    if call is None or not call.answers:
        return
    request = context.request
    by_caller = request.from_tag == call.key[1]
    tag = call.callee_tag(request)
    left = [answer for answer in call.answers if not names_tag(answer, tag)]
    if not left:
        state.end_call(call, now, call.status, "caller" if by_caller else "callee")
    call.answers = left


def failed(state: State, context: Context, notice: str, now: float) -> None:
    """A branch that timed out (§16.8, §16.9: as if 408 had come) or could not be reached (as if 503 had)."""
    if notice == arrows.UNREACHABLE and not context.cancelled and onward.shrink(state, context, now):
        failover.begun_again(state, context, now)
        return
    state.transactions.timers.cancel_all(context)
    if context.request.method != b"INVITE":
        if notice == arrows.UNREACHABLE:
            state.answer(context, 503, now)
        else:
            _abandon(state, context)
        if context.request.method == b"BYE":
            _hung_up(state, context, now)
        return
    unreachable = notice == arrows.UNREACHABLE
    if failover.lost(state, context, failover.UNREACHABLE if unreachable else failover.SILENT, now):
        return
    give_up(state, context, 503 if unreachable else 408, now)


def no_answer(state: State, context: Context, now: float) -> None:
    """Timer C (§16.8): nobody took the call in time. The caller hears 408, downstream CANCEL."""
    cancel.send_cancel(state, context, now)
    give_up(state, context, 408, now)
    context.cancelled = True  # what rings only now is told so


def give_up(state: State, context: Context, status: int, now: float) -> None:
    """Answer an INVITE that got no final response from downstream."""
    if context.cancelled:
        status = 487
    best = context.tries.best if context.tries is not None else None
    if best is not None and (status == 503 or (status == 408 and best.status != 503)):
        status = best.status
        _pass_up(state, context, best, arrows.FAILURE, now)
    elif context.server is not None and context.server.state == arrows.PROCEEDING:
        state.answer(context, status, now)
    if context.state is not None and context.initial and context.state.answered_at is None:
        by: EndedBy = "caller" if context.state.cancelled else "timeout"
        state.end_call(context.state, now, status, by)


def _stray(state: State, response: Response, listener: int) -> None:
    """
    A response without a transaction. RFC 6026 §7 forbids to pass on what this node never asked for; what it
    did ask for before a restart is told by the branch, which is derived from fields of this very response. Of a call
    that this node knows it is a branch that has been given up long ago: only a 2xx of it is anybody's business.
    """
    message = response.message()
    origin, _ = split_branch(response.branch)
    vias = respond.via_values(message, 2)
    if origin and len(vias) == 2 and response.status > 100:
        via = vias[1]
        source = (via.received or via.host).strip(b"[]")
        tag = parse_name_addr(message.value(FROM), "From").tag
        cseq, _ = parse_cseq(message.value(CSEQ))
        ours = state.stamp.origin(via.branch, via.host, via.port, source, message.value(CALL_ID), tag, cseq)
        transport = TRANSPORT_NAMES.get(via.transport.upper(), "udp")
        to = respond.upstream(via, transport)
        egress = None if to is None else state.place.egress(to[0], listener, transport)
        wanted = response.status // 100 == 2 or origin not in state.calls
        if origin == ours and wanted and to is not None and egress is not None:
            state.transmit(
                replaced.restored_by_route(state.stamp, state.place, message, response.upstream), to, egress, False
            )
            return
    state.tally.count["parse_errors_total", "stray_response"] += 1


def transaction_timer(state: State, machine: Machine, name: str, now: float) -> None:
    """A timer of a transaction fires."""
    context = machine.owner
    if name == arrows.TIMER_A:
        if isinstance(context, GivenUp):
            return  # its INVITE is repeated no more
        if isinstance(context, Context):
            failover.repeated(state, context, machine, now)
    notice = state.transactions.fire(machine, name, now)
    if notice and isinstance(context, Context):
        failed(state, context, notice, now)


def context_timer(state: State, context: Context, name: str, now: float) -> None:
    """A timer of a response context fires."""
    if name == cancel.TIMER_C:
        no_answer(state, context, now)
    elif name == initial.SILENCE:
        failover.silent(state, context, now)
    else:
        state.transactions.timers.cancel_all(context)
        if context.client is not None:
            state.transactions.forget(context.client)
        give_up(state, context, 487, now)
