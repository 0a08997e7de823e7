"""The log's way to a stream that refuses or hangs."""

from __future__ import annotations

import errno
import io
import json
import os
import resource
import signal
import threading
from pathlib import Path

from proxy.observe.lines import ROOM, Lines


class Full(io.StringIO):
    """A stream on a disk that is full for a while."""

    full = False

    def write(self, text: str) -> int:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(text)


class Asleep(io.StringIO):
    """A stream whose reader takes nothing for a while."""

    def __init__(self) -> None:
        super().__init__()
        self.awake = threading.Event()

    def write(self, text: str) -> int:
        self.awake.wait()
        return super().write(text)


def test_lines_come_in_their_order() -> None:
    stream = io.StringIO()
    lines = Lines(stream)
    for number in range(100):
        lines.write(f"{number}\n")
    lines.drain()
    assert stream.getvalue().split() == [str(number) for number in range(100)]


def test_a_full_disk_costs_lines_and_says_how_many() -> None:
    stream = Full()
    lines = Lines(stream)
    lines.write("before\n")
    lines.drain()
    stream.full = True
    for _ in range(3):
        lines.write("lost\n")
    lines.drain()
    stream.full = False
    lines.write("after\n")
    lines.drain()
    before, told, after = stream.getvalue().splitlines()
    assert (before, json.loads(told)["lines"], after) == ("before", 3, "after")


def test_a_reader_that_sleeps_holds_nobody_up() -> None:
    stream = Asleep()
    lines = Lines(stream)
    for _ in range(ROOM + 2000):
        lines.write("x\n")
    lines.drain(0.01)  # gives up
    assert lines.lost >= 1999
    stream.awake.set()
    lines.drain(30.0)
    assert "log.lines_lost" in stream.getvalue()


def test_a_fork_has_a_thread_of_its_own() -> None:
    reader, writer = os.pipe()
    with os.fdopen(writer, "w", encoding="ascii") as stream, os.fdopen(reader, "rb") as ear:
        lines = Lines(stream)
        lines.write("parent\n")
        lines.drain()
        child = os.fork()
        if child == 0:
            lines.write("child\n")
            lines.drain()
            os._exit(0)
        os.waitpid(child, 0)
        stream.close()
        assert ear.read() == b"parent\nchild\n"


def test_a_line_torn_by_a_full_disk_is_ended_before_the_next(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    heard = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with (tmp_path / "log").open("w", encoding="ascii") as stream:
            lines = Lines(stream)
            resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
            lines.write("0123\n")
            lines.write("5678901234\n")
            lines.drain()
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            lines.write("after\n")
            lines.drain()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, heard)
    first, torn, told, after = (tmp_path / "log").read_text(encoding="ascii").splitlines()
    assert (first, torn, json.loads(told)["lines"], after) == ("0123", "56789", 1, "after")


def test_a_closed_stream_is_no_error() -> None:
    stream = io.StringIO()
    lines = Lines(stream)
    stream.close()
    lines.write("too late\n")
    lines.drain()
    assert lines.lost == 1
