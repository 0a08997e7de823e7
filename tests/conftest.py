"""What tests of several rooms need: where the project is, and the vectors that stand beside it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's top directory."""
    return ROOT


@pytest.fixture(scope="session")
def vectors() -> Path:
    """The directory of public test vectors (RFC 4475 …), or a skip that says how to name it."""
    path = Path(os.environ.get("TRUNKWARD_VECTORS", ROOT.parent / "shared" / "vectors"))
    if not path.is_dir():
        pytest.skip(f"no test vectors in {path}; set TRUNKWARD_VECTORS")
    return path
