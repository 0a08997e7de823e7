"""Which path leads where: /metrics on one address; /healthz, /readyz and /stir on the other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias

from prometheus_client.exposition import CONTENT_TYPE_LATEST

from proxy.admin.asgi import Answer, Receive, Request, Scope, Send, problem, send_answer
from proxy.admin.health import Health
from proxy.admin.listener import PROVEN
from proxy.admin.stir import ROOT, Stir

Page: TypeAlias = Callable[[Request], Awaitable[Answer]]

READ: Final = ("GET", "HEAD")


class Pages:
    """The pages of one address, as an ASGI application: exact paths, which are read, and prefixes, which decide."""

    def __init__(self, exact: Mapping[str, Page], below: Mapping[str, Page]) -> None:
        self._exact = exact
        self._below = below

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        request = Request(scope, receive, proven=scope.get(PROVEN, False))
        for prefix, page in self._below.items():
            if request.path.startswith(prefix):
                await send_answer(request, await page(request), send, last=False)
                return
        await send_answer(request, await self._read(request), send, last=True)  # who looks now and then holds no line

    async def _read(self, request: Request) -> Answer:
        found = self._exact.get(request.path)
        if found is None:
            return problem(404, f"Here are {', '.join((*self._exact, *self._below))}.")
        if request.method not in READ:
            return problem(405, "This page is read.", ("Allow", ", ".join(READ)))
        return await found(request)


def metrics_pages(health: Health) -> Pages:
    """What the metrics address shows."""

    async def metrics(_: Request) -> Answer:
        return Answer(200, CONTENT_TYPE_LATEST, await health.exposition())

    return Pages({"/metrics": metrics}, {})


def admin_pages(health: Health, stir: Stir) -> Pages:
    """What the admin address shows."""
    good = Answer(200, "application/json", b'{"status":"ok"}\n')

    async def alive(_: Request) -> Answer:
        return good

    async def ready(_: Request) -> Answer:
        return good if await health.answered() else problem(503, "The SIP process does not answer.")

    return Pages({"/healthz": alive, "/readyz": ready}, {ROOT: stir.answer})
