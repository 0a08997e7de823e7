"""Files that a configuration names: where they are, and what is said of those that cannot be used."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from proxy.settings.problems import ProblemList
from proxy.sources import named_files
from proxy.sources.named_files import NamedFiles, place_of
from stirshaken.errors import MalformedError


def refuses(_: bytes) -> None:
    raise MalformedError("it is odd")


def read(tmp_path: Path, name: str, check: object = bytes) -> tuple[bytes, list[str]]:
    config = tmp_path / "c.yaml"
    config.write_text(f"admin:\n  tokens: {name}\n")
    found = ProblemList()
    data = NamedFiles(config, found, "admin.file").read(("admin", "tokens"), name, check)  # type: ignore[arg-type]
    return data, [problem.text("en").replace(f"{tmp_path}/", "") for problem in found]


def test_a_good_file(tmp_path: Path) -> None:
    (tmp_path / "t").write_bytes(b"octets")
    assert read(tmp_path, "t") == (b"octets", [])


def test_what_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(named_files, "MAX_OCTETS", 3)
    (tmp_path / "odd").write_bytes(b"abc")
    (tmp_path / "large").write_bytes(b"abcd")
    where = "c.yaml:2:11: admin.tokens"

    assert read(tmp_path, "none") == (b"", [f"{where}: none: No such file or directory"])
    assert read(tmp_path, "odd", refuses) == (b"", [f"{where}: odd: it is odd"])
    assert read(tmp_path, "large") == (b"", [f"{where}: large: larger than 8 MiB"])
    assert read(tmp_path, ".") == (b"", [f"{where}: {tmp_path}: Is a directory"])


def test_beside_the_configuration_else_from_here_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    config = tmp_path / "c.yaml"
    assert place_of(config, "t") == tmp_path / "t"
    (here / "t").write_bytes(b"")
    assert place_of(config, "t") == Path("t")
    (tmp_path / "t").write_bytes(b"")
    assert place_of(config, "t") == tmp_path / "t"
    assert place_of(config, os.fspath(here / "t")) == here / "t"
