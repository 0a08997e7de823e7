"""Loading in a child: what it found, what was wrong, and that it failed altogether."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from proxy.parts import Loaded
from proxy.settings.problems import Problem
from proxy.supervisor.loading import Loading, write


@pytest.fixture
def config(tmp_path: Path, root: Path) -> Path:
    """The shipped configuration, copied."""
    shutil.copytree(root / "config", tmp_path / "config")
    return tmp_path / "config" / "trunkward.yaml"


def load(config: Path, *, closed: bool = False) -> tuple[Loaded | None, list[Problem]]:
    file = os.memfd_create("test")
    pid = os.fork()
    if pid == 0:
        if closed:
            os.close(file)
        write(config, file)
    _, status = os.waitpid(pid, 0)
    try:
        return Loading(0, file, 0.0, force=False).result(status, config)
    finally:
        os.close(file)


def test_a_good_configuration_comes_over_whole(config: Path) -> None:
    loaded, problems = load(config)
    assert problems == []
    assert loaded is not None
    assert loaded.settings.node.name == "gw1"
    assert "acme-1" in loaded.directory.trunks


def test_a_bad_one_brings_its_problems(config: Path) -> None:
    config.write_text(config.read_text().replace("mode: monitor", "mode: blok"))
    loaded, problems = load(config)
    assert loaded is None
    assert ["blok" in problem.text("en") for problem in problems] == [True]


def test_a_child_that_fails_is_a_problem_too(config: Path) -> None:
    loaded, problems = load(config, closed=True)
    assert loaded is None
    assert [problem.message_key for problem in problems] == ["config.reload_failed"]
