"""Sending, answering and rationing."""

from __future__ import annotations

import pytest

from proxy.sip.message import parse
from proxy.sip.request import Request
from tests.story import STRANGER, Story, request


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (request("INVITE"), "INVITE"),
        (request("FOO"), "other"),
        (b"SIP/2.0 180 Ringing\r\n\r\n", "1xx"),
        (b"SIP/2.0 603 Decline\r\n\r\n", "6xx"),
    ],
)
def test_messages_are_counted_by_kind(data: bytes, kind: str) -> None:
    story = Story()
    story.hears(data)

    assert story.tally.count["messages_total", "in", "udp", kind] == 1


def test_a_request_of_a_stranger_is_known_by_what_retransmissions_have_in_common() -> None:
    state = Story().core._state
    asked = Request(parse(request("OPTIONS")))
    assert [state.knocked(asked, STRANGER), state.knocked(asked, STRANGER)] == [False, True]
    assert not state.knocked(asked, ("127.0.0.8", 5060))
