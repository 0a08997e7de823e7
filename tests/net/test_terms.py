"""How long connections may take over what they do."""

from __future__ import annotations

import socket

import pytest

from proxy.net import connection as stages
from proxy.net.connection import Connection
from proxy.net.terms import (
    CLOSING_SECONDS,
    HANDSHAKE_SECONDS,
    IDLE_SECONDS,
    MESSAGE_SECONDS,
    PONG_SECONDS,
    makes_room,
    overdue,
)


def connection(**changes: object) -> Connection:
    with socket.socket() as sock:
        made = Connection(sock, 1, 0, ("192.0.2.1", 5060), 100.0)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def test_a_flood_from_one_address_drives_out_its_own() -> None:
    with socket.socket() as sock:
        here, *there = (Connection(sock, 1, 0, (f"192.0.2.{each}", 5060), 0.0) for each in (1, 2, 2, 3))
    flood = there[:2]
    assert makes_room([here], "192.0.2.2", 4) == []
    assert makes_room([here, *flood], "192.0.2.2", 4) == flood[:1]
    assert makes_room([here, *flood], "192.0.2.3", 4) == []
    assert makes_room([here, *there], "192.0.2.4", 4) == [here]
    assert makes_room([], "192.0.2.2", 1) == []


def waiting() -> Connection:
    made = connection(answers_pings=True, pinged_at=100.0)
    made.frames.asked()
    return made


@pytest.mark.parametrize(
    ("made", "seconds", "why"),
    [
        (connection(state=stages.HANDSHAKE), HANDSHAKE_SECONDS, "handshake"),
        (connection(state=stages.CLOSING, why="framing"), CLOSING_SECONDS, "framing"),
        (connection(begun_at=100.0), MESSAGE_SECONDS, "slow"),
        (connection(known=False), MESSAGE_SECONDS, "unknown"),
        (waiting(), PONG_SECONDS, "dead"),
        (connection(), IDLE_SECONDS, "idle"),
    ],
)
def test_each_has_its_time(made: Connection, seconds: float, why: str) -> None:
    assert overdue(made, 100.0 + seconds) == ""
    assert overdue(made, 100.1 + seconds) == why


def test_who_never_answers_keep_alives_is_not_dead_for_that() -> None:
    made = connection(pinged_at=100.0)
    made.frames.asked()
    assert overdue(made, 101.0 + PONG_SECONDS) == ""
