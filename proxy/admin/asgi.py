"""HTTP as the pages see it: one request in, one answer out, over ASGI; no framework."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, TypeAlias

Scope: TypeAlias = Mapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Mapping[str, Any]]]
Send: TypeAlias = Callable[[Mapping[str, Any]], Awaitable[None]]

MAX_BODY: Final = 64 * 1024
BODY_SECONDS: Final = 5.0
# What is read and thrown away before a refusal: an answer that is followed by a reset may never be read.
MAX_DRAINED: Final = 1024 * 1024
DRAIN_SECONDS: Final = 1.0
HEADERS: Final[tuple[tuple[str, str], ...]] = (("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"))


class TooLarge(Exception):
    """The body has more than MAX_BODY octets."""


class TooSlow(Exception):
    """The body did not come in time, or the client has gone."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, media type and body of an answer, and the fields beside those."""

    status: int
    kind: str
    body: bytes
    fields: tuple[tuple[str, str], ...] = ()


class Request:
    """One request; names of header fields are in lower case."""

    def __init__(self, scope: Scope, receive: Receive, *, proven: bool = False) -> None:
        """`proven` is whether the client has shown a certificate that the server trusts."""
        self.method: str = scope["method"]
        self.path: str = scope["raw_path"].decode("ascii", "replace")
        self.proven = proven
        self._fields: list[tuple[bytes, bytes]] = scope["headers"]
        self._receive = receive
        self.unread = self.field(b"content-length") not in (None, "0") or self.field(b"transfer-encoding") is not None

    def field(self, name: bytes) -> str | None:
        """The value of a header field, of several joined; None without one."""
        values = [value.decode("latin-1") for key, value in self._fields if key == name]
        return ", ".join(values) if values else None

    async def body(self) -> bytes:
        """The whole body. Raises TooLarge, TooSlow."""
        data = b""
        try:
            async with asyncio.timeout(BODY_SECONDS):
                while True:
                    data += await self._part()
                    if len(data) > MAX_BODY:
                        raise TooLarge
                    if not self.unread:
                        return data
        except TimeoutError:
            raise TooSlow from None

    async def drain(self) -> None:
        """Read the rest of the body, within limits, so that the answer is read; not if the client would wait for us."""
        left = MAX_DRAINED if self.field(b"expect") is None else 0
        with contextlib.suppress(TimeoutError, TooSlow):
            async with asyncio.timeout(DRAIN_SECONDS):
                while self.unread and left > 0:
                    left -= len(await self._part())

    async def _part(self) -> bytes:
        event = await self._receive()
        if event["type"] != "http.request":
            raise TooSlow
        self.unread = event.get("more_body", False)
        part: bytes = event.get("body", b"")
        return part


def problem(status: int, detail: str, *fields: tuple[str, str]) -> Answer:
    """A problem document (RFC 9457)."""
    document = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return Answer(status, "application/problem+json", json_line(document), fields)


def json_line(value: object) -> bytes:
    """A JSON text as an answer has it."""
    return json.dumps(value).encode() + b"\n"


async def send_answer(request: Request, answer: Answer, send: Send, *, last: bool) -> None:
    """Give an answer to the client; the connection ends with the `last`, and where the request goes on."""
    await request.drain()
    more = (("Connection", "close"),) if last or request.unread else ()
    described = (("Content-Type", answer.kind), ("Content-Length", str(len(answer.body))))
    fields = (*described, *HEADERS, *answer.fields, *more)
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in fields]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
