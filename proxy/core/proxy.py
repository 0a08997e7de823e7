"""The proxy core of one node: events in, actions out (RFC 3261 §16). No clock, no socket, no waiting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from proxy.call.extract import called_of
from proxy.call.trunk import Trunk
from proxy.checks.base import Verdict
from proxy.core import cancel, dialog, dip, initial, probe, reply, respond
from proxy.core.actions import Action, Address, Refused
from proxy.core.admit import Admission
from proxy.core.hops import USUAL, Hops, HopTerms, NextHop
from proxy.core.owner import Owners
from proxy.core.place import Place, show
from proxy.core.stamp import Stamp, branch_of
from proxy.core.state import Context, GivenUp, Limits, Probe, State, Wants
from proxy.core.tally import Tally
from proxy.sip.errors import ParseError
from proxy.sip.message import Message, parse
from proxy.sip.request import Request
from proxy.sip.response import read_response
from proxy.transaction import arrows
from proxy.transaction.key import client_key, server_key
from proxy.transaction.machine import Machine
from proxy.transaction.timers import Lengths

_SWEEP = 60.0  # seconds between looks for calls that lost their BYE


@dataclass(frozen=True, slots=True)
class Network:
    """
    Who is who around the node; a reload replaces it whole. `next_hops` are the core side, `gateways` says where each
    trunk is reached, `answer_strangers` whether a source that is no trunk is told so, `wants` what is read for it.
    """

    place: Place
    admission: Admission
    next_hops: tuple[NextHop, ...]
    gateways: Mapping[str, tuple[NextHop, ...]] = field(default_factory=dict)
    terms: HopTerms = USUAL
    answer_strangers: bool = False
    wants: Wants = Wants()  # noqa: RUF009  # frozen


class ProxyCore:
    """All transactions and calls of one node."""

    __slots__ = ("_state", "_sweep_at")

    def __init__(
        self,
        network: Network,
        *,
        key: bytes,
        tally: Tally,
        today: date,
        lengths: Lengths | None = None,
        limits: Limits | None = None,
        durable: bool = False,
        owners: Owners | None = None,
    ) -> None:
        """`key` is the node's secret; with `durable` no verdict acts before its record is on disk."""
        self._state = State(
            network.place,
            network.admission,
            Stamp(key),
            Hops(network.next_hops, network.gateways, network.terms),
            tally,
            lengths or Lengths(),
            limits or Limits(),
            today,
            owners or Owners(b""),
        )
        self._state.answer_strangers, self._state.durable = network.answer_strangers, durable
        self._state.wants = network.wants
        self._sweep_at = 0.0

    def receive(
        self, data: bytes, source: Address, listener: int, now: float, flow: int = 0, names: tuple[str, ...] = ()
    ) -> list[Action]:
        """Take a datagram from `source`, or what the connection `flow` of a peer proved to be `names` has brought."""
        state = self._state
        out = state.begin()
        if len(data) < 16 and not data.strip(b"\r\n\0"):
            return out  # a keep-alive (RFC 5626 §3.5.1)
        candidates = state.admission.candidates(source[0], names)
        if shed := state.gate.shed(data, candidates, state.transactions.clients, now):
            state.tally.count["packets_shed_total", shed] += 1
            return out
        message: Message | None = None
        try:
            if data.startswith((b"\r\n", b"sip/", b"Sip/")):
                data = data.lstrip(b"\r\n")  # RFC 3261 §7.5; the version reads in any case (§7.1)
                data = b"SIP/2.0" + data[7:] if data[:8].upper() == b"SIP/2.0 " else data
            if data.startswith(b"SIP/2.0 "):
                state.count(data[8:9], listener)
                reply.receive_response(state, read_response(data), listener, now)
            else:
                message = parse(data)
                state.count(message.method, listener)
                self._request(message, candidates, source, listener, now, flow)
        except ParseError as error:
            self._malformed(error, error.message or message, source, listener, flow, known=bool(candidates))
        return out

    def unframed(
        self, head: bytes, fault: ParseError, source: Address, listener: int, flow: int, names: tuple[str, ...] = ()
    ) -> list[Action]:
        """Take the news that a connection cannot be read any further, and the header section where that shows."""
        state = self._state
        out = state.begin()
        try:
            message = parse(head) if head else None
        except ParseError as error:
            message = error.message
        self._malformed(fault, message, source, listener, flow, known=self.knows(source[0], names))
        return out

    def lost(self, flow: int, to: Address, listener: int, now: float) -> list[Action]:
        """Take the news that the connection `flow` to `to` is gone: what went by it and was not answered."""
        state = self._state
        out = state.begin()
        for machine in state.transactions.lost(flow, to, listener):
            self._fail(machine, now)
        return out

    def knows(self, ip: str, names: tuple[str, ...] = ()) -> bool:
        """Whether somebody at an address, or with a certificate of one of these names, is a trunk or the core side."""
        return bool(self._state.admission.candidates(ip, names))

    def sheds(self, data: bytes, source: Address, now: float) -> bool:
        """Whether a datagram for another worker is a stranger's, and not worth handing over."""
        return not self.knows(source[0]) and self._state.gate.sheds_foreign(data, self._state.tally, now)

    def judged(self, ticket: int, verdict: Verdict, now: float) -> list[Action]:
        """Take the verdict that `Judge(ticket, …)` asked for; nothing happens when its call is gone."""
        state = self._state
        out = state.begin()
        context = state.pending.pop(ticket, None)
        if context is not None:
            (initial.judged if context.initial else dialog.judged)(state, context, verdict, now)
        return out

    def recorded(self, ticket: int, now: float) -> list[Action]:
        """Take the news that the report of `Commit(ticket, …)` is on disk, or that nobody waits for that any more."""
        state = self._state
        out = state.begin()
        context = state.pending.pop(ticket, None)
        if context is not None:
            (initial.recorded if context.initial else dialog.recorded)(state, context, now)
        out += state.refusals.pop(ticket, ())
        return out

    def unjudged(self, ticket: int, now: float) -> list[Action]:
        """Take the news that there will be no verdict, for a defect of ours: who waits for it is told so."""
        state = self._state
        out = state.begin()
        context = state.pending.pop(ticket, None)
        if context is not None and context.client is None:  # an emergency call is on its way
            server = context.server
            if server is not None and server.state in (arrows.PROCEEDING, arrows.TRYING):
                state.answer(context, 500, now)
            if context.initial and context.state is not None:
                state.end_call(context.state, now, 500, "proxy")
        return out

    def unreachable(self, data: bytes, now: float) -> list[Action]:
        """Take the news that these octets cannot be sent: their client transaction fails (RFC 3261 §16.9)."""
        state = self._state
        out = state.begin()
        key = client_key(branch_of(data), data.partition(b" ")[0])
        machine = state.transactions.clients.get(key)
        if machine is not None:
            self._fail(machine, now)
        return out

    def _fail(self, machine: Machine, now: float) -> None:
        context = machine.owner
        notice = self._state.transactions.fire(machine, arrows.TRANSPORT_ERROR, now)
        if notice and isinstance(context, Context):
            reply.failed(self._state, context, notice, now)
        elif notice and isinstance(context, Probe):
            probe.unreachable(self._state, context, now)

    def timer_due(self) -> float | None:
        """When `timer` wants to be called next, on the core's clock; None when nothing is running."""
        if self._state.unplanned:
            return 0.0
        due = self._state.transactions.timers.next_due
        if len(self._state.calls):
            due = min(due, self._sweep_at)
        return None if due == float("inf") else due

    def timer(self, now: float) -> list[Action]:
        """Let everything happen that is due."""
        state = self._state
        out = state.begin()
        if state.unplanned:
            probe.plan(state, now)
        for owner, name in state.transactions.timers.expired(now):
            try:
                if isinstance(owner, Machine):
                    reply.transaction_timer(state, owner, name, now)
                elif isinstance(owner, Context):
                    reply.context_timer(state, owner, name, now)
                elif isinstance(owner, Probe):
                    probe.due(state, owner, now)
                elif isinstance(owner, GivenUp):  # no final response after its CANCEL (§9.1)
                    state.transactions.forget(owner.client)
            except Exception:  # noqa: BLE001  # a defect in one call must not cost the others their timers; counted
                state.tally.count["parse_errors_total", "internal"] += 1
        if now >= self._sweep_at:
            self._sweep_at = now + _SWEEP
            for call in state.calls.older_than(now - state.limits.call_seconds):
                state.end_call(call, now, call.status, "timeout")
        return out

    def replace(self, network: Network, today: date) -> None:
        """Change who is who; calls in progress keep where they go, next hops how they have been doing."""
        state = self._state
        state.place = network.place
        state.admission = network.admission
        state.hops = Hops(network.next_hops, network.gateways, network.terms, state.hops)
        state.unplanned = bool(state.probes) or network.terms.probe_interval > 0
        state.answer_strangers, state.wants = network.answer_strangers, network.wants
        state.today = today
        for kept in (state.traffic, state.gate):
            kept.keep(network.admission.directory.trunks)

    @property
    def answers_strangers(self) -> bool:
        """Whether a source that is no trunk is told so."""
        return self._state.answer_strangers

    @property
    def transactions(self) -> int:
        """How many transactions are running."""
        return len(self._state.transactions)

    @property
    def active_calls(self) -> Mapping[str, int]:
        """Calls in progress by trunk id."""
        return self._state.calls.per_trunk

    @property
    def next_hops_up(self) -> Mapping[str, bool]:
        """Whether each next hop of the core side ("ip:port") is up."""
        return {target.hop.text: target.health.up for target in self._state.hops.core.targets}

    @property
    def idle(self) -> bool:
        """Whether no INVITE waits for its final answer: a draining node may stop."""
        waiting = (arrows.PROCEEDING, arrows.TRYING)
        return not any(machine.state in waiting for machine in self._state.transactions.servers.values())

    def press(self, level: int) -> None:
        """Shed new calls from now on: 0 none, 1 those above their trunk's share, 2 all; never emergencies."""
        self._state.pressure = level

    def drain(self) -> set[bytes]:
        """Take no new calls but emergencies from now on; what is under way goes on: gives its Call-IDs."""
        return self._state.drain()

    def end_all(self, now: float) -> list[Action]:
        """Report every call in progress as ended by the node: its records are complete when it stops."""
        state = self._state
        out = state.begin()
        for call in state.calls.older_than(float("inf")):
            state.end_call(call, now, call.status, "proxy")
        return out

    def _request(
        self, message: Message, candidates: tuple[Trunk, ...], source: Address, listener: int, now: float, flow: int
    ) -> None:
        state = self._state
        if not candidates:
            self._stranger(message, source, listener, now, 403 if state.answer_strangers else None, flow)
            return
        request = Request(message)
        key = server_key(request, source[0])
        machine = state.transactions.servers.get(key)
        core = candidates[0].role == "core"
        if request.method == b"ACK":
            if machine is None or state.transactions.fire(machine, arrows.ACK, now) == arrows.PASS_UP:
                dialog.receive_ack(state, request, source, listener, now, core=core)
        elif request.method == b"CANCEL":
            if machine is None and candidates[0].role == "dip":
                state.answer_stateless(request, source, listener, 481, flow=flow)
            elif machine is None:
                initial.pass_on_cancel(state, request, candidates[0], source, listener, now, flow)
            else:
                cancel.receive_cancel(state, request, machine, source, listener, now, flow)
        elif machine is not None:
            state.tally.count["retransmissions_total",] += 1
            state.transactions.fire(machine, arrows.REQUEST, now)
        else:
            self._begin(request, candidates, key, source, listener, now, flow)

    def _begin(
        self,
        request: Request,
        candidates: tuple[Trunk, ...],
        key: tuple[bytes, ...],
        source: Address,
        listener: int,
        now: float,
        flow: int,
    ) -> None:
        """A request that has not been seen before."""
        state = self._state
        trunk = candidates[0] if request.to_tag else state.admission.settle(candidates, request.message)
        invite = request.method == b"INVITE"
        dips = trunk is not None and trunk.role == "dip"
        if trunk is not None and dips and invite and not request.to_tag:
            trunk = dip.dipped(state.admission.directory, trunk, request.message)
        called, emergency = "", False
        if invite and not request.to_tag:
            called, emergency = called_of(request, (trunk or candidates[0]).dial_plan)
            emergency = emergency and candidates[0].role != "core"
            trunk = candidates[0] if trunk is None and emergency else trunk
        if trunk is None:  # the address is known, the trunk group is not
            if state.gate.knows(now):
                self._stranger(request.message, source, listener, now, 403, flow)
            else:
                state.tally.count["packets_shed_total", "unknown"] += 1
            return
        shed = "" if emergency else state.shed(trunk, now, in_dialog=bool(request.to_tag), invite=invite)
        if shed:
            state.tally.count["requests_shed_total", trunk.id, shed] += 1
            state.answer_stateless(request, source, listener, 503, flow=flow)  # without Retry-After (RFC 7339 §5.10.2)
            return
        context = Context(request, source, listener, trunk, flow)
        context.dips = dips
        state.serve(context, key, invite=invite)
        refused = initial.refusal(state, request, source[0], emergency=emergency)
        try:
            if refused is not None:
                state.answer(context, refused[0], now, "", refused[1])
            elif request.to_tag:
                dialog.receive_in_dialog(state, context, now)
            elif invite:
                initial.receive_invite(state, context, called, now, emergency=emergency)
            else:
                initial.receive_other(state, context, now)
        except ParseError as error:  # of the route set, which is read only now
            state.tally.count["parse_errors_total", error.kind] += 1
            state.answer(context, error.status, now, error.reason)

    def _stranger(
        self, message: Message, source: Address, listener: int, now: float, status: int | None, flow: int
    ) -> None:
        """
        Refuse what is no trunk's, in either mode: with `status`, or without a word, for anybody can forge an address
        that would get the answer. It is recorded once, however often it comes.
        """
        state = self._state
        if message.method in (b"ACK", b"CANCEL"):
            return
        request = Request(message)
        out = state.out
        answers = state.begin()
        if status is not None:
            state.answer_stateless(request, source, listener, status, flow=flow)
        state.out = out
        if state.knocked(request, source):
            out += answers
            return
        report = Refused(
            at=now,
            source=show(source),
            listener=state.place.listeners[listener].name,
            call_id=request.call_id.decode("utf-8", "replace"),
            method=request.method.decode("ascii", "replace"),
            caller=request.from_.uri.decode("utf-8", "replace"),
            called=request.message.uri.decode("utf-8", "replace"),
            status=status,
        )
        if state.durable and answers:
            state.commit_refusal(answers, report)
            return
        out += answers
        state.report(report)

    def _malformed(
        self, error: ParseError, message: Message | None, source: Address, listener: int, flow: int, *, known: bool
    ) -> None:
        """Count what cannot be read, and answer a request of a trunk that can be answered (RFC 3261 §16.3 step 1)."""
        state = self._state
        state.tally.count["parse_errors_total", error.kind] += 1
        if message is None or message.status or message.method == b"ACK" or not error.status:
            return
        if known:
            transport = state.place.listeners[listener].transport
            answer = respond.malformed(message, error, source, state.stamp, transport)
            if answer is not None:
                state.transmit(answer[0], answer[1], listener, False, flow)
