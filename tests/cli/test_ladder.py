"""The SIP ladder: who stands where, which way the arrows go, and nothing that shifts the lanes."""

from __future__ import annotations

import pytest

from proxy.cli.ladder import LANE, TIME, draw
from proxy.cli.table import width

PBX, CORE = "127.0.0.2:5060", "10.0.0.1:5060"


def test_names_stand_over_their_lines() -> None:
    names, line = draw([[0, "in", PBX, "INVITE"], [1, "out", CORE, "INVITE"]], PBX)[:2]
    assert names == f"{'':10}{PBX:34}{'trunkward':34}{CORE}"
    assert [index for index, character in enumerate(line) if character == "|"] == [TIME, TIME + LANE, TIME + 2 * LANE]


@pytest.mark.parametrize(
    ("message", "line"),
    [
        pytest.param([0, "in", PBX, "INVITE"], "   0.000  |------------ INVITE ------------>|                                 |", id="from-the-caller"),
        pytest.param([1, "out", PBX, "100 Trying"], "   0.001  |<---------- 100 Trying ----------|                                 |", id="to-the-caller"),
        pytest.param([1500, "out", CORE, "INVITE"], "   1.500  |                                 |------------ INVITE ------------>|", id="to-the-callee"),
        pytest.param([61_001, "in", CORE, "BYE"], "  61.001  |                                 |<------------- BYE --------------|", id="from-the-callee"),
        pytest.param([0, "out", "10.0.0.9:5060", "ACK"], "   0.000  |                                 |------------- ACK -------------->|  10.0.0.9:5060", id="another-peer"),
        pytest.param([0, "in", "127.0.0.2:9", "ACK"], "   0.000  |------------- ACK -------------->|                                 |  127.0.0.2:9", id="the-callers-other-port"),
        pytest.param([0, "in", PBX, "\x1b[2J呼叫"], "   0.000  |--------- \\x1b[2J呼叫 ---------->|                                 |", id="controls-and-wide-characters"),
        pytest.param([0, "in", PBX, "X" * 99], f"   0.000  |- {'X' * 26}… -->|                                 |", id="too-long"),
        pytest.param([0, "in", PBX, "呼" * 99], f"   0.000  |- {'呼' * 13}… -->|                                 |", id="too-wide"),
        pytest.param([0, "in", PBX, ""], f"   0.000  |{'-' * 15}  {'-' * 15}>|                                 |", id="nothing"),
    ],
)  # fmt: skip
def test_one_message(message: list[object], line: str) -> None:
    drawn = draw([[0, "out", CORE, "INVITE"], message], PBX)[2]
    assert drawn == line


def test_a_call_that_went_nowhere_has_two_lines_of_life() -> None:
    lines = draw([[0, "in", PBX, "INVITE"], [1, "out", PBX, "403 Forbidden"]], PBX)
    assert lines[0] == f"{'':10}{PBX:34}trunkward"
    assert [line.count("|") for line in lines[1:]] == [2, 2]


def test_the_callee_is_the_first_on_another_host() -> None:
    messages = [[0, "in", PBX, "INVITE"], [0, "out", "127.0.0.2:9", "100 Trying"], [0, "out", CORE, "INVITE"]]
    lines = draw(messages, PBX)
    assert lines[0].endswith(CORE)
    assert lines[2].startswith("   0.000  |<---------- 100 Trying ----------|")


def test_one_host_may_be_both_sides() -> None:
    lines = draw([[0, "in", "127.0.0.1:1", "INVITE"], [0, "out", "127.0.0.1:2", "INVITE"]], "127.0.0.1:1")
    assert lines[0].endswith("127.0.0.1:2")
    assert lines[2] == f"   0.000  |{'':33}|------------ INVITE ------------>|"


def test_a_long_name_moves_nobody() -> None:
    caller = "[2001:db8:1111:2222:3333:4444:5555:6666]:50600"
    names = draw([[0, "in", caller, "INVITE"]], caller)[0]
    assert width(names.partition("trunkward")[0]) == TIME + LANE


def test_no_messages() -> None:
    assert draw([], PBX) == [f"{'':10}{PBX:34}trunkward"]
