"""A certificate repository on loopback for real peers: HTTPS in a thread of its own, honest or not."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import trustme

from tests.stirshaken import https
from tests.stirshaken.https import Behaviour, hangs, says
from tests.wire.peers import free_port

HOST: Final = "127.0.0.1"


def page(body: bytes, status: bytes = b"200 OK", more: bytes = b"") -> Behaviour:
    """Answer with a body."""
    return says(b"HTTP/1.1 %b\r\nContent-Length: %d\r\n%b\r\n%b" % (status, len(body), more, body))


DISHONEST: Final[dict[str, Behaviour]] = {
    "/hangs": hangs,
    "/missing": page(b"", b"404 Not Found"),
    "/elsewhere": page(b"", b"302 Found", b"Location: https://127.0.0.1/sp.pem\r\n"),
    "/huge": https.endless(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536),
    "/nonsense": page(b"no certificate at all"),
}


class Repository:
    """Serves pages by path until it is left; `asked` counts the requests for each."""

    def __init__(self, directory: Path, pages: dict[str, bytes]) -> None:
        self._ca = trustme.CA()
        self.ca = directory / "web.pem"
        self._ca.cert_pem.write_to_path(str(self.ca))
        self._pages = {**DISHONEST, **{path: page(body) for path, body in pages.items()}}
        self.port = free_port()
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def url(self) -> str:
        """What the paths are put behind."""
        return f"https://{HOST}:{self.port}"

    @property
    def asked(self) -> Counter[str]:
        """How often each path was asked for."""
        return Counter(request.split(b" ")[1].decode() for request in self._seen.requests)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._over = asyncio.Event()
        tls = https.context(self._ca, HOST)
        async with https.serving(tls, self._pages, host=HOST, port=self.port) as self._seen:
            self._ready.set()
            await self._over.wait()
