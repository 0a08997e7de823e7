"""Memory that the supervisor and its workers share: signs of life, and the message that each worker is reading."""

from __future__ import annotations

import mmap
from struct import Struct
from typing import Final

from proxy.net.udp import MAX_DATAGRAM

_HEAD: Final = Struct("=dd")  # whether the last reload was taken; when the directory was loaded, epoch seconds
_SEAT: Final = Struct("=ddI")  # last sign of life on the monotonic clock; records dropped; octets of the message
_LENGTH: Final = Struct("=I")
_LENGTH_AT: Final = 16
_SIZE: Final = 128 * 1024  # of one seat: a whole number of pages, with room for the longest datagram
_MESSAGE: Final = 64


class Seat:
    """The part of one worker. What is read of another process's part may be a moment old."""

    __slots__ = ("_at", "_map", "buffer")

    def __init__(self, shared: mmap.mmap, at: int) -> None:
        self._map = shared
        self._at = at
        self.buffer: Final = memoryview(shared)[at + _MESSAGE : at + _MESSAGE + MAX_DATAGRAM]

    def beat(self, now: float, dropped: float = 0.0) -> None:
        """Give a sign of life."""
        _SEAT.pack_into(self._map, self._at, now, dropped, _LENGTH.unpack_from(self._map, self._at + _LENGTH_AT)[0])

    def reading(self, length: int) -> None:
        """The first `length` octets of the buffer are a message that is being worked on; 0 for none."""
        _LENGTH.pack_into(self._map, self._at + _LENGTH_AT, length)

    def clear(self) -> None:
        """Nobody sits here yet."""
        _SEAT.pack_into(self._map, self._at, 0.0, 0.0, 0)

    @property
    def beaten(self) -> float:
        """When the last sign of life was given, on the monotonic clock; 0.0 before the first."""
        return float(_SEAT.unpack_from(self._map, self._at)[0])

    @property
    def dropped(self) -> int:
        """How many records the worker has lost."""
        return int(_SEAT.unpack_from(self._map, self._at)[1])

    @property
    def message(self) -> bytes:
        """The message that was being worked on, b"" for none."""
        length = int(_LENGTH.unpack_from(self._map, self._at + _LENGTH_AT)[0])
        return bytes(self.buffer[: min(length, MAX_DATAGRAM)])


class Board:
    """All seats, and what concerns all workers; made before the first of them is."""

    __slots__ = ("_map", "seats")

    def __init__(self, workers: int) -> None:
        self._map = mmap.mmap(-1, mmap.PAGESIZE + workers * _SIZE)
        self.seats: Final = tuple(Seat(self._map, mmap.PAGESIZE + index * _SIZE) for index in range(workers))

    def loaded(self, at: float, *, ok: bool) -> None:
        """A configuration was taken at a moment, or (`ok` False) another was refused since."""
        _HEAD.pack_into(self._map, 0, float(ok), at)

    @property
    def reload_ok(self) -> bool:
        """Whether the last reload was taken."""
        return bool(_HEAD.unpack_from(self._map)[0])

    @property
    def loaded_at(self) -> float:
        """When the directory in use was loaded, seconds since the epoch."""
        return float(_HEAD.unpack_from(self._map)[1])
