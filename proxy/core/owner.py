"""Whose call a message belongs to, where several workers share the sockets: found before anything is parsed."""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Final

MARK: Final = 8  # octets that stand for a Call-ID

# Call-ID or i, HCOLON (RFC 3261 §7.3.3, §25.1), in any spelling and with folds: for who does not write it as most do
_FIELD: Final = re.compile(rb"\r\n(?:call-id|i)[ \t]*:((?:[^\r\n]|\r\n[ \t])*)", re.IGNORECASE)
_USUAL: Final = b"\r\nCall-ID: "


def call_id_of(data: bytes) -> bytes:
    """The Call-ID of a message, b"" where it has none; of two, the one of them that any reader would refuse."""
    end = data.find(b"\r\n\r\n")
    end = len(data) if end < 0 else end
    start = data.find(_USUAL, 0, end)
    if start >= 0:
        stop = data.find(b"\r\n", start + len(_USUAL))
        if stop < 0 or data[stop + 2 : stop + 3] not in (b" ", b"\t"):
            return data[start + len(_USUAL) : stop if stop >= 0 else len(data)].strip(b" \t")
    found = _FIELD.search(data, 0, end)
    if found is None:
        return b""
    return b" ".join([part.strip(b" \t") for part in found[1].split(b"\r\n")]).strip(b" ")


class Owners:
    """
    Which of `workers` workers a call belongs to: a keyed hash of its Call-ID, so that nobody outside can give all of
    their calls to one of them. The same key gives the same owners, in another process too.
    """

    __slots__ = ("_key", "index", "workers")

    def __init__(self, key: bytes, index: int = 0, workers: int = 1) -> None:
        """`index` is the worker that asks; `key` has at most 64 octets."""
        self._key = key
        self.index: Final = index
        self.workers: Final = workers

    def mark(self, data: bytes) -> bytes:
        """What stands for the call of a message: the keyed hash of its Call-ID."""
        return self.mark_of(call_id_of(data))

    def mark_of(self, call_id: bytes) -> bytes:
        """What stands for a call."""
        return blake2b(call_id, digest_size=MARK, key=self._key, person=b"owner").digest()

    def owner(self, mark: bytes) -> int:
        """The index of the worker that a call belongs to."""
        return int.from_bytes(mark) % self.workers

    def owns(self, call_id: bytes) -> bool:
        """Whether a call belongs to the worker that asks."""
        return self.workers == 1 or self.owner(self.mark_of(call_id)) == self.index
