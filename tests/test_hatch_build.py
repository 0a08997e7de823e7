"""The wheel with the hot rooms compiled: it holds libraries, and the same tests pass on them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOMS = ("sip", "transaction", "call", "checks", "core", "net")
INTERPRETED = ("fetch.py", "repository.py", "references.py", "certificates.py")
# they look into objects in ways that compiled ones do not allow
DESELECTED = (
    "tests/core/test_branches_left.py::test_what_is_left_behind_is_freed_by_reference_counts_alone",
    "tests/core/test_proxy.py::test_a_thousand_finished_calls_leave_nothing",
    "tests/sip/test_response.py::test_both_ways_say_the_same",
    "tests/transaction/test_diagrams.py",
)


def run(*words: str, at: Path, **environment: str) -> None:
    result = subprocess.run(
        [sys.executable, "-P", *words],
        cwd=at,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-4000:]


@pytest.mark.slow
@pytest.mark.timeout(500)
@pytest.mark.skipif(shutil.which("gcc") is None, reason="no C compiler; apt-get install gcc python3-dev")
def test_compiled_rooms_behave_the_same(root: Path, tmp_path: Path) -> None:
    build = "import sys; from hatchling.build import build_wheel; build_wheel(sys.argv[1])"
    run("-c", build, str(tmp_path), at=root, HATCH_BUILD_HOOK_ENABLE_CUSTOM="true", TRUNKWARD_BUILD_OPT="0")
    (wheel,) = tmp_path.glob("*.whl")
    assert "-cp3" in wheel.name
    house = tmp_path / "house"
    zipfile.ZipFile(wheel).extractall(house)
    for room in ROOMS:
        sources = {path.stem for path in (root / "proxy" / room).glob("*.py")}
        assert {path.name.partition(".")[0] for path in (house / "proxy" / room).glob("*.so")} == sources

    library = {path.stem for path in (root / "stirshaken").glob("*.py") if path.name not in INTERPRETED}
    assert {path.name.partition(".")[0] for path in (house / "stirshaken").glob("*.so")} == library

    shutil.copytree(root / "tests", house / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(root / "docs", house / "docs")  # some tests hold a page against the code
    where = "import proxy.core.proxy as it; assert it.__file__.endswith('.so'), it.__file__"
    run("-c", where, at=tmp_path, PYTHONPATH=str(house))
    vectors = os.environ.get("TRUNKWARD_VECTORS", str(root.parent / "shared" / "vectors"))
    words = ["-m", "pytest", "-q", "-c", os.devnull, f"--rootdir={house}", "--import-mode=importlib"]
    words += ["-p", "no:cacheprovider", *(f"--deselect={name}" for name in DESELECTED)]
    rooms = [f"tests/{room}" for room in (*ROOMS, "stirshaken")]
    run(*words, *rooms, at=house, PYTHONPATH=str(house), TRUNKWARD_VECTORS=vectors)
