"""`./run` on a tree of its own: no dependencies, and a build backend that needs no package index."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "trunkward"
version = "1"

[project.optional-dependencies]
test = []

[tool.ruff]
line-length = 100
"""

# PEP 660, as little of it as pip asks for; counts how often it is asked
BACKEND = """\
import pathlib, zipfile

FILES = {
    "program.py": "import os, sys\\ndef main():\\n    print(os.getcwd(), sys.argv[1:])\\n    sys.exit(7)\\n",
    "METADATA": "Metadata-Version: 2.1\\nName: trunkward\\nVersion: 1\\nProvides-Extra: test\\n",
    "WHEEL": "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    "entry_points.txt": "[console_scripts]\\ntrunkward = program:main\\n",
    "RECORD": "",
}

def build_editable(directory, config_settings=None, metadata_directory=None):
    with open("built", "a") as built:
        built.write("once\\n")
    with zipfile.ZipFile(pathlib.Path(directory, "trunkward-1-py3-none-any.whl"), "w") as wheel:
        for name, text in FILES.items():
            wheel.writestr(name if name == "program.py" else f"trunkward-1.dist-info/{name}", text)
    return "trunkward-1-py3-none-any.whl"

build_wheel = build_editable
"""


@pytest.fixture
def tree(root: Path, tmp_path: Path) -> Path:
    made = tmp_path / "a tree with spaces"
    made.mkdir()
    shutil.copy(root / "run", made)
    (made / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    (made / "backend.py").write_text(BACKEND, encoding="utf-8")
    return made


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHON": sys.executable, **more}


def run(tree: Path, *arguments: str, cwd: Path = Path("/"), **more: str) -> subprocess.CompletedProcess[str]:
    argv = [str(tree / "run"), *arguments]
    return subprocess.run(
        argv, cwd=cwd, env=environment(**more), capture_output=True, text=True, check=False, timeout=100
    )


def times_built(tree: Path) -> int:
    return (tree / "built").read_text(encoding="ascii").count("once")


def test_sets_up_once_from_anywhere_and_hands_on(tree: Path, tmp_path: Path) -> None:
    first = run(tree, "setup", cwd=tmp_path)
    assert (first.returncode, first.stdout) == (0, ""), first.stderr
    assert ".venv is ready" in first.stderr

    second = run(tree, "setup")
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    assert times_built(tree) == 1

    handed = run(tree, "cert", "--from", "a b", cwd=tmp_path)
    assert handed.stdout == f"{tmp_path} ['cert', '--from', 'a b']\n"
    asked = run(tree, "explain", "--from", "a b", cwd=tmp_path)
    assert asked.stdout == f"{tmp_path} ['explain', '--from', 'a b', '-c', '{tree}/config/trunkward.yaml']\n"
    for own in (("explain", "--message", "f", "-c", "x.yaml"), ("trunk", "--help"), ("number",)):
        assert run(tree, *own, cwd=tmp_path).stdout == f"{tmp_path} {list(own)}\n"
    assert (handed.returncode, handed.stderr) == (7, "")

    assert run(tree, "serve").stdout == f"{tree} ['serve', '-c', 'config/trunkward.yaml']\n"
    assert run(tree, "check-config").stdout == f"{tree} ['check-config', '-c', 'config/trunkward.yaml']\n"
    assert run(tree, "serve", "-c", "my.yaml").stdout == "/ ['serve', '-c', 'my.yaml']\n"
    assert run(tree, "serve", "--config=my.yaml").stdout == "/ ['serve', '--config=my.yaml']\n"


def test_finds_its_tree_through_a_link(tree: Path, tmp_path: Path) -> None:
    link = tmp_path / "bin" / "tw"
    link.parent.mkdir()
    link.symlink_to(os.path.relpath(tree / "run", link.parent))
    result = subprocess.run([link, "hello"], env=environment(), capture_output=True, check=False, timeout=100)
    assert (result.returncode, b"['hello']" in result.stdout) == (7, True), result.stderr
    assert not (link.parent / ".venv").exists()


def test_set_up_again_only_when_what_matters_changed(tree: Path) -> None:
    assert run(tree, "setup").returncode == 0
    project = tree / "pyproject.toml"
    project.write_text(PROJECT.replace("100", "110"), encoding="utf-8")
    assert run(tree, "setup").returncode == 0
    assert times_built(tree) == 1
    project.write_text(PROJECT.replace('version = "1"', 'version = "1"\ndescription = "other"'), encoding="utf-8")
    assert run(tree, "setup").returncode == 0
    assert times_built(tree) == 2


def test_concurrent_starts_set_up_once(tree: Path) -> None:
    starts = [
        subprocess.Popen([tree / "run", "hello"], env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    ends = [(start.communicate(timeout=100), start.returncode) for start in starts]
    assert [(status, b"['hello']" in out) for (out, _), status in ends] == [(7, True)] * 3, ends
    assert times_built(tree) == 1


def test_half_made_venv_is_made_anew(tree: Path) -> None:
    start = subprocess.Popen(
        [tree / "run", "setup"], env=environment(), stderr=subprocess.DEVNULL, start_new_session=True
    )
    while start.poll() is None and not (tree / ".venv" / "bin").exists():
        time.sleep(0.01)
    os.killpg(start.pid, 9)
    assert start.wait() == -9
    again = run(tree, "setup")
    assert (again.returncode, "half-made" in again.stderr) == (0, True), again.stderr
    assert run(tree, "hello").returncode == 7


def test_interrupted_set_up_says_so_without_a_traceback(tree: Path) -> None:
    # a group of its own, as the terminal makes one: all of it gets the signal
    start = subprocess.Popen(
        [tree / "run", "setup"], env=environment(), stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while start.poll() is None and not (tree / ".venv" / "bin").exists():
        time.sleep(0.01)
    os.killpg(start.pid, signal.SIGINT)
    _, told = start.communicate(timeout=100)
    assert (start.returncode, "interrupted" in told, "Traceback" in told) == (130, True, False), told
    assert run(tree, "hello").returncode == 7


def test_pip_settings_for_a_user_do_no_harm(tree: Path) -> None:
    assert run(tree, "hello", PIP_USER="1").returncode == 7


@pytest.mark.skipif(os.geteuid() == 0 and shutil.which("setpriv") is None, reason="root may write anywhere; no setpriv")
def test_says_who_may_not_write(tree: Path) -> None:
    # root without its capabilities is subject to permissions like anybody
    powerless = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    tree.chmod(0o555)
    try:
        argv = [*powerless, str(tree / "run"), "setup"]
        result = subprocess.run(argv, env=environment(), capture_output=True, text=True, check=False, timeout=100)
    finally:
        tree.chmod(0o755)
    assert (result.returncode, "may not write" in result.stderr) == (1, True), result.stderr


def test_moved_tree_is_set_up_anew(tree: Path) -> None:
    assert run(tree, "setup").returncode == 0
    moved = tree.rename(tree.with_name("moved"))
    assert "removing" in run(moved, "setup").stderr
    assert run(moved, "hello").returncode == 7


def test_failure_of_pip_is_shown_and_leaves_what_was_ready(tree: Path) -> None:
    (tree / "pyproject.toml").write_text(PROJECT.replace("test = []", 'test = ["trunkward-none"]'), encoding="utf-8")
    assert run(tree, "setup").returncode == 0
    (tree / "backend.py").write_text("raise SystemExit('no such backend')", encoding="utf-8")
    failed = run(tree, "test")
    assert failed.returncode == 1
    assert "no such backend" in failed.stderr
    assert "setup.log" in failed.stderr
    assert run(tree, "hello").returncode == 7


def test_says_which_python_it_needs(tree: Path, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ["sh", "dirname", "readlink", "sed", "cksum", "cat"]:
        (programs / name).symlink_to(shutil.which(name) or name)
    nothing = run(tree, "setup", PATH=str(programs), PYTHON="")
    assert (nothing.returncode, "3.11 or newer" in nothing.stderr) == (1, True), nothing.stderr
    old = programs / "python3"
    old.write_text('#!/bin/sh\ncase "$*" in *version_info\\ *) exit 1 ;; esac\necho 3.9.2\n', encoding="ascii")
    old.chmod(0o755)
    too_old = run(tree, "setup", PATH=str(programs), PYTHON="")
    assert (too_old.returncode, f"{old} is 3.9.2" in too_old.stderr) == (1, True), too_old.stderr


@pytest.mark.parametrize(
    ("arguments", "status"),
    [pytest.param([], 2, id="no-command"), pytest.param(["help"], 0, id="help")],
)
def test_usage(tree: Path, arguments: list[str], status: int) -> None:
    result = run(tree, *arguments)
    assert (result.returncode, "usage: ./run" in result.stdout) == (status, True)
    assert not (tree / ".venv").exists()


@pytest.mark.parametrize("shell", ["sh", "dash", "bash"])
def test_is_posix(root: Path, shell: str) -> None:
    path = shutil.which(shell)
    if path is None:
        pytest.skip(f"no {shell} here")
    assert subprocess.run([path, "-n", root / "run"], check=False, timeout=20).returncode == 0
