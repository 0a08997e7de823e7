"""Shared memory: what one process writes the other one reads."""

from __future__ import annotations

import os
import signal

from proxy.net.board import Board


def test_what_a_dead_process_was_reading_can_be_seen() -> None:
    board = Board(2)
    assert [(seat.beaten, seat.message) for seat in board.seats] == [(0.0, b""), (0.0, b"")]
    pid = os.fork()
    if pid == 0:
        seat = board.seats[1]
        seat.beat(7.5, 3)
        seat.buffer[:7] = b"INVITE!"
        seat.reading(6)
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)

    seat = board.seats[1]
    assert (seat.beaten, seat.dropped, seat.message) == (7.5, 3, b"INVITE")
    assert board.seats[0].beaten == 0.0
    seat.clear()
    assert (seat.beaten, seat.message) == (0.0, b"")


def test_a_beat_leaves_the_message_alone() -> None:
    seat = Board(1).seats[0]
    seat.buffer[:2] = b"ab"
    seat.reading(2)
    seat.beat(1.0, 0)
    assert seat.message == b"ab"
    seat.reading(0)
    assert seat.message == b""


def test_how_the_last_reload_went() -> None:
    board = Board(1)
    board.loaded(5.0, ok=True)
    assert (board.reload_ok, board.loaded_at) == (True, 5.0)
    board.loaded(board.loaded_at, ok=False)
    assert (board.reload_ok, board.loaded_at) == (False, 5.0)
