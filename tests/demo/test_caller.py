"""The phone that calls, against the phone that answers, and against peers that refuse or lose messages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from proxy.demo import callee, caller
from proxy.demo.caller import Attempt, Ending
from proxy.demo.wire import Heard, read, write

COPIED = ("Via", "From", "To", "Call-ID", "CSeq")


class Peer(asyncio.DatagramProtocol):
    """A socket that answers by a rule and remembers the requests."""

    def __init__(self, rule: Callable[[Heard, int], str]) -> None:
        self.rule = rule
        self.heard: list[Heard] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        request = read(data)
        assert request is not None
        before = sum(each.method == request.method for each in self.heard)
        self.heard.append(request)
        if status := self.rule(request, before):
            fields = [(name, value) for name in COPIED for value in request.every(name)]
            self.transport.sendto(write(f"SIP/2.0 {status}", [*fields, ("Reason", "Q.850;cause=21")]), addr)


async def call(rule: Callable[[Heard, int], str], patience: float = 60) -> tuple[Ending, list[Heard]]:
    loop = asyncio.get_running_loop()
    transport, peer = await loop.create_datagram_endpoint(lambda: Peer(rule), local_addr=("127.0.0.1", 0))
    phone = await caller.phone("127.0.0.2", transport.get_extra_info("sockname"), patience)
    try:
        ending = await phone.place(Attempt("c", '"10086" <sip:1@x>', "2", (("Diversion", "<sip:3@x>"),)))
        await asyncio.sleep(0.05)  # the last ACK is on its way
        return ending, peer.heard
    finally:
        phone.close()
        transport.close()


def test_a_call_is_answered() -> None:
    async def scene() -> tuple[list[Ending], int]:
        answering = await callee.listen("127.0.0.1")
        host, _, port = answering.address.partition(":")
        phone = await caller.phone("127.0.0.2", (host, int(port)))
        try:
            assert await phone.greet("hello") == 200
            calls = [Attempt(f"c{number}", "<sip:1@x>", "2") for number in range(3)]
            return list(await asyncio.gather(*map(phone.place, calls))), answering.heard
        finally:
            phone.close()
            answering.close()

    assert asyncio.run(scene()) == ([Ending(200, "OK")] * 3, 3)


def test_a_refusal_is_acknowledged_in_its_transaction() -> None:
    ending, heard = asyncio.run(call(lambda request, before: "403 No" if request.method == "INVITE" else ""))
    assert ending == Ending(403, "No", "Q.850;cause=21")
    invite, ack = heard
    assert (invite.method, ack.method) == ("INVITE", "ACK")
    assert ack.first("Via") == invite.first("Via")
    assert invite.first("From") == '"10086" <sip:1@x>;tag=caller'
    assert invite.first("Diversion") == "<sip:3@x>"


def test_a_lost_request_is_sent_again() -> None:
    lost_once = asyncio.run(
        call(lambda request, before: "486 Busy" if before == 1 and request.method == "INVITE" else "")
    )
    ending, heard = lost_once
    assert ending.status == 486
    assert [each.method for each in heard] == ["INVITE", "INVITE", "ACK"]
    assert heard[0] == heard[1]


def test_a_call_follows_the_route_it_was_shown() -> None:
    def rule(request: Heard, before: int) -> str:
        fields = "\r\nRecord-Route: <sip:first;lr>\r\nRecord-Route: <sip:second;lr>\r\nContact: <sip:me@there>"
        return {"INVITE": f"200 OK{fields}", "BYE": "200 OK"}.get(request.method, "")

    ending, heard = asyncio.run(call(rule))
    assert ending.status == 200
    assert [each.method for each in heard] == ["INVITE", "ACK", "BYE"]
    for each in heard[1:]:
        assert each.start == f"{each.method} sip:me@there SIP/2.0"
        assert each.every("Route") == ["<sip:second;lr>", "<sip:first;lr>"]


def test_silence_ends_the_call() -> None:
    ending, heard = asyncio.run(call(lambda request, before: "", patience=0.1))
    assert ending.status == 408
    assert {each.method for each in heard} == {"INVITE"}
