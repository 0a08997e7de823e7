"""What a check says of the result."""

from __future__ import annotations

import pytest

from stirshaken.findings import Check


@pytest.mark.parametrize(
    ("check", "open_"),
    [
        (Check("a", None), True),
        (Check("a", None, counts=False), False),
        (Check("a", True), False),
        (Check("a", False), False),
    ],
)
def test_what_is_left_open(check: Check, open_: bool) -> None:
    assert check.open is open_
