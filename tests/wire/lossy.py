"""A UDP relay that loses one datagram in ten both ways, the same ones in every run."""

from __future__ import annotations

import hashlib
import re
import selectors
import socket
import threading
from collections import Counter
from typing import Final

_CALL: Final = re.compile(rb"^(?:Call-ID|i)[ \t]*:[ \t]*([0-9]+)-", re.MULTILINE | re.IGNORECASE)
_CSEQ: Final = re.compile(rb"^CSeq[ \t]*:[ \t]*([^\r\n]*)", re.MULTILINE | re.IGNORECASE)

Address = tuple[str, int]


class LossyRelay:
    """
    Passes datagrams between whoever sends to `front` and the address `beyond`, speaking from `back`.

    Whether one is lost follows from the seed, the number of the call (SIPp's Call-IDs begin with it), the
    first line's kind, CSeq and how often that message has been seen: not from order or time, so a run can
    be repeated.
    """

    def __init__(self, front: Address, back: Address, beyond: Address, percent: int, seed: str) -> None:
        self.percent, self.seed, self.beyond = percent, seed.encode("ascii"), beyond
        self.front, self.back = _bound(front), _bound(back)
        self.lost: Counter[str] = Counter()
        self.passed: Counter[str] = Counter()
        self._seen: Counter[bytes] = Counter()
        self._nearer: Address | None = None
        self._ends, self._wake = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="lossy")
        self._thread.start()

    def close(self) -> None:
        """Stop and free both addresses."""
        self._wake.send(b"x")
        self._thread.join()
        for each in (self.front, self.back, self._ends, self._wake):
            each.close()

    def _run(self) -> None:
        with selectors.DefaultSelector() as ready:
            for each in (self.front, self.back, self._ends):
                ready.register(each, selectors.EVENT_READ)
            while True:
                for key, _ in ready.select():
                    if key.fileobj is self._ends:
                        return
                    self._pass(key.fileobj is self.front)

    def _pass(self, onward: bool) -> None:
        data, source = (self.front if onward else self.back).recvfrom(65536)
        if onward:
            self._nearer = source
        to = self.beyond if onward else self._nearer
        way = "onward" if onward else "back"
        if to is None or self._is_lost(data, way):
            self.lost[way] += 1
            return
        self.passed[way] += 1
        (self.back if onward else self.front).sendto(data, to)

    def _is_lost(self, data: bytes, way: str) -> bool:
        call, cseq = _CALL.search(data), _CSEQ.search(data)
        line = data.partition(b"\r\n")[0].split(b" ")
        kind = line[1] if line[0] == b"SIP/2.0" else line[0]
        name = b"|".join((way.encode("ascii"), call[1] if call else b"", kind, cseq[1] if cseq else b""))
        self._seen[name] += 1
        text = b"%s|%s|%d" % (self.seed, name, self._seen[name])
        return int.from_bytes(hashlib.sha256(text).digest()[:4], "big") % 100 < self.percent


def _bound(address: Address) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    made.bind(address)
    return made
