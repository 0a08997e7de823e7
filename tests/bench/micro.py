"""What the parts of one call cost, in this process, without peers: CPU time by `process_time_ns`."""

from __future__ import annotations

import gc
from collections.abc import Callable
from time import process_time_ns

from proxy.call.directory import DirectoryBuilder
from proxy.call.trunk import Customer, DialPlan, Trunk
from proxy.core.actions import Address, Judge, Send
from proxy.core.proxy import ProxyCore
from proxy.core.tally import Tally
from proxy.sip.message import parse
from tests.bench.contenders import allocated
from tests.story import CORE, KEY, PASS, SDP, TODAY, TRUNK, network, request, response

CALLS = 2_000
REPEAT = 5
CALL = "a call through the core: 6 messages heard, verdict given"

Heard = tuple[bytes, Address]


def measure() -> dict[str, float]:
    """Return µs by row: the best of some repetitions, for noise only ever adds."""
    numbers = list(allocated())
    builder = DirectoryBuilder()
    builder.add_trunk(Trunk("acme-1", Customer("acme"), sources=("127.0.0.2/32",), dial_plan=DialPlan(area="24")))
    for number in numbers:
        builder.add("acme-1", number, number, None, None, "", "")
    known = builder.build()
    some = numbers[:: len(numbers) // CALLS]
    invites = [_invite(index, number) for index, number in enumerate(some)]
    heard = [each for invite in invites for each in _conversation(_core(), invite)]
    return {
        "parse an INVITE": _best(lambda: [parse(invite) for invite in invites], len(invites)),
        "look a number up among 1,000,000": _best(
            lambda: [known.allocated("acme-1", number, TODAY) for number in some], len(some)
        ),
        CALL: _best(lambda: _replay(_core(), heard), len(invites)),
    }


def _best(work: Callable[[], object], count: int) -> float:
    found = []
    for _ in range(REPEAT):
        gc.collect()
        began = process_time_ns()
        work()
        found.append((process_time_ns() - began) / count / 1000)
    return round(min(found), 2)


def _core() -> ProxyCore:
    return ProxyCore(network(), key=KEY, tally=Tally(), today=TODAY)


def _invite(index: int, number: str) -> bytes:
    fields = (
        "Contact: <sip:pbx@127.0.0.2:5060>",
        f"P-Asserted-Identity: <sip:{number}@127.0.0.2>",
        "Content-Type: application/sdp",
    )
    via = f"SIP/2.0/UDP 127.0.0.2:5060;branch=z9hG4bK-{index};rport"
    caller = f"<sip:{number}@127.0.0.2>;tag=a"
    return request("INVITE", via=via, caller=caller, call_id=f"{index}@bench", fields=fields, body=SDP)


def _conversation(core: ProxyCore, invite: bytes) -> list[Heard]:
    """
    Hold one call from INVITE to BYE and return what the core heard.

    Branches and tags follow from key and request, so another core with the same key can hear the same again.
    """
    heard: list[Heard] = []

    def hear(data: bytes, source: Address) -> list[bytes]:
        heard.append((data, source))
        return _react(core, data, source)

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
        via=lines[b"Via"].decode().partition(": ")[2].replace(";rport", f"-{method};rport", 1),
        caller=lines[b"From"].decode().partition(": ")[2],
        to=lines[b"To"].decode().partition(": ")[2],
        call_id=lines[b"Call-ID"].decode().partition(": ")[2],
        cseq=cseq,
        fields=tuple("Route:" + route.decode().partition(":")[2] for route in reversed(routes)),
    )


def _react(core: ProxyCore, data: bytes, source: Address, now: float = 100.0) -> list[bytes]:
    """Do what the node does with one datagram; returns what would be sent."""
    sent = []
    actions = core.receive(data, source, 0, now)
    for action in actions:
        if isinstance(action, Judge):
            sent += [each.data for each in core.judged(action.ticket, PASS, now) if isinstance(each, Send)]
        elif isinstance(action, Send):
            sent.append(action.data)
    return sent


def _replay(core: ProxyCore, heard: list[Heard]) -> None:
    for data, source in heard:
        _react(core, data, source)
