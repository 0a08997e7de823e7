"""What can be wrong with received octets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from proxy.sip.message import Message

BAD_REQUEST: Final = 400
URI_TOO_LONG: Final = 414
UNSUPPORTED_URI_SCHEME: Final = 416
VERSION_NOT_SUPPORTED: Final = 505
MESSAGE_TOO_LARGE: Final = 513


class ParseError(Exception):
    """
    Octets that are no acceptable SIP message.

    `kind` is a short stable word (a metric label), `reason` names the fault in ASCII without quoting
    the peer's octets (it becomes the reason phrase), `status` the SIP status that answers it, and
    `message` what could be read of the message, None where not even a start line was found.
    """

    def __init__(self, kind: str, reason: str, status: int = BAD_REQUEST, message: Message | None = None) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason
        self.status = status
        self.message = message
