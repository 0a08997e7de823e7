"""What the parts of one call cost, in this process, without peers: CPU time by `process_time_ns`."""

from __future__ import annotations

import gc
from collections.abc import Callable
from time import process_time_ns

from proxy.call.directory import Directory, DirectoryBuilder
from proxy.call.model import Call
from proxy.call.trunk import Customer, DialPlan, Trunk
from proxy.checks import verdict
from proxy.checks.base import Facts, Verdict
from proxy.checks.policy import effective
from proxy.core.actions import Action, Address, Judge, Report, Send
from proxy.core.proxy import ProxyCore
from proxy.core.state import Limits
from proxy.core.tally import Tally
from proxy.demo import signers
from proxy.observe.chain import GENESIS, Chain
from proxy.observe.record import line_of
from proxy.sip.message import parse
from stirshaken import passport, verify
from stirshaken.certificate import load_anchors, load_chain, validate
from stirshaken.claims import SignedCall
from stirshaken.numbers import Identifier
from stirshaken.sign import Signer
from tests.bench.contenders import allocated
from tests.story import CORE, KEY, SDP, TODAY, TRUNK, network, request, response

CALLS = 2_000
UNLIMITED = Limits(packets=1_000_000)  # all of it happens at one instant
NOW = 1_800_000_000.0
REPEAT = 5
POLICY = effective({}, {})

Heard = tuple[bytes, Address]


class Bench:
    """A proxy core over 1,000,000 numbers, what it judged and what it reported."""

    def __init__(self, known: Directory) -> None:
        self.facts = Facts(known, TODAY)
        self.core = ProxyCore(network(known), key=KEY, tally=Tally(), today=TODAY, limits=UNLIMITED)
        self.calls: list[Call] = []
        self.reports: list[Report] = []

    def judge(self, call: Call) -> Verdict:
        """Judge as the node does."""
        return verdict.judge(call, self.facts, POLICY, "block")

    def hear(self, data: bytes, source: Address, now: float = 100.0) -> list[bytes]:
        """Do what the node does with one datagram; returns what would be sent."""
        sent: list[bytes] = []
        for action in self.core.receive(data, source, 0, now):
            if isinstance(action, Judge):
                self.calls.append(action.call)
                self._take(self.core.judged(action.ticket, self.judge(action.call), now), sent)
            else:
                self._take([action], sent)
        return sent

    def _take(self, actions: list[Action], sent: list[bytes]) -> None:
        for action in actions:
            if isinstance(action, Send):
                sent.append(action.data)
            elif not isinstance(action, Judge):
                self.reports.append(action)


