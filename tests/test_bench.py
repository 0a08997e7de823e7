"""./run bench: its part without peers runs, small, so that no change of the program breaks it unseen."""

from __future__ import annotations

import pytest

from tests.bench import command, contenders, micro


def test_the_parts_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contenders, "NUMBERS", 200)
    monkeypatch.setattr(micro, "CALLS", 20)
    monkeypatch.setattr(micro, "REPEAT", 1)

    parts = micro.measure()

    assert all(value > 0 for value in parts.values())
    assert {"parse an INVITE", "verify an Identity: the library, whole"} <= set(parts)


def test_every_kind_of_call_has_its_contenders() -> None:
    assert set(command.SERVICES.values()) == {"", "verify", "sign", "tcp"}
