"""What tests of several rooms need: where the project is, vectors beside it, and the two sides of a node."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.wire.peers import CALLER, CORE, Sink

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


@pytest.fixture
def core() -> Iterator[Sink]:
    """The core side."""
    sink = Sink(CORE)
    yield sink
    sink.close()


@pytest.fixture
def pbx() -> Iterator[Sink]:
    """The customer's PBX."""
    sink = Sink(CALLER)
    yield sink
    sink.close()
