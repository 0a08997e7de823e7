"""Connections as the core sees them: nothing repeated, answers by the connection, requests that go once more, names."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from proxy.core.actions import Address, Send
from proxy.core.hops import NextHop
from proxy.core.place import Hop, Listener, Place
from proxy.core.proxy import Network
from proxy.sip.errors import ParseError
from proxy.sip.frame import Frames
from tests.story import (
    CORE,
    INVITE,
    PASS,
    STRANGER,
    Story,
    directory,
    field,
    in_dialog,
    network,
    request,
    response,
)

HERE = ("127.0.0.1", 5060)
SECURE = ("127.0.0.1", 5061)
LISTENERS = [
    Listener(0, "udp", *HERE, HERE),
    Listener(1, "tcp", *HERE, HERE, "tcp"),
    Listener(2, "tls", *SECURE, SECURE, "tls"),
]
BY_TCP = INVITE.replace(b"SIP/2.0/UDP", b"SIP/2.0/TCP").replace(
    b"pbx@127.0.0.2:5060", b"pbx@127.0.0.2:5099;transport=tcp"
)
PBX: Address = ("127.0.0.2", 41000)
FLOW = 256
LENGTH = re.compile(rb"Content-Length:[^\r]*\r\n")


def net(transport: str = "udp", *more: Address, **trunk: object) -> Network:
    index = ("udp", "tcp", "tls").index(transport)
    hops = tuple(NextHop(Hop(to, index, transport), place) for place, to in enumerate((CORE, *more)))
    return replace(network(directory(**trunk), place=Place(LISTENERS)), next_hops=hops)


class Streams(Story):
    """A conversation over connections."""

    def by(
        self, data: bytes, source: Address = PBX, flow: int = FLOW, listener: int = 1, names: tuple[str, ...] = ()
    ) -> Streams:
        self.pending += self.core.receive(data, source, listener, self.now, flow, names)
        return self

    def send(self, start: str) -> Send:
        action = self.pending[0]
        self.sends(start)
        assert isinstance(action, Send)
        return action

    def called(self, data: bytes = BY_TCP) -> Send:
        """A call is set up as far as its INVITE downstream."""
        self.by(data).trying()
        self.told(self.asks().ticket, PASS)
        sent = self.send("INVITE")
        self.decides()
        return sent


def test_answers_take_the_connection_and_name_the_port_of_via() -> None:
    story = Streams(net())
    story.by(BY_TCP)
    trying = story.send("SIP/2.0 100")
    assert (trying.flow, trying.listener, trying.to) == (FLOW, 1, ("127.0.0.2", 5060))
    story.told(story.asks().ticket, PASS)
    sent = story.send("INVITE")
    assert (sent.listener, sent.flow, sent.to) == (0, 0, CORE)
    assert [value.partition(";lr")[0] for value in field(sent.data, "Record-Route")] == [
        "<sip:127.0.0.1:5060",
        "<sip:127.0.0.1:5060;transport=tcp",
    ]


@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_nothing_is_repeated_and_nothing_kept_for_repetitions(transport: str) -> None:
    story = Streams(net(transport))
    sent = story.called()
    assert field(sent.data, "Via")[0].startswith(f"SIP/2.0/{transport.upper()} ")
    story.after(8.0).quiet()
    story.by(response(sent.data, "486 Busy Here"), CORE, 512, sent.listener)
    assert story.send("ACK").to == CORE
    refused = story.send("SIP/2.0 486")
    story.ends()
    story.after(8.0).quiet()  # timer G is off
    ack = BY_TCP.replace(b"INVITE", b"ACK").replace(
        b"To: <sip:13800138000@127.0.0.1>", b"To: " + field(refused.data, "To")[0].encode()
    )
    story.by(ack)
    assert story.core.transactions == 0  # D and I are zero


def test_a_datagram_without_a_length_gets_one_on_a_stream() -> None:
    """Else the next hop reads its body as a message of its own: a call that nobody has looked at."""
    smuggled = request("INVITE", caller="<sip:110@h>;tag=x")
    plain = LENGTH.sub(b"", INVITE.partition(b"\r\n\r\n")[0] + b"\r\n") + b"\r\n" + smuggled
    story = Streams(net("tcp"))
    story.hears(plain, ("127.0.0.2", 5060)).trying()
    story.told(story.asks().ticket, PASS)
    sent = story.send("INVITE").data
    assert Frames().feed(sent) == [sent]
    assert sent.endswith(smuggled)


def test_a_response_without_a_length_gets_one_on_a_stream() -> None:
    story = Streams(net())
    sent = story.called()
    story.hears(LENGTH.sub(b"", response(sent.data, "180 Ringing")), CORE)
    passed = story.send("SIP/2.0 180").data
    assert Frames().feed(passed) == [passed]


def test_a_request_goes_once_more_when_its_connection_is_gone() -> None:
    story = Streams(net("tcp", ("127.0.0.1", 5090)))
    sent = story.called()
    story.pending += story.core.lost(512, CORE, 0, story.now)
    story.quiet()  # that was another listener's
    story.pending += story.core.lost(512, CORE, 1, story.now)
    assert story.send("INVITE").data == sent.data
    story.pending += story.core.lost(768, CORE, 1, story.now)
    assert story.send("INVITE").to == ("127.0.0.1", 5090)


def test_a_next_hop_without_tcp_has_its_time_by_udp() -> None:
    """To find out that nobody takes the connection takes 1.5 s, of the 2.0 s that a silent next hop has."""
    story = Streams(net("udp", ("127.0.0.1", 5090)))
    story.hears(INVITE.replace(b"Call-ID", b"X-Long: " + b"a" * 1400 + b"\r\nCall-ID", 1), ("127.0.0.2", 5060)).trying()
    story.told(story.asks().ticket, PASS)
    sent = story.send("INVITE")
    story.decides()
    story.after(1.5).quiet()
    story.pending += story.core.unreachable(sent.data, story.now)
    again = story.send("INVITE")
    assert [(each.listener, each.to) for each in (sent, again)] == [(1, CORE), (0, CORE)]
    story.after(0.6)
    assert story.send("INVITE").to == CORE  # repeated, as over UDP
    story.after(0.8).quiet()
    story.after(0.7)
    assert story.send("INVITE").to == CORE
    assert story.send("INVITE").to == ("127.0.0.1", 5090)


def test_what_rings_is_not_sent_again() -> None:
    story = Streams(net("tcp"))
    sent = story.called()
    story.by(response(sent.data, "180 Ringing"), CORE, 512)
    story.sends("SIP/2.0 180")
    story.pending += story.core.lost(512, CORE, 1, story.now)
    story.quiet()


def test_requests_of_the_callee_go_to_the_caller_by_its_connection() -> None:
    story = Streams(net())
    sent = story.called()
    story.hears(response(sent.data, "200 OK", fields=("Contact: <sip:callee@127.0.0.1:5080>",)), CORE)
    answer = story.send("SIP/2.0 200")
    routes = tuple(f"Route: {value}" for value in field(answer.data, "Record-Route"))
    bye = request(
        "BYE", "sip:pbx@127.0.0.2:5099;transport=tcp", via="SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK-b", fields=routes,
        caller=field(answer.data, "To")[0], to=field(answer.data, "From")[0],
    )  # fmt: skip
    story.hears(bye, CORE)
    passed = story.send("BYE")
    assert (passed.listener, passed.flow, passed.to) == (1, FLOW, ("127.0.0.2", 5099))
    assert field(passed.data, "Route") == []
    assert field(passed.data, "Via")[0].startswith("SIP/2.0/TCP ")


def test_requests_of_the_caller_leave_by_the_other_side() -> None:
    story = Streams(net())
    sent = story.called()
    story.hears(response(sent.data, "200 OK", fields=("Contact: <sip:callee@127.0.0.1:5080>",)), CORE)
    bye = in_dialog("BYE", story.send("SIP/2.0 200").data).replace(b"SIP/2.0/UDP", b"SIP/2.0/TCP")
    story.by(bye)
    passed = story.send("BYE")
    assert (passed.listener, passed.to, field(passed.data, "Route")) == (0, CORE, [])


def test_a_certificate_counts_before_the_address() -> None:
    story = Streams(net(tls_names=("pbx.example",), sources=()))
    story.by(INVITE, STRANGER, names=("other.example", "PBX.example"), listener=2)
    story.sends("SIP/2.0 100")
    assert story.asks().call.trunk.id == "acme-1"
    assert story.core.knows(STRANGER[0], ("pbx.example",))
    assert not story.core.knows(STRANGER[0], ("other.example",))
    story = Streams(net(tls_names=("pbx.example",), sources=()))
    story.by(INVITE, STRANGER, names=("other.example",), listener=2).refuses()
    story.by(INVITE.replace(b"call-1", b"call-2"), CORE, names=("pbx.example",), listener=2)
    story.sends("SIP/2.0 100")
    assert story.asks().call.trunk.id == "acme-1"


@pytest.mark.parametrize(("source", "answered"), [(PBX, True), (STRANGER, False)])
def test_what_cannot_be_cut_is_answered_where_that_can_be(source: Address, answered: bool) -> None:
    story = Streams(net())
    head = BY_TCP.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    fault = ParseError("content_length", "Missing Content-Length header field")
    story.pending += story.core.unframed(head.replace(b"Content-Length", b"Subject"), fault, source, 1, FLOW)
    if answered:
        assert story.send("SIP/2.0 400 Missing Content-Length header field").flow == FLOW
    story.quiet()
    story.pending += story.core.unframed(b"", ParseError("start_line", "Malformed start line", 0), source, 1, FLOW)
    story.quiet()
    assert story.tally.count["parse_errors_total", "content_length"] == 1


def test_messages_are_counted_by_transport() -> None:
    story = Streams(net())
    story.by(BY_TCP).drop("")
    assert story.tally.count["messages_total", "in", "tcp", "INVITE"] == 1
    assert story.tally.count["messages_total", "out", "tcp", "1xx"] == 1
