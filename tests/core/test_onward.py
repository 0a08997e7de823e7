"""Requests that outgrow UDP go by TCP, and by UDP after all where nobody takes that (RFC 3261 §18.1.1)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxy.core.hops import NextHop
from proxy.core.onward import DEAF_SECONDS, LARGE
from proxy.core.place import Hop, Listener, Place
from proxy.core.proxy import Network
from tests.story import CORE, INVITE, PASS, SDP, TRUNK, Story, field, network, request, response

HERE = ("127.0.0.1", 5060)
BOTH = [Listener(0, "udp", *HERE, HERE), Listener(1, "tcp", *HERE, HERE, "tcp")]
LONG = request("INVITE", body=SDP * 12, fields=("Contact: <sip:pbx@127.0.0.2:5060>", "Content-Type: application/sdp"))


def net(hop: Hop | None = None) -> Network:
    return replace(network(place=Place(BOTH)), next_hops=(NextHop(hop or Hop(CORE, 0)),))


def judged(story: Story, data: bytes = LONG, listener: int = 0, flow: int = 0) -> Story:
    story.pending += story.core.receive(data, TRUNK, listener, story.now, flow)
    story.trying()
    return story.told(story.asks().ticket, PASS)


def sent(story: Story, method: str = "INVITE") -> tuple[bytes, int]:
    """The request that is sent next, and the listener that it leaves from."""
    listener = getattr(story.pending[0], "listener", -1)
    return story.sends(method, CORE), listener


def test_a_long_request_goes_by_tcp() -> None:
    assert len(LONG) > LARGE
    data, listener = sent(judged(Story(net())))
    assert listener == 1
    assert field(data, "Via")[0].startswith("SIP/2.0/TCP 127.0.0.1:5060;")
    assert [value.partition(";lr")[0] for value in field(data, "Record-Route")] == [
        "<sip:127.0.0.1:5060;transport=tcp",
        "<sip:127.0.0.1:5060",
    ]
    short = judged(Story(net()), INVITE)
    assert sent(short)[1] == 0


@pytest.mark.parametrize("fixed", [True, False])
def test_udp_stays_where_it_is_asked_for_or_there_is_nothing_else(fixed: bool) -> None:
    story = Story(net(Hop(CORE, 0, fixed=True)) if fixed else None)
    assert sent(judged(story))[1] == 0


def test_where_nobody_takes_tcp_it_goes_by_udp_for_a_while() -> None:
    story = judged(Story(net()))
    data, _ = sent(story)
    story.decides()
    story.pending += story.core.unreachable(data, story.now)
    again, listener = sent(story)
    assert listener == 0
    assert field(again, "Via")[0].startswith("SIP/2.0/UDP ")
    assert len(field(again, "Record-Route")) == 1
    assert field(again, "Via")[0].partition("branch=")[2] == field(data, "Via")[0].partition("branch=")[2]
    story.hears(response(again, "486 Busy Here"), CORE)
    story.sends("ACK", CORE)
    story.sends("SIP/2.0 486")
    story.ends()
    story.hears(request("ACK", to=field(response(again, "486"), "To")[0]))
    story.drop("")
    other = LONG.replace(b"z9hG4bK-1", b"z9hG4bK-9").replace(b"call-1", b"call-9")
    assert sent(judged(story, other))[1] == 0
    story.decides()
    story.drop("")
    story.now += DEAF_SECONDS
    third = LONG.replace(b"z9hG4bK-1", b"z9hG4bK-8").replace(b"call-1", b"call-8")
    assert sent(judged(story, third))[1] == 1
