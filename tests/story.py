"""Conversations with a proxy core: what it hears, what it sends, what it asks and reports, under a clock of their own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from proxy.call.directory import Directory, DirectoryBuilder
from proxy.call.trunk import Customer, DialPlan, Trunk
from proxy.checks.base import Answer, Finding, Verdict
from proxy.core.actions import Action, Address, Commit, Decided, Ended, HopChanged, Judge, Refused, Send
from proxy.core.admit import Admission
from proxy.core.hops import HopTerms, NextHop
from proxy.core.place import Hop, Listener, Place
from proxy.core.proxy import Network, ProxyCore
from proxy.core.state import Limits
from proxy.core.tally import Tally
from proxy.sip.message import Message, parse

TODAY = date(2026, 11, 23)
TRUNK: Address = ("127.0.0.2", 5060)
CORE: Address = ("127.0.0.1", 5080)
STRANGER: Address = ("127.0.0.9", 5060)
KEY = b"k" * 32
PASS = Verdict("pass", enforced=False, mode="block", findings=())
REJECT = Verdict(
    "reject",
    enforced=True,
    mode="block",
    findings=(Finding("caller.not_allocated", "From", "<sip:1@x>", "allocated"),),
    answer=Answer(403, "Forbidden", 'Q.850;cause=21;text="caller.not_allocated"'),
)
WOULD_REJECT = Verdict("reject", enforced=False, mode="monitor", findings=REJECT.findings, answer=REJECT.answer)
SDP = b"v=0\r\no=- 1 1 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\nm=audio 6000 RTP/AVP 8\r\n"


def directory(**changes: object) -> Directory:
    """One access trunk, acme-1, at TRUNK, with the numbers +862488880000–0099."""
    fields: dict[str, object] = {
        "id": "acme-1",
        "customer": Customer("acme", "Acme"),
        "sources": ("127.0.0.2/32", "::2/128"),
        "gateway": ("sip:127.0.0.2:5060",),
        "dial_plan": DialPlan(country="86", area="24"),
    }
    builder = DirectoryBuilder()
    builder.add_trunk(Trunk(**(fields | changes)))  # type: ignore[arg-type]
    builder.add("acme-1", "+862488880000", "+862488880099", None, None, "service", "")
    return builder.build()


def network(known: Directory | None = None, place: Place | None = None) -> Network:
    """A node with a listener on either family, one next hop at CORE, and acme-1's gateway at TRUNK."""
    listeners = [
        Listener(0, "access", "127.0.0.1", 5060, ("127.0.0.1", 5060)),
        Listener(1, "access6", "::1", 5060, ("::1", 5060)),
    ]
    core = Trunk(id="core", customer=Customer("core"), role="core", dial_plan=DialPlan())
    admission = Admission(known or directory(), core, [CORE[0]])
    return Network(place or Place(listeners), admission, hops(CORE), {"acme-1": hops(TRUNK)})


def hops(*addresses: Address) -> tuple[NextHop, ...]:
    """Next hops in the order to try."""
    return tuple(NextHop(Hop(address, 0), priority) for priority, address in enumerate(addresses))


def several(
    *core: Address, gateways: tuple[Address, ...] = (TRUNK,), probe_interval: float = 0.0, down_after: int = 3
) -> Network:
    """The same node with several next hops, or several gateways of acme-1."""
    whole = network()
    terms = HopTerms(down_after, probe_interval=probe_interval)
    return Network(whole.place, whole.admission, hops(*(core or (CORE,))), {"acme-1": hops(*gateways)}, terms)


