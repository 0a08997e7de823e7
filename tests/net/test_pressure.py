"""Levels of overload."""

from __future__ import annotations

import pytest
import structlog

from proxy.net.pressure import MEMORY, PATIENCE, SOME, STALE, TOO_LONG, Pressure, Strain

LOW, HIGH, HIGHER = 0.01, SOME * 1.5, TOO_LONG * 1.5


def levels(pressure: Pressure, *measured: tuple[float, float]) -> list[int]:
    """The level after each of what (waited, at) was measured."""
    found = []
    for waited, now in measured:
        pressure.measure(waited, now)
        found.append(pressure.level(now))
    return found


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        pytest.param([(LOW, 0.0), (LOW, 0.5)], [0, 0], id="keeps-up"),
        pytest.param([(HIGH, 0.0), (HIGH, 0.05), (HIGH, 0.11)], [0, 0, 1], id="a-queue-that-stands"),
        pytest.param([(HIGHER, 0.0), (HIGHER, 0.11)], [0, 2], id="one-that-is-too-long"),
        pytest.param([(HIGH, 0.0), (HIGHER, 0.06), (HIGHER, 0.12), (HIGHER, 0.17)], [0, 0, 1, 2], id="one-that-grows"),
        pytest.param([(HIGHER, 0.0), (LOW, 0.05), (HIGHER, 0.12)], [0, 0, 0], id="a-stall-that-is-worked-off"),
        pytest.param([(HIGHER, 0.0), (HIGHER, 0.11), (HIGH, 0.12), (LOW, 0.13)], [0, 2, 1, 0], id="over-at-once"),
        pytest.param([(HIGHER, 0.0), (HIGHER, STALE + 0.1)], [0, 0], id="two-stalls-and-nothing-between"),
        pytest.param([(HIGHER, 0.0), (HIGHER, 0.2), (LOW, 0.3), (HIGH, 0.4)], [0, 2, 0, 1], id="comes-back"),
        pytest.param(
            [(HIGHER, 0.0), (HIGHER, 0.2), (LOW, 0.3), (HIGH, 0.4 + MEMORY)], [0, 2, 0, 0], id="long-forgotten"
        ),
    ],
)
def test_levels(measured: list[tuple[float, float]], expected: list[int]) -> None:
    assert levels(Pressure(), *measured) == expected


def test_nothing_measured_is_no_pressure() -> None:
    pressure = Pressure()
    assert pressure.level(0.0) == 0
    assert levels(pressure, (HIGHER, 0.0), (HIGHER, PATIENCE)) == [0, 2]
    assert (pressure.level(PATIENCE + STALE), pressure.level(PATIENCE + STALE + 0.1)) == (2, 0)


def test_a_smaller_queue_is_full_sooner() -> None:
    assert levels(Pressure(0.1), (HIGH / 10, 0.0), (HIGH / 10, 0.2), (HIGHER / 10, 0.3), (LOW / 10, 0.4)) == [
        0,
        1,
        2,
        0,
    ]
    assert levels(Pressure(2.0), (HIGH, 0.0), (HIGH, 0.2)) == [0, 1]


def test_the_strain_of_a_node_is_that_of_its_worst_socket() -> None:
    log = structlog.make_filtering_bound_logger(50)(structlog.PrintLogger(), [], {})
    strain = Strain([1.0, 1.0])
    assert strain.measure(0, 0.0, 0.0) is None
    assert [strain.measure(1, TOO_LONG, at) for at in (0.0, PATIENCE)] == [None, 2]
    strain.second(log)
    assert (strain.wait, strain.overload) == (TOO_LONG, 2)
    assert strain.measure(1, 0.0, PATIENCE + 0.1) == 0
