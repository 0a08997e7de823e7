"""Which transaction a message belongs to (RFC 3261 §17.1.3, §17.2.3)."""

from __future__ import annotations

from typing import Final, TypeAlias

from proxy.sip.request import Request

COOKIE: Final = b"z9hG4bK"
Key: TypeAlias = tuple[bytes, ...]


def server_key(request: Request, host: str) -> Key:
    """
    The key of the server transaction that `request` makes or meets; ACK and CANCEL get their INVITE's.

    Beside branch and sent-by it holds the source address, so that nobody else can acknowledge, cancel
    or shadow a trunk's call by guessing its branch. Without the magic cookie the fields of RFC 2543 tell
    transactions apart (§17.2.3).
    """
    via = request.via
    method = b"INVITE" if request.method in (b"ACK", b"CANCEL") else request.method
    if via.branch.startswith(COOKIE) and len(via.branch) > len(COOKIE):
        return (via.branch, via.host, b"%d" % via.port, method, host.encode())
    return (
        request.message.uri,
        request.from_tag,
        request.call_id,
        b"%d" % request.cseq,
        request.message.value(1),
        method,
        host.encode(),
    )


def client_key(branch: bytes, method: bytes) -> Key:
    """The key of the client transaction that a response answers: top Via's branch and CSeq method."""
    return (branch, method)