def measure() -> dict[str, float]:
    """
    Return µs by row: the best of some repetitions, for noise only ever adds.

    The collector is off meanwhile; a running node has it look so seldom that it does not show.
    """
    numbers = list(allocated())
    known = _directory(numbers)
    some = numbers[:: len(numbers) // CALLS]
    invites = [_invite(index, number) for index, number in enumerate(some)]
    held = Bench(known)
    heard = [each for invite in invites for each in _conversation(held, invite)]
    rows: dict[str, Callable[[], object]] = {
        "parse an INVITE": lambda: [parse(invite) for invite in invites],
        "look a number up among 1,000,000": lambda: [known.allocated("acme-1", number, TODAY) for number in some],
        "judge a call: all checks": lambda: [held.judge(call) for call in held.calls],
        "a call through the core, judged: 6 messages heard": lambda: _replay(Bench(known), heard),
        "the two records of a call as chained lines": lambda: _records(held.reports),
        **_identities(len(invites)),
    }
    gc.disable()
    try:
        return {name: _best(work, len(invites)) for name, work in rows.items()}
    finally:
        gc.enable()


def _identities(count: int) -> dict[str, Callable[[], object]]:
    """Signing and verification by the library alone: a token of its own for each call, the chain judged before."""
    made = signers.make(NOW)
    chain = validate(load_chain(made.pages[signers.GOOD]), load_anchors(made.anchors), NOW)
    url = f"https://cert.example.net{signers.GOOD}"
    signer = Signer(made.key, url)
    called = Identifier("tn", "8613900139000")
    callers = [Identifier("tn", f"86242{index:08}") for index in range(count)]
    values = [signer.shaken(each, [called], "A", signers.ORIGID, NOW).encode() for each in callers]
    pairs = [(SignedCall(each, (called,)), [value]) for each, value in zip(callers, values, strict=True)]
    key, tokens = made.key.public_key(), [passport.decode(value.partition(b";")[0]) for value in values]
    return {
        "verify an Identity: the library, whole": lambda: [
            verify.verify(call, verify.read(value), {url: chain}, NOW) for call, value in pairs
        ],
        "  of it, the ECDSA check": lambda: [
            passport.verify_signature(key, each.signing_input, each.signature) for each in tokens
        ],
        "sign an Identity: the library, whole": lambda: [
            signer.shaken(each, [called], "A", signers.ORIGID, NOW) for each in callers
        ],
    }


def _directory(numbers: list[str]) -> Directory:
    plan = DialPlan(area="24")
    builder = DirectoryBuilder()
    builder.add_trunk(Trunk("acme-1", Customer("acme"), sources=("127.0.0.2/32",), dial_plan=plan))
    for number in numbers:
        builder.add("acme-1", number, number, None, None, "", "")
    return builder.build()


def _records(reports: list[Report]) -> None:
    chain = Chain(0, GENESIS)
    for report in reports:
        chain.line(line_of(report, "bench", "2026-11-23T20:15:00.123Z"))


def _best(work: Callable[[], object], count: int) -> float:
    found = []
    for _ in range(REPEAT):
        gc.collect()
        began = process_time_ns()
        work()
        found.append((process_time_ns() - began) / count / 1000)
    return round(min(found), 2)


def _invite(index: int, number: str) -> bytes:
    fields = (
        "Contact: <sip:pbx@127.0.0.2:5060>",
        f"P-Asserted-Identity: <sip:{number}@127.0.0.2>",
        "Content-Type: application/sdp",
    )
    via = f"SIP/2.0/UDP 127.0.0.2:5060;branch=z9hG4bK-{index};rport"
    caller = f"<sip:{number}@127.0.0.2>;tag=a"
    return request("INVITE", via=via, caller=caller, call_id=f"{index}@bench", fields=fields, body=SDP)


def _conversation(held: Bench, invite: bytes) -> list[Heard]:
    """
    Hold one call from INVITE to BYE and return what the core heard.

    Branches and tags follow from key and request, so another core with the same key can hear the same again.
    """
    heard: list[Heard] = []

    def hear(data: bytes, source: Address) -> list[bytes]:
        heard.append((data, source))
        return held.hear(data, source)

    passed = hear(invite, TRUNK)[-1]
    hear(response(passed, "180 Ringing"), CORE)
    answer = hear(response(passed, "200 OK", fields=("Contact: <sip:callee@127.0.0.1:5080>",)), CORE)[-1]
    route = [line for line in answer.split(b"\r\n") if line.lower().startswith(b"record-route:")]
    hear(_within(answer, route, "ACK", 1), TRUNK)
    bye = hear(_within(answer, route, "BYE", 2), TRUNK)[-1]
    hear(response(bye, "200 OK"), CORE)
    return heard


def _within(answer: bytes, routes: list[bytes], method: str, cseq: int) -> bytes:
    lines = {line.partition(b":")[0]: line for line in answer.split(b"\r\n") if b":" in line}
    return request(
        method,
        "sip:callee@127.0.0.1:5080",
        via=lines[b"Via"].decode().partition(": ")[2].partition(";rport")[0] + f"-{method};rport",
        caller=lines[b"From"].decode().partition(": ")[2],
        to=lines[b"To"].decode().partition(": ")[2],
        call_id=lines[b"Call-ID"].decode().partition(": ")[2],
        cseq=cseq,
        fields=tuple("Route:" + route.decode().partition(":")[2] for route in reversed(routes)),
    )


def _replay(held: Bench, heard: list[Heard]) -> None:
    for data, source in heard:
        held.hear(data, source)
