"""Messages that have ended a worker: who does it twice is not read any more. Pure: octets in."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

TWICE: Final = 2
DIGEST: Final = 16
MOST_SUSPECTS: Final = 256
MOST_REFUSED: Final = 64


def digest_of(message: bytes) -> bytes:
    """What stands for a message; one that is sent again is the same."""
    return blake2b(message, digest_size=DIGEST).digest()


class Quarantine:
    """How often each message was being read when a worker ended; the oldest are forgotten when there are too many."""

    def __init__(self) -> None:
        self._suspects: dict[bytes, int] = {}
        self.refused: dict[bytes, None] = {}

    def died_over(self, message: bytes) -> bytes:
        """A worker has ended over this message (b"": over none); gives its digest when it is refused from now on."""
        if not message:
            return b""
        digest = digest_of(message)
        count = self._suspects.pop(digest, 0) + 1
        if count < TWICE:
            self._suspects[digest] = count
            if len(self._suspects) > MOST_SUSPECTS:
                del self._suspects[next(iter(self._suspects))]
            return b""
        self.refused[digest] = None
        if len(self.refused) > MOST_REFUSED:
            del self.refused[next(iter(self.refused))]
        return digest
