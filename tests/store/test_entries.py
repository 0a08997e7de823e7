"""What entries mean: a trunk as the value that calls read, and sources that two trunks cannot share."""

from __future__ import annotations

import subprocess
import sys

import pytest

from proxy.call.trunk import Customer, DialPlan, Trunk
from proxy.settings.directory_model import TrunkEntry
from proxy.store.entries import ambiguous, trunk_of


def test_an_entry_as_a_trunk() -> None:
    raw = {
        "id": "acme-1",
        "customer": "acme",
        "state": "suspended",
        "dial_plan": {"area": "24", "prefixes": {"0": "+"}},
    }
    made = trunk_of(TrunkEntry.model_validate(raw), Customer("acme"), "49", frozenset({"112"}))
    assert (made.id, made.suspended, made.pilot_number, made.mode) == ("acme-1", True, "", None)
    assert made.dial_plan == DialPlan("49", "24", (), {"0": "+"}, frozenset({"112"}))


def trunks(*sources: tuple[str, ...], tgrp: str = "") -> list[tuple[int, Trunk]]:
    return [(i, Trunk(f"t{i}", Customer("c"), sources=each, tgrp=tgrp if i else "")) for i, each in enumerate(sources)]


@pytest.mark.parametrize(
    ("placed", "found"),
    [
        (trunks(("10.0.0.0/8",), ("10.1.0.0/16",)), [((1, 0, "10.1.0.0/16"), ("t0", "10.0.0.0/8"))]),
        (trunks(("10.1.0.0/16",), ("10.0.0.0/8",)), [((1, 0, "10.0.0.0/8"), ("t0", "10.1.0.0/16"))]),
        (trunks(("10.1.0.0/16", "10.0.0.0/8"), ("11.0.0.0/8",)), []),
        (trunks(("10.0.0.0/8",), ("10.0.0.0/8",), tgrp="two"), []),
        (trunks(("::/0",), ("10.0.0.0/8",)), []),
    ],
)
def test_sources_of_two_trunks(placed: list[tuple[int, Trunk]], found: list[object]) -> None:
    assert list(ambiguous(placed)) == found


def test_who_has_a_file_does_not_pay_for_databases() -> None:
    code = (
        "import sys, proxy.app, proxy.cli.check_config; print({'sqlalchemy', 'alembic', 'psycopg'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout.strip() == "set()"
