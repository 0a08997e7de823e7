"""OPTIONS to the next hops of the core side (RFC 3261 §11), to know how they are before a call finds out."""

from __future__ import annotations

from typing import Final

from proxy.core import failover
from proxy.core.place import TRANSPORTS, Listener, hostport
from proxy.core.state import Probe, State
from proxy.sip.response import Response
from proxy.transaction import arrows
from proxy.transaction.key import COOKIE, client_key

PROBE: Final = "probe"


def plan(state: State, now: float) -> None:
    """Ask those that are next hops now, and nobody else; the first questions are spread over one interval."""
    state.unplanned = False
    interval = state.hops.terms.probe_interval
    targets = {target.hop.text: target for target in state.hops.core.targets} if interval > 0 else {}
    known, state.probes = state.probes, {}
    for index, (text, target) in enumerate(targets.items()):
        probe = known.pop(text, None)
        if probe is None:
            probe = Probe(target)
            state.transactions.timers.arm(probe, PROBE, interval * index / len(targets), now)
        probe.target = target
        state.probes[text] = probe
    for probe in known.values():
        _forget(state, probe)
        state.transactions.timers.cancel_all(probe)


def due(state: State, probe: Probe, now: float) -> None:
    """Ask again; the question before, where it has found no answer, has failed."""
    interval = state.hops.terms.probe_interval
    state.transactions.timers.arm(probe, PROBE, interval, now)
    if probe.client is not None:
        _forget(state, probe)
        failover.failed(state, probe.target.health, "unanswered", now, now - interval)
    hop = probe.target.hop
    listener = state.place.listeners[hop.listener]
    branch = b""
    while not branch or not state.owners.owns(call_id(listener.sent_by, branch)):  # the answer has to come here
        probe.count += 1
        branch = COOKIE + b"-tw-probe-" + state.stamp.tag(b"probe", hop.mark, repr(now).encode(), b"%d" % probe.count)
    data = question(listener, hostport(*hop.address) + TRANSPORTS[hop.transport], branch, probe.count)
    key = client_key(branch, b"OPTIONS")
    probe.client = state.transactions.request(key, data, hop.address, hop.listener, now, invite=False)
    probe.client.owner = probe


def answered(state: State, probe: Probe, response: Response, event: str, now: float) -> None:
    """Take an answer: whatever it says but 503, who gives it is there."""
    if event != arrows.PROVISIONAL and probe.client is not None:
        probe.client = None
        failover.heard(state, probe.target, response, now)


def unreachable(state: State, probe: Probe, now: float) -> None:
    """A question could not even be sent."""
    if probe.client is not None:
        probe.client = None
        failover.failed(state, probe.target.health, failover.UNREACHABLE, now)


def question(listener: Listener, there: bytes, branch: bytes, count: int) -> bytes:
    """An OPTIONS to a next hop itself, from a listener; `there` is host, port and perhaps the transport of the hop."""
    own = listener.sent_by
    tag = branch.rpartition(b"-")[2]
    lines = (
        b"OPTIONS sip:%b SIP/2.0" % there,
        listener.via + branch + b";rport",
        b"From: <sip:%b>;tag=%b" % (own, tag),
        b"To: <sip:%b>" % there,
        b"Call-ID: " + call_id(own, branch),
        b"CSeq: %d OPTIONS" % count,
        b"Max-Forwards: 70",
        b"Content-Length: 0\r\n\r\n",
    )
    return b"\r\n".join(lines)


def call_id(own: bytes, branch: bytes) -> bytes:
    """The Call-ID of the question with this branch."""
    return b"%b@%b" % (branch.rpartition(b"-")[2], own.rpartition(b":")[0])


def _forget(state: State, probe: Probe) -> None:
    if probe.client is not None:
        state.transactions.forget(probe.client)
        probe.client = None
