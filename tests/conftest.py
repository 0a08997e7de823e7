"""What tests of several rooms need: where the project is, and the vectors that stand beside it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

# A shell that runs the tests in the background has SIGINT ignored, and every child would inherit that:
# programs that end with Ctrl-C would not.
signal.signal(signal.SIGINT, signal.default_int_handler)

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
