"""The house: its floors hold, a violation is seen, no forbidden names, and the wheel holds what it should."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

LINT_IMPORTS = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
TEXT_SUFFIXES = {
    ".py",
    ".md",
    ".yaml",
    ".yml",
    ".toml",
    ".sh",
    ".service",
    ".json",
    ".cfg",
    ".xml",
    ".csv",
    "",
}


HOUSES = ("proxy", "stirshaken")


def lint_imports(directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", LINT_IMPORTS],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


def sources(root: Path) -> list[Path]:
    return sorted(path for house in HOUSES for path in (root / house).rglob("*.py"))


def written_files(root: Path) -> list[Path]:
    """Every text file that people wrote, wherever it stands in the project."""
    tops = [*HOUSES, "tests", "docs", "config", ".ci"]
    below = [path for top in tops for path in (root / top).rglob("*") if "__pycache__" not in path.parts]
    return [path for path in [*below, *root.iterdir()] if path.is_file() and path.suffix in TEXT_SUFFIXES]


def test_floors_hold(root: Path) -> None:
    result = lint_imports(root)
    assert result.returncode == 0, result.stdout
    assert "5 kept, 0 broken" in result.stdout


def violated(root: Path, to: Path) -> None:
    """Build a house of empty rooms in which each contract is broken once or twice."""
    for room in [path.parent for path in (root / "proxy").glob("*/__init__.py")]:
        (to / "proxy" / room.name).mkdir(parents=True)
        (to / "proxy" / room.name / "__init__.py").touch()
    (to / "proxy" / "__init__.py").touch()
    (to / "stirshaken").mkdir()
    (to / "stirshaken" / "__init__.py").write_text("import proxy.sip\n", encoding="utf-8")
    shutil.copy(root / "pyproject.toml", to)
    for place, code in {
        "checks/octets.py": "import proxy.sip",
        "sip/waits.py": "import asyncio",
        "core/acts.py": "import proxy.net",
        "call/reads.py": "import proxy.settings",
        "settings/knows.py": "import proxy.call",
        "net/beside.py": "import proxy.observe",
        "utils.py": "",
    }.items():
        (to / "proxy" / place).write_text(f"{code}\n", encoding="utf-8")


def test_violations_are_seen(root: Path, tmp_path: Path) -> None:
    violated(root, tmp_path)
    report = lint_imports(tmp_path)
    assert report.returncode == 1
    assert "0 kept, 5 broken" in report.stdout
    for line in [
        "proxy.core is not allowed to import proxy.net",
        "proxy.settings is not allowed to import proxy.call",
        "proxy.net is not allowed to import proxy.observe",
        "proxy.checks is not allowed to import proxy.sip",
        "proxy.sip is not allowed to import asyncio",
        "proxy.call is not allowed to import proxy.settings",
        "stirshaken is not allowed to import proxy",
        "utils",
    ]:
        assert line in report.stdout


def test_no_room_without_a_subject(root: Path) -> None:
    vague = re.compile(r"(^|_)(utils?|helpers?|common|misc|managers?|handlers?|stuff)($|_)")
    assert [path for path in sources(root) if vague.search(path.stem) or vague.search(path.parent.name)] == []


def test_classes_are_named_after_what_they_are(root: Path) -> None:
    vague = re.compile(r"(Manager|Helper|Utils?|Processor|Service|Impl|Base)$")
    classes = [
        f"{path.name}: {node.name}"
        for path in sources(root)
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.ClassDef) and vague.search(node.name)
    ]
    assert classes == []


@pytest.mark.parametrize(
    "words",
    [
        pytest.param("TO" + "DO|FIX" + r"ME|\bX" + r"XX\b", id="nothing-left-for-later"),
        pytest.param("NotImplemented" + "Error", id="no-stub"),
        pytest.param("unittest" + r"\.mock|Magic" + "Mock", id="no-mock"),
        pytest.param("/wo" + r"rk/|/tmp/" + r"tw\b", id="no-path-of-one-machine"),
        pytest.param(r"pytest\.mark\.x" + "fail", id="no-expected-failure"),
    ],
)
def test_forbidden_words(root: Path, words: str) -> None:
    pattern = re.compile(words)
    allowed = {root / "pyproject.toml"} if "mock" in words else set()
    hits = [
        f"{path.relative_to(root)}: {found[0]}"
        for path in written_files(root)
        if path not in allowed and (found := pattern.search(path.read_text(encoding="utf-8", errors="replace")))
    ]
    assert hits == []


def test_each_source_says_what_it_is(root: Path) -> None:
    assert [path for path in sources(root) if not ast.get_docstring(ast.parse(path.read_bytes()))] == []


def test_wheel_holds_the_program_and_nothing_else(root: Path, tmp_path: Path) -> None:
    build = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
    result = subprocess.run(
        [sys.executable, "-c", build, str(tmp_path)],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert result.returncode == 0, result.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {re.sub(r"-[0-9].*\.dist-info", ".dist-info", top) for top in tops} == {
        "proxy",
        "stirshaken",
        "trunkward.dist-info",
    }
    shipped = {
        str(path.relative_to(root))
        for house in HOUSES
        for path in (root / house).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert shipped <= set(names)
    assert {Path(name).suffix for name in shipped} >= {".py", ".yaml", ".typed"}
    assert any(name.endswith("dist-info/licenses/LICENSE") for name in names)


def test_help_imports_no_command() -> None:
    heavy = {"pydantic", "asyncio", "cryptography", "prometheus_client", "structlog"}
    code = (
        "import sys; from proxy.cli import main; main(['--help'], standalone_mode=False); "
        f"print(sorted(set(sys.modules) & {heavy}))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout.rstrip().endswith("[]"), result.stdout
