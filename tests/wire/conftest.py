"""Every test below has a stage of its own, and is marked as one that drives real peers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.wire.stage import Stage

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this directory; in a run of several processes they all go to one, and disturb no other peers."""
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.wire)
            item.add_marker(pytest.mark.xdist_group("wire"))


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A stage that is empty again when the test is over."""
    made = Stage(tmp_path)
    yield made
    made.close()
