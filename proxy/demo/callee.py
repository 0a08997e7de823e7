"""The phone that answers: 180, 200 with SDP, and 200 for everything else."""

from __future__ import annotations

import asyncio
from typing import cast

from proxy.demo.wire import MEDIA, Heard, read, write

_COPIED = ("Via", "Record-Route", "From", "To", "Call-ID", "CSeq")


def answers(request: Heard, contact: str) -> list[bytes]:
    """Give what the phone at `contact` ("ip:port") answers (RFC 3261 §13.3.1): nothing to an ACK."""
    if request.method in ("", "ACK"):
        return []
    if request.method == "INVITE":
        media = MEDIA.format(host=contact.rpartition(":")[0])
        return [_response(request, "180 Ringing", contact), _response(request, "200 OK", contact, media)]
    return [_response(request, "200 OK", contact)]


def _response(request: Heard, status: str, contact: str, body: str = "") -> bytes:
    fields = [(name, value) for name in _COPIED for value in request.every(name)]
    tagged = [(name, _with_tag(value) if name == "To" else value) for name, value in fields]
    return write(f"SIP/2.0 {status}", [*tagged, ("Contact", f"<sip:callee@{contact}>")], body)


def _with_tag(value: str) -> str:
    return value if ";tag=" in value else f"{value};tag=callee"


class Callee(asyncio.DatagramProtocol):
    """A UDP socket that answers each request to where it came from (RFC 3581); `heard` counts the INVITEs."""

    def __init__(self) -> None:
        self.address = ""
        self.heard = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the socket."""
        self._transport = cast(asyncio.DatagramTransport, transport)
        host, port = transport.get_extra_info("sockname")
        self.address = f"{host}:{port}"

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer."""
        request = read(data)
        if request is None:
            return
        self.heard += request.method == "INVITE"
        for answer in answers(request, self.address):
            self._transport.sendto(answer, addr)

    def close(self) -> None:
        """Close the socket."""
        self._transport.close()


async def listen(host: str) -> Callee:
    """Open a callee on a free port of this address."""
    _, callee = await asyncio.get_running_loop().create_datagram_endpoint(Callee, local_addr=(host, 0))
    return callee
