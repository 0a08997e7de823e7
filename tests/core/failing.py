"""Next hops that fail, for stories: two of them, and the ways in which the first one lets a call down."""

from __future__ import annotations

from proxy.core.actions import Address
from tests.story import CORE, INVITE, Story, response, several

SECOND: Address = ("127.0.0.5", 5080)
THIRD: Address = ("127.0.0.6", 5080)
UNAVAILABLE = "503 Service Unavailable"


def two(**more: object) -> Story:
    return Story(several(CORE, SECOND, **more))  # type: ignore[arg-type]


def unavailable(story: Story, sent: bytes, to: Address, *fields: str) -> None:
    """The hop answers 503 and hears its ACK."""
    story.hears(response(sent, UNAVAILABLE, fields=fields), to).sends("ACK", to)


def unreachable(story: Story, sent: bytes, to: Address) -> None:
    story.pending += story.core.unreachable(sent, story.now)


def silence(story: Story, sent: bytes, to: Address) -> None:
    story.after(0.5).sends("INVITE", to)
    story.after(1.0).sends("INVITE", to)
    story.after(0.5)


def given_up(story: Story) -> tuple[bytes, bytes]:
    """The first hop has been silent, the second has the call; what each was sent."""
    first = story.passes(INVITE)
    silence(story, first, CORE)
    return first, story.sends("INVITE", SECOND)


def another(number: int) -> bytes:
    return INVITE.replace(b"call-1", b"call-%d" % number).replace(b"z9hG4bK-1", b"z9hG4bK-%d" % number)
