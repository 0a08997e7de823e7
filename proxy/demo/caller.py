"""The phone that calls: INVITE, ACK, a short call, BYE; it says which final status it saw."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import cast

from proxy.demo.wire import MEDIA, Heard, bare_uri, read, write

T1 = 0.5  # seconds; RFC 3261 §17.1.1.1
PATIENCE = 8.0  # seconds that the caller waits for a final response
HOLD = 0.03  # seconds between ACK and BYE


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call to place: who calls (`sender`, a From value without tag; more `claims`), and whom."""

    call_id: str
    sender: str
    called: str
    claims: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt ended for the caller: final status (408 for silence), phrase and Reason field."""

    status: int
    phrase: str
    reason: str = ""


class Caller(asyncio.DatagramProtocol):
    """A UDP socket from which calls are placed, any number at a time, told apart by their Call-ID."""

    def __init__(self, peer: tuple[str, int], patience: float = PATIENCE) -> None:
        self._peer = peer
        self._patience = patience
        self._waiting: dict[str, asyncio.Queue[Heard]] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the socket."""
        self._transport = cast(asyncio.DatagramTransport, transport)
        host, port = transport.get_extra_info("sockname")
        self.address = f"{host}:{port}"

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Hand a response to the call that waits for it."""
        heard = read(data)
        if heard is not None and (queue := self._waiting.get(heard.first("Call-ID"))) is not None:
            queue.put_nowait(heard)

    def close(self) -> None:
        """Close the socket."""
        self._transport.close()

    async def greet(self, call_id: str) -> int:
        """Send OPTIONS to the peer and give the status of its answer, 408 for none within T1."""
        target = f"sip:{self._peer[0]}:{self._peer[1]}"
        request = self._request("OPTIONS", target, Attempt(call_id, f"<sip:demo@{self.address}>", ""), f"<{target}>", 1)
        queue = self._waiting.setdefault(call_id, asyncio.Queue())
        self._transport.sendto(request, self._peer)
        try:
            return (await asyncio.wait_for(queue.get(), T1)).status
        except TimeoutError:
            return 408
        finally:
            del self._waiting[call_id]

    async def place(self, attempt: Attempt) -> Ending:
        """Place one call and see it to its end."""
        self._waiting[attempt.call_id] = asyncio.Queue()
        try:
            async with asyncio.timeout(self._patience):
                return await self._call(attempt)
        except TimeoutError:
            return Ending(408, "no answer")
        finally:
            del self._waiting[attempt.call_id]

    async def _call(self, attempt: Attempt) -> Ending:
        target = f"sip:{attempt.called}@{self._peer[0]}:{self._peer[1]}"
        to = f"<{target}>"
        final = await self._transact("INVITE", target, attempt, to, 1)
        answered = 200 <= final.status < 300
        contact = bare_uri(final.first("Contact")) if answered else target
        route = tuple(reversed(final.every("Record-Route"))) if answered else ()
        ack = self._request("ACK", contact, attempt, final.first("To"), 1, route, branch="a" if answered else "1")
        self._transport.sendto(ack, self._peer)
        if answered:
            await asyncio.sleep(HOLD)
            await self._transact("BYE", contact, attempt, final.first("To"), 2, route)
        return Ending(final.status, final.phrase, final.first("Reason"))

    async def _transact(
        self, method: str, target: str, attempt: Attempt, to: str, number: int, route: tuple[str, ...] = ()
    ) -> Heard:
        """Send a request until something answers it (RFC 3261 §17.1), then wait for the final response."""
        request = self._request(method, target, attempt, to, number, route, branch=str(number))
        queue, wait = self._waiting[attempt.call_id], T1
        heard: Heard | None = None
        self._transport.sendto(request, self._peer)
        while heard is None or heard.status < 200:
            try:
                said = await asyncio.wait_for(queue.get(), None if heard else wait)
            except TimeoutError:
                self._transport.sendto(request, self._peer)
                wait *= 2
            else:
                heard = said if said.first("CSeq") == f"{number} {method}" else heard
        return heard

    def _request(
        self,
        method: str,
        target: str,
        attempt: Attempt,
        to: str,
        number: int,
        route: tuple[str, ...] = (),
        *,
        branch: str = "1",
    ) -> bytes:
        fields = [
            ("Via", f"SIP/2.0/UDP {self.address};branch=z9hG4bK-{attempt.call_id}-{branch};rport"),
            ("Max-Forwards", "70"),
            *(("Route", value) for value in route),
            ("From", f"{attempt.sender};tag=caller"),
            ("To", to),
            ("Call-ID", attempt.call_id),
            ("CSeq", f"{number} {method}"),
        ]
        if method != "INVITE":
            return write(f"{method} {target} SIP/2.0", fields)
        more = [("Contact", f"<sip:caller@{self.address}>"), *attempt.claims]
        return write(f"INVITE {target} SIP/2.0", [*fields, *more], MEDIA.format(host=self.address.rpartition(":")[0]))


async def phone(host: str, peer: tuple[str, int], patience: float = PATIENCE) -> Caller:
    """Open a caller on a free port of this address that sends everything to `peer`."""
    loop = asyncio.get_running_loop()
    _, caller = await loop.create_datagram_endpoint(lambda: Caller(peer, patience), local_addr=(host, 0))
    return caller
