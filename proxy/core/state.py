"""What the proxy core remembers, and the few things every step of it does: send, answer, report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from proxy.call.model import Call
from proxy.call.trunk import Trunk
from proxy.checks.base import Marks, Replacement
from proxy.core.actions import Action, Address, Commit, Decided, EndedBy, Judge, News, Refused, Send
from proxy.core.admit import Admission
from proxy.core.calls import Calls, CallState
from proxy.core.forward import received_via, response_address
from proxy.core.gate import Gate
from proxy.core.hops import Hops, Target, Tries
from proxy.core.owner import Owners
from proxy.core.place import Hop, Place, show
from proxy.core.replaced import Swap
from proxy.core.route import Routed
from proxy.core.stamp import Stamp
from proxy.core.tally import Tally
from proxy.core.traffic import Traffic
from proxy.sip import build
from proxy.sip.message import Message
from proxy.sip.request import Request
from proxy.transaction import arrows
from proxy.transaction.layer import Transactions
from proxy.transaction.machine import Machine
from proxy.transaction.timers import Lengths

CODES: Final = tuple(map(str, range(700)))  # label values of responses_total


@dataclass(frozen=True, slots=True)
class Limits:
    """
    Bounds of what the core keeps. 100,000 transactions are about 1,500 calls a second at 64·T1, some
    300 MB; a call of twelve hours has lost its BYE; `packets` are what a trunk may send in a second, some 700 calls,
    and `strangers` what all others together may for it to be read and recorded.
    """

    transactions: int = 100_000
    call_seconds: float = 12 * 3600.0
    packets: int = 5000
    strangers: int = 50

    def room(self, *, in_dialog: bool) -> int:
        """How many transactions there may be when one more begins; calls that stand can always be ended."""
        return self.transactions * 5 // 4 if in_dialog else self.transactions


# Requests of strangers that are recognised when they come again, which they do for 64·T1: as many as are read then.
MAX_KNOCKS: Final = 2048

# What takes the place of a request's octets once it has its final answer: its transaction goes on for half a
# minute, and nothing is made of them any more.
ANSWERED: Final = Message(b"", [], [], b"")


class Plan:
    """
    What follows from a verdict: the final answer of the node itself, or with `status` 0 where the request goes.

    `given` is whom a request inside a dialog shows instead of its caller.
    """

    __slots__ = ("callee_trunk", "extra", "given", "phrase", "status", "targets")

    def __init__(
        self,
        status: int = 0,
        phrase: str = "",
        extra: tuple[bytes, ...] = (),
        targets: list[Target] | None = None,
        callee_trunk: str = "",
        given: Replacement | None = None,
    ) -> None:
        self.status = status
        self.phrase = phrase
        self.extra = extra
        self.targets = targets or []
        self.callee_trunk = callee_trunk
        self.given = given


class Grown:
    """A request that has outgrown UDP: its route, its hop there, and what it carries (RFC 3261 §18.1.1)."""

    __slots__ = ("hop", "marks", "record", "routed", "swap")

    def __init__(self, routed: Routed, hop: Hop, record: list[bytes], marks: Marks, swap: Swap | None) -> None:
        self.routed: Final = routed
        self.hop: Final = hop
        self.record: Final = record
        self.marks: Final = marks
        self.swap: Final = swap


@dataclass(frozen=True, slots=True)
class Wants:
    """
    What is read of calls beyond what every verdict needs: `shows` says which are shown with their messages (rejected,
    would-reject, all; "" for none), `media` whether the keys of their media are looked for, as tokens may name them.
    """

    shows: str = ""
    media: bool = True


class Context:
    """
    The response context of one request being handled (RFC 3261 §16): its server transaction, and the client
    transaction once it has been passed on. `state` is its call, `initial` whether the request is the INVITE that began
    it, `dips` whether it only asks for the verdict, `foreign_route` whether that one names hops of its own; `origin`
    stands for it in tags and branches (b"" until asked for); `ticket` names the verdict it waits for, or with a `plan`
    that verdict's record, `asked` and `routed` what a re-INVITE is judged by and where it goes then; `flow` is the
    connection it came by; `peer` and `far` are upstream and downstream for the ladder;
    `given` is whom the request shows instead of its caller, `swap` the From or To that its responses get back;
    `grown` is how to send it by UDP, where it has gone by TCP for its length;
    `provisional` turns True when downstream has answered at all; `tries` are the next hops of a new INVITE that has
    been passed on; `advice` is the Reason that upstream is still to be told (RFC 9410).
    """

    __slots__ = (
        "advice", "armed", "asked", "cancelled", "client", "dips", "far", "flow", "foreign_route", "given", "grown",
        "initial", "listener", "origin", "peer", "plan", "provisional", "request", "routed", "server", "source",
        "state", "swap", "ticket", "tries", "trunk", "via",
    )  # fmt: skip

    def __init__(self, request: Request, source: Address, listener: int, trunk: Trunk, flow: int = 0) -> None:
        self.request = request
        self.source = source
        self.listener = listener
        self.flow = flow
        self.trunk = trunk
        self.peer = show(source)
        self.far = ""
        self.via = received_via(request.via, request.via_rest, source)
        self.origin = b""
        self.server: Machine | None = None
        self.client: Machine | None = None
        self.tries: Tries | None = None
        self.state: CallState | None = None
        self.initial = False
        self.dips = False
        self.foreign_route = False
        self.grown: Grown | None = None
        self.asked: Call | None = None
        self.routed: Routed | None = None
        self.given: Replacement | None = None
        self.swap: Swap | None = None
        self.ticket = 0
        self.plan: Plan | None = None
        self.advice = ""
        self.provisional = False
        self.cancelled = False
        self.armed: dict[str, float] = {}


class Probe:
    """The OPTIONS questions to one next hop; `client` is the transaction of one that is not answered yet."""

    __slots__ = ("armed", "client", "count", "target")

    def __init__(self, target: Target) -> None:
        self.target = target
        self.client: Machine | None = None
        self.count = 0
        self.armed: dict[str, float] = {}


class GivenUp:
    """A branch of an INVITE that was silent for too long, so that the call went on to another next hop."""

    __slots__ = ("armed", "client", "context", "target")

    def __init__(self, context: Context, client: Machine, target: Target) -> None:
        self.context = context
        self.client = client
        self.target = target
        self.armed: dict[str, float] = {}


class State:
    """
    Everything a node's proxy core keeps. `out` collects the actions of the event at hand; `hops` is where calls
    go, `probes` who asks the core side's after their health, `unplanned` whether these have changed since;
    `knocks` what strangers asked for last, `today` the local day that allocations are held against, `pressure` how
    far the node is behind (0: it keeps up), `owners` which calls are this worker's. With `durable` no verdict acts
    before its record is on disk: `pending` are the requests that wait for a verdict or its record, `refusals` the
    answers to strangers that do; `deaf` are peers that take no TCP, and until when that is believed. `wants` says what
    is read of calls beyond what every verdict needs.
    """

    __slots__ = (
        "admission", "answer_strangers", "calls", "deaf", "draining", "durable", "gate", "hops", "knocks", "limits",
        "out", "owners", "pending", "place", "pressure", "probes", "refusals", "stamp", "tally", "tickets", "today",
        "traffic",
        "transactions", "unplanned", "wants",
    )  # fmt: skip

    def __init__(
        self,
        place: Place,
        admission: Admission,
        stamp: Stamp,
        hops: Hops,
        tally: Tally,
        lengths: Lengths,
        limits: Limits,
        today: date,
        owners: Owners,
    ) -> None:
        self.owners = owners
        self.place = place
        self.admission = admission
        self.stamp = stamp
        self.hops = hops
        self.probes: dict[str, Probe] = {}
        self.unplanned = hops.terms.probe_interval > 0
        self.tally = tally
        self.limits = limits
        self.today = today
        self.out: list[Action] = []
        self.transactions = Transactions(lengths, self.transmit, place.streams)
        self.calls = Calls()
        self.traffic = Traffic()
        self.pending: dict[int, Context] = {}
        self.refusals: dict[int, list[Action]] = {}
        self.tickets = 0
        self.durable = False
        self.gate = Gate(limits.packets, limits.strangers)
        self.answer_strangers = False
        self.wants = Wants()
        self.knocks: dict[bytes, None] = {}
        self.draining = False
        self.deaf: dict[Address, float] = {}
        self.pressure = 0

    def drain(self) -> set[bytes]:
        """Take no new calls from now on; gives the Call-IDs of those in progress, and of transactions with an owner."""
        self.draining = True
        found = {call.key[0] for call in self.calls.older_than(float("inf"))}
        for table in (self.transactions.servers, self.transactions.clients):
            for machine in table.values():
                owner = machine.owner
                context = owner.context if isinstance(owner, GivenUp) else owner
                if isinstance(context, Context):
                    found.add(context.request.call_id)
        return found

    def begin(self) -> list[Action]:
        """Start collecting the actions of a new event."""
        self.out = []
        return self.out

    def knocked(self, request: Request, source: Address) -> bool:
        """Whether this request of a stranger has been here before, as nobody answers it; from now on it has."""
        knock = self.stamp.of_request(request, source[0])
        if knock in self.knocks:
            return True
        if len(self.knocks) >= MAX_KNOCKS:
            del self.knocks[next(iter(self.knocks))]
        self.knocks[knock] = None
        return False

    def count(self, kind: bytes, listener: int) -> None:
        """Count a message that was heard, by its method or the first digit of its status."""
        kinds = self.place.listeners[listener].heard
        self.tally.count[kinds.get(kind) or kinds[b""]] += 1

    def transmit(self, data: bytes, to: Address, listener: int, again: bool, flow: int = 0) -> None:
        """Send octets, counted by kind."""
        count = self.tally.count
        kind = data[8:9] if data.startswith(b"SIP/2.0 ") else data[: data.find(b" ")]
        kinds = self.place.listeners[listener].sent
        count[kinds.get(kind) or kinds[b""]] += 1
        if again:
            count["retransmissions_total",] += 1
        self.out.append(Send(data, to, listener, flow))

    def answer(
        self, context: Context, status: int, now: float, phrase: str = "", extra: tuple[bytes, ...] = ()
    ) -> None:
        """Answer a request from the node itself, through its server transaction."""
        request = context.request
        tag = b"" if status == 100 or request.to_tag else self.origin(context)
        data = build.response(request.message, context.via, status, phrase, tag, extra)
        event = arrows.PROVISIONAL if status < 200 else arrows.SUCCESS if status < 300 else arrows.FAILURE
        self.respond(context, event, status, f"{status} {phrase or build.PHRASES.get(status, '')}", data, now)

    def origin(self, context: Context) -> bytes:
        """What stands for the request of a context on both sides: its To-tag, its leg, its branch."""
        if not context.origin:
            context.origin = self.stamp.of_request(context.request, context.source[0])
        return context.origin

    def respond(self, context: Context, event: str, status: int, text: str, data: bytes, now: float) -> None:
        """Put a response on its way upstream, and on the ladder and the counts; `text` is status and phrase."""
        if context.server is not None:
            self.transactions.fire(context.server, event, now, data)
        self.tally.count["responses_total", context.trunk.id, "out", CODES[status]] += 1
        if context.state is not None:
            context.state.saw(now, "out", context.peer, text)
        if status >= 200:
            context.request.message = ANSWERED

    def answer_stateless(
        self,
        request: Request,
        source: Address,
        listener: int,
        status: int,
        extra: tuple[bytes, ...] = (),
        flow: int = 0,
    ) -> None:
        """Answer once, remembering nothing (RFC 3261 §8.2.7); the same request gets the same answer."""
        tag = b"" if request.to_tag else self.stamp.of_request(request, source[0])
        data = build.response(
            request.message, received_via(request.via, request.via_rest, source), status, "", tag, extra
        )
        self.transmit(data, self.back(request, source, listener), listener, False, flow)

    def back(self, request: Request, source: Address, listener: int) -> Address:
        """Where responses go that no connection takes."""
        return response_address(request.via, source, self.place.listeners[listener].transport)

    def shed(self, trunk: Trunk, now: float, *, in_dialog: bool, invite: bool) -> str:
        """
        Why there is no room for one more request, "" when there is (RFC 7339 §5.10.2). Calls that stand are served to
        their end; of new ones those above their trunk's share go first, and then all.
        """
        taken, room = len(self.transactions), self.limits.room(in_dialog=in_dialog)
        if taken >= room:
            return "full"
        pressed = self.pressure or taken * 2 >= room  # whoever never acknowledges must not fill the room of the others
        if not pressed or in_dialog or not invite:
            return ""
        if self.pressure > 1:
            return "overload"
        return "share" if trunk.role != "core" and self.traffic.above_share(trunk, now) else ""

    def serve(self, context: Context, key: tuple[bytes, ...], *, invite: bool) -> None:
        """Make the server transaction of a request."""
        to = self.back(context.request, context.source, context.listener)
        machine = self.transactions.serve(key, to, context.listener, invite=invite)
        machine.flow = context.flow
        machine.owner = context
        context.server = machine

    def ask(self, context: Context, call: Call) -> None:
        """Ask for the verdict on a call; the request of `context` waits for it."""
        self.tickets += 1
        context.ticket = self.tickets
        self.pending[context.ticket] = context
        self.out.append(Judge(context.ticket, call))

    def commit(self, context: Context, plan: Plan, report: Decided) -> None:
        """Have a verdict on disk before it acts; the request of `context` waits for it."""
        self.tickets += 1
        context.ticket, context.plan = self.tickets, plan
        self.pending[context.ticket] = context
        self.out.append(Commit(context.ticket, report))

    def commit_refusal(self, answers: list[Action], report: Refused) -> None:
        """Have a refusal on disk before its answers go out."""
        self.tickets += 1
        self.refusals[self.tickets] = answers
        self.out.append(Commit(self.tickets, report))

    def report(self, report: News | None) -> None:
        """Let the edge record something."""
        if report is not None:
            self.out.append(report)

    def end_call(self, state: CallState, now: float, status: int, by: EndedBy) -> None:
        """A call is over: report it, once, and forget it."""
        if self.calls.holds(state):
            self.calls.remove(state)
            self.report(state.ended(now, status, by))
            state.heard, state.ladder = [], []  # its transactions hold it for another half minute