def request(
    method: str,
    uri: str = "sip:13800138000@127.0.0.1:5060",
    *,
    via: str = "SIP/2.0/UDP 127.0.0.2:5060;branch=z9hG4bK-1",
    caller: str = '"Acme" <sip:02488880001@127.0.0.2>;tag=a',
    to: str = "<sip:13800138000@127.0.0.1>",
    call_id: str = "call-1",
    cseq: int = 1,
    hops: int | None = 70,
    fields: tuple[str, ...] = (),
    body: bytes = b"",
) -> bytes:
    """A request as a PBX sends it."""
    lines = [
        f"{method} {uri} SIP/2.0",
        f"Via: {via}",
        f"From: {caller}",
        f"To: {to}",
        f"Call-ID: {call_id}",
        f"CSeq: {cseq} {method}",
        *([] if hops is None else [f"Max-Forwards: {hops}"]),
        *fields,
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def response(sent: bytes, status: str, *, tag: str = "b", fields: tuple[str, ...] = (), routes: bool = True) -> bytes:
    """The response of a callee to a request that the proxy sent."""
    message = parse(sent)
    wanted = {"via", "from", "to", "call-id", "cseq"} | ({"record-route"} if routes else set())
    lines = [b"SIP/2.0 " + status.encode()]
    for line in message.lines:
        name = line.partition(b":")[0].strip().decode().lower()
        if name in wanted:
            tagged = name == "to" and b";tag=" not in line and not status.startswith("100")
            lines.append(line + b";tag=" + tag.encode() if tagged else line)
    lines += [field.encode() for field in fields]
    return b"\r\n".join([*lines, b"Content-Length: 0", b"", b""])


INVITE = request("INVITE", body=SDP, fields=("Contact: <sip:pbx@127.0.0.2:5060>", "Content-Type: application/sdp"))


class Story:
    """One conversation; every action of the core has to be told, and `quiet` asserts that nothing is left."""

    def __init__(
        self, net: Network | None = None, *, limits: Limits | None = None, key: bytes = KEY, durable: bool = False
    ) -> None:
        self.tally = Tally()
        self.core = ProxyCore(net or network(), key=key, tally=self.tally, today=TODAY, limits=limits, durable=durable)
        self.now = 100.0
        self.pending: list[Action] = []

    def hears(self, data: bytes, source: Address = TRUNK, listener: int = 0) -> Story:
        """A datagram arrives."""
        self.pending += self.core.receive(data, source, listener, self.now)
        return self

    def told(self, ticket: int, verdict: Verdict) -> Story:
        """The verdict arrives."""
        self.pending += self.core.judged(ticket, verdict, self.now)
        return self

    def after(self, seconds: float) -> Story:
        """Time goes by, timer by timer."""
        end = self.now + seconds
        while (due := self.core.timer_due()) is not None and due <= end:
            self.now = max(self.now, due)
            self.pending += self.core.timer(self.now)
        self.now = end
        return self

    def sends(self, start: str, to: Address | None = None) -> bytes:
        """The next action puts a message on the wire whose first line starts so; returns its octets."""
        action = self._next()
        assert isinstance(action, Send), f"expected {start!r} to be sent, got {action!r}"
        first = action.data.partition(b"\r\n")[0].decode()
        assert first.startswith(start), f"expected {start!r}, sent {first!r}"
        assert to is None or action.to == to, f"{first!r} went to {action.to}, not {to}"
        return action.data

    def asks(self) -> Judge:
        """The next action asks for a verdict."""
        action = self._next()
        assert isinstance(action, Judge), f"expected a question, got {action!r}"
        return action

    def commits(self) -> Commit:
        """The next action wants a record on disk."""
        action = self._next()
        assert isinstance(action, Commit), f"expected a record to be kept, got {action!r}"
        return action

    def recorded(self, ticket: int) -> Story:
        """The record is on disk."""
        self.pending += self.core.recorded(ticket, self.now)
        return self

    def decides(self) -> Decided:
        """The next action reports a verdict."""
        action = self._next()
        assert isinstance(action, Decided), f"expected a verdict's report, got {action!r}"
        return action

    def ends(self) -> Ended:
        """The next action reports the end of a call."""
        action = self._next()
        assert isinstance(action, Ended), f"expected the report of an end, got {action!r}"
        return action

    def refuses(self) -> Refused:
        """The next action reports a refused stranger."""
        action = self._next()
        assert isinstance(action, Refused), f"expected a refusal's report, got {action!r}"
        return action

    def hop_changes(self) -> HopChanged:
        """The next action reports that a next hop is down, or up again."""
        action = self._next()
        assert isinstance(action, HopChanged), f"expected the news of a next hop, got {action!r}"
        return action

    def drop(self, start: str) -> int:
        """Forget all that has happened; returns how many messages were sent whose first line starts so."""
        sent = [action.data for action in self.pending if isinstance(action, Send)]
        self.pending.clear()
        return sum(data.startswith(start.encode()) for data in sent)

    def quiet(self) -> Story:
        """Nothing else has happened."""
        assert not self.pending, self.pending
        return self

    def forgotten(self) -> Story:
        """Nothing is kept: no transaction, no timer, no call."""
        self.quiet()
        assert self.core.transactions == 0
        assert self.core.timer_due() is None or not len(self.core._state.transactions.timers)
        assert not any(self.core.active_calls.values())
        return self

    def passes(self, invite: bytes, source: Address = TRUNK) -> bytes:
        """An INVITE is heard and passed on; returns what the callee gets."""
        ticket = self.hears(invite, source).trying().asks().ticket
        self.told(ticket, PASS)
        sent = self.sends("INVITE")
        self.decides()
        return sent

    def trying(self) -> Story:
        """100 Trying is sent."""
        self.sends("SIP/2.0 100")
        return self

    def _next(self) -> Action:
        assert self.pending, "nothing more happened"
        return self.pending.pop(0)


def field(data: bytes, name: str) -> list[str]:
    """The values of every field of that name, as text."""
    message: Message = parse(data)
    prefix = name.lower().encode() + b":"
    return [line.partition(b":")[2].strip().decode() for line in message.lines if line.lower().startswith(prefix)]


def counted(tally: Tally) -> Mapping[tuple[str, ...], int]:
    """The counters that are not zero."""
    return {key: value for key, value in tally.count.items() if value}


def in_dialog(method: str, answer: bytes, *, cseq: int = 2, branch: str = "z9hG4bK-2", routes: bool = True) -> bytes:
    """A request of the caller after the callee's answer."""
    route = tuple(f"Route: {value}" for value in reversed(field(answer, "Record-Route"))) if routes else ()
    uri = "sip:callee@127.0.0.1:5080" if routes else "sip:13800138000@127.0.0.1:5060"
    return request(
        method,
        uri,
        via=f"SIP/2.0/UDP 127.0.0.2:5060;branch={branch}",
        to=field(answer, "To")[0],
        cseq=cseq,
        fields=route,
    )


def answered(story: Story) -> bytes:
    """A call is set up; returns the 200 as the caller gets it."""
    sent = story.passes(INVITE)
    story.hears(response(sent, "180 Ringing"), CORE)
    story.sends("SIP/2.0 180", TRUNK)
    story.hears(response(sent, "200 OK", fields=("Contact: <sip:callee@127.0.0.1:5080>",)), CORE)
    return story.sends("SIP/2.0 200", TRUNK)
