"""The directory file's model: its defaults, and what does not fit together within one entry."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from proxy.settings.directory_model import Allocation, DirectoryFile, Limits, Period, TrunkEntry

A, B, LONG = "+862488880000", "+862488880099", "+8624888800990"


def first_error(model: Any, data: object) -> tuple[str, tuple[object, ...]]:
    with pytest.raises(ValidationError) as error:
        model.model_validate(data)
    return error.value.errors()[0]["type"], error.value.errors()[0]["loc"]


def test_defaults() -> None:
    trunk = TrunkEntry.model_validate({"id": "acme-1", "customer": "acme"})
    assert (trunk.role, trunk.screening, trunk.state, trunk.mode) == ("access", "strict", "active", None)
    assert (trunk.sources, trunk.gateway, trunk.tgrp, trunk.pilot_number) == ((), (), "", None)
    assert (trunk.dial_plan.country, trunk.dial_plan.area, trunk.dial_plan.strip) == (None, "", ())
    assert (trunk.valid.start, trunk.valid.end, trunk.policy, trunk.allocations) == (None, None, {}, ())


@pytest.mark.parametrize(
    "data",
    [
        pytest.param({"number": A}, id="number"),
        pytest.param({"first": A, "last": B}, id="range"),
        pytest.param({"first": A, "last": A}, id="range-of-one"),
        pytest.param({"prefix": "+8624"}, id="prefix"),
        pytest.param({"csv": "a.csv"}, id="csv"),
        pytest.param({"number": A, "valid_from": "2026-01-01", "valid_to": "2026-01-01"}, id="one-day"),
    ],
)
def test_allocations(data: dict[str, str]) -> None:
    assert Allocation.model_validate(data).model_dump(exclude_unset=True, mode="json") == data


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param({}, "config.allocation", id="nothing"),
        pytest.param({"number": A, "prefix": "+8624"}, "config.allocation", id="two-kinds"),
        pytest.param({"number": A, "last": B}, "config.allocation", id="number-with-last"),
        pytest.param({"first": A}, "config.allocation", id="first-without-last"),
        pytest.param({"last": A}, "config.allocation", id="last-without-first"),
        pytest.param({"first": B, "last": A}, "config.order", id="backwards"),
        pytest.param({"first": A, "last": LONG}, "config.lengths", id="lengths"),
        pytest.param({"number": A, "valid_from": "2026-01-02", "valid_to": "2026-01-01"}, "config.days", id="days"),
    ],
)
def test_allocations_that_do_not_fit_together(data: dict[str, str], expected: str) -> None:
    assert first_error(Allocation, data) == (expected, ())


@pytest.mark.parametrize("reserved", ["core", "unknown"])
def test_reserved_ids(reserved: str) -> None:
    assert first_error(TrunkEntry, {"id": reserved, "customer": "acme"}) == ("config.reserved", ("id",))


def test_periods() -> None:
    period = Period.model_validate({"from": "2026-01-01", "to": "2026-12-31"})
    assert (period.start, period.end) == (date(2026, 1, 1), date(2026, 12, 31))
    assert first_error(Period, {"from": "2026-01-02", "to": "2026-01-01"})[0] == "config.days"
    assert first_error(Period, {"start": "2026-01-02"}) == ("extra_forbidden", ("start",))


@pytest.mark.parametrize("later", ["sites", "wings"])
def test_keys_that_nothing_enforces_are_unknown(later: str) -> None:
    assert first_error(TrunkEntry, {"id": "a", "customer": "b", later: {}}) == ("extra_forbidden", (later,))


@pytest.mark.parametrize("key", ["calls_per_second", "concurrent"])
@pytest.mark.parametrize("value", [0, -1, 1.5, True, "10", 10_000_000])
def test_limits_are_whole_numbers(key: str, value: object) -> None:
    """0 is refused: some take it for no calls, others for no limit."""
    assert first_error(Limits, {key: value}) == ("config.whole", (key,))
    assert getattr(Limits.model_validate({key: 30}), key) == 30


def test_both_lists_are_needed() -> None:
    with pytest.raises(ValidationError) as error:
        DirectoryFile.model_validate({})
    assert {each["loc"] for each in error.value.errors()} == {("customers",), ("trunks",)}
