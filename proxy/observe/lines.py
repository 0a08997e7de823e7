"""Lines on their way to a stream that may refuse them or hang: written by a thread, so that nobody waits for a log."""

from __future__ import annotations

import atexit
import os
import threading
from queue import SimpleQueue
from typing import Final, TextIO

ROOM: Final = 10_000  # lines that may wait; more are lost, and counted
LAST_WORDS: Final = 1.0  # seconds that an ending program waits for its lines to be written
_LOST: Final = '{{"name": "trunkward", "event": "log.lines_lost", "lines": {}, "level": "warning"}}\n'


class Lines:
    """
    What a logger writes to: `write` never blocks and never raises.

    A disk that is full, or a reader that has gone to sleep, costs lines of the log and nothing else; how many stands in
    the log once it can be written again.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._file = _file_of(stream)
        self.lost = 0
        self._torn = False  # whether the last line written is half a line
        self._begin()
        atexit.register(self.drain)

    def write(self, text: str) -> None:
        """Take one line, with its end."""
        if self._process != os.getpid():
            self._begin()  # a fork has this queue, but not the thread that empties it
        if self._queue.qsize() < ROOM:
            self._queue.put(text)
        else:
            self.lost += 1

    def flush(self) -> None:
        """Nothing: what is taken is written as soon as the stream takes it."""

    def drain(self, seconds: float = LAST_WORDS) -> None:
        """Wait until all that was taken is written, so many seconds at the most."""
        if self._process != os.getpid():
            return
        done = threading.Event()
        self._queue.put(done)
        done.wait(seconds)

    def _begin(self) -> None:
        self._process = os.getpid()
        self._queue: SimpleQueue[str | threading.Event] = SimpleQueue()
        threading.Thread(target=self._work, args=(self._queue,), name="log", daemon=True).start()

    def _work(self, queue: SimpleQueue[str | threading.Event]) -> None:
        while True:
            item = queue.get()
            if isinstance(item, threading.Event):
                item.set()
                continue
            try:
                if self.lost:
                    self._put("\n" * self._torn + _LOST.format(self.lost))
                    self.lost, self._torn = 0, False
                self._put(item)
            except (OSError, ValueError):  # ValueError: the stream was closed
                self.lost += 1

    def _put(self, text: str) -> None:
        """Write, past the stream's own buffer and its lock, of which a fork would have a copy that nobody opens."""
        if self._file is None:
            self._stream.write(text)
            self._stream.flush()
            return
        data = text.encode("utf-8", "backslashreplace")
        while data:
            written = os.write(self._file, data)
            self._torn = written < len(data)  # until the rest has followed
            data = data[written:]


def _file_of(stream: TextIO) -> int | None:
    try:
        return stream.fileno()
    except OSError:
        return None  # it is in memory
