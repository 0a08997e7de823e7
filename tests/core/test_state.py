"""Sending, answering and rationing."""

from __future__ import annotations

import pytest

from proxy.core.state import Limits
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


def test_refusals_are_rationed_by_the_second() -> None:
    story = Story(limits=Limits(refusals=2))
    for seconds in (0.0, 0.0, 0.0, 1.1):
        story.after(seconds).hears(request("OPTIONS"), STRANGER)

    assert story.drop("SIP/2.0 403") == 3
