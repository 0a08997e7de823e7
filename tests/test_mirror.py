"""The tests mirror the rooms, one test file per source file; functions and files stay short."""

from __future__ import annotations

import ast
from pathlib import Path
from statistics import median

FUNCTION_LINES = 60
FILE_LINES = 400
MEDIAN_FUNCTION_LINES = 8

# source file -> why it has no test file of its own; each name must exist
WITHOUT: dict[str, str] = {
    "proxy/__main__.py": "one call of what tests/cli/test_init.py tests",
    "stirshaken/errors.py": "an exception that keeps its reason",
    "proxy/store/errors.py": "an exception that keeps its reason",
    "proxy/store/migrations/versions/s0001_directory.py": "run, and held against the models, by tests/store/test_database.py",
    "proxy/admin/__main__.py": "reads arguments; tests/demo/test_stage.py asks the process that it starts",
}

HOUSES = ("proxy", "stirshaken")
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def sources(root: Path) -> list[Path]:
    return sorted(path for house in HOUSES for path in (root / house).rglob("*.py"))


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(ast.parse(path.read_bytes())) if isinstance(node, FUNCTIONS)]


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the lines of a function from `def` to its end, without its docstring."""
    documented = ast.get_docstring(function) is not None
    docstring = function.body[0] if documented else None
    said = (docstring.end_lineno or 0) - docstring.lineno + 1 if docstring else 0
    return (function.end_lineno or 0) - function.lineno + 1 - said


def mirror_of(root: Path, source: Path) -> Path:
    room = source.relative_to(root).parent
    rooms = room.relative_to("proxy") if room.is_relative_to("proxy") else room
    return root / "tests" / rooms / f"test_{source.stem.strip('_')}.py"


def test_each_source_file_that_does_something_has_its_test_file(root: Path) -> None:
    missing = [
        str(path.relative_to(root)) for path in sources(root) if functions(path) and not mirror_of(root, path).exists()
    ]
    assert sorted(set(missing) - set(WITHOUT)) == []


def test_each_exception_is_needed(root: Path) -> None:
    for name in WITHOUT:
        assert (root / name).exists()
        assert not mirror_of(root, root / name).exists()


def test_functions_are_short(root: Path) -> None:
    lengths = {
        f"{path.relative_to(root)}:{function.lineno} {function.name}": length(function)
        for path in sources(root)
        for function in functions(path)
    }
    assert {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES} == {}
    assert median(lengths.values()) <= MEDIAN_FUNCTION_LINES


def test_files_have_one_subject(root: Path) -> None:
    lines = {str(path.relative_to(root)): path.read_bytes().count(b"\n") for path in sources(root)}
    assert {name: count for name, count in lines.items() if count > FILE_LINES} == {}
