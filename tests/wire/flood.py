"""A flood of INVITEs from one address, each a call of its own, from somebody who never listens for long."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import Final

from tests.wire.peers import Sink
from tests.wire.play import CALLED

_BURST: Final = 100
_INVITE: Final = """\
INVITE sip:{called}@{to[0]}:{to[1]} SIP/2.0\r
Via: SIP/2.0/UDP {me}:{port};branch=z9hG4bK-flood-%d\r
From: <sip:{number}@{me}>;tag=flood\r
To: <sip:{called}@{to[0]}:{to[1]}>\r
Call-ID: flood-%d@{me}\r
CSeq: 1 INVITE\r
Contact: <sip:flood@{me}:{port}>\r
Max-Forwards: 70\r
Content-Length: 0\r
\r
"""


class Flood:
    """Sends from the start on; `heard` are the first lines of what came back, `sent` how many it sent."""

    def __init__(self, sink: Sink, to: tuple[str, int], number: str, pause: float) -> None:
        """Send a hundred INVITEs of `number`, then pause for so many seconds, and so on."""
        values = {"called": CALLED, "to": to, "me": sink.host, "port": sink.port, "number": number}
        self._text = _INVITE.format(**values)
        self._sink, self._to, self._pause = sink, to, pause
        self._over = threading.Event()
        self.sent = 0
        self.heard: list[bytes] = []
        self._thread = threading.Thread(target=self._send, daemon=True)
        self._thread.start()

    def _send(self) -> None:
        while not self._over.is_set():
            for _ in range(_BURST):
                self.sent += 1
                with contextlib.suppress(BlockingIOError):
                    self._sink.send((self._text % (self.sent, self.sent)).encode("ascii"), self._to)
            self.heard += [data.partition(b"\r\n")[0] for data in self._sink.waiting()]
            time.sleep(self._pause)

    def stop(self) -> None:
        """End the flood, and hear what is left."""
        self._over.set()
        self._thread.join()
        self.heard += [data.partition(b"\r\n")[0] for data in self._sink.waiting()]
