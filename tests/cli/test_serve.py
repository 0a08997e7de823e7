"""trunkward serve: what it says when it cannot start, and the form of its log."""

from __future__ import annotations

import json
import os
import pty
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from proxy.cli.serve import command
from tests.wire.peers import free_port

PROGRAM = [sys.executable, "-P", "-m", "proxy", "serve"]


@pytest.fixture
def config(tmp_path: Path, root: Path) -> Path:
    """The shipped configuration on free ports, with state and records of its own."""
    text = (root / "config" / "trunkward.yaml").read_text()
    for port in ("5060", "9464", "8080"):
        text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{free_port()}")
    text = text.replace("var/", f"{tmp_path}/var/").replace("directory.yaml", str(root / "config" / "directory.yaml"))
    file = tmp_path / "trunkward.yaml"
    file.write_text(text)
    return file


def run(config: Path, lang: str) -> subprocess.CompletedProcess[str]:
    """A start that fails."""
    argv = [*PROGRAM, "-c", str(config), "--lang", lang]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30)


def occupied(config: Path) -> socket.socket:
    """A socket on the configured SIP address."""
    address = config.read_text().partition('address: "127.0.0.1:')[2].partition('"')[0]
    taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    taken.bind(("127.0.0.1", int(address)))
    return taken


@pytest.mark.parametrize(
    ("lang", "said"), [("en", "cannot listen: udp 127.0.0.1:"), ("zh", "无法监听：udp 127.0.0.1:")]
)
def test_an_address_that_is_taken(lang: str, said: str, config: Path) -> None:
    with occupied(config):
        result = run(config, lang)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith(said)


def broken(config: Path) -> None:
    config.write_text(config.read_text().replace("mode: monitor", "mode: blok"))


def gone(config: Path) -> None:
    config.unlink()


def records_are_a_file(config: Path) -> None:
    (config.parent / "var").mkdir()
    (config.parent / "var" / "log").write_text("")


def state_is_a_file(config: Path) -> None:
    (config.parent / "var").mkdir()
    (config.parent / "var" / "state").write_text("")


@pytest.mark.parametrize(
    ("spoil", "en", "zh"),
    [
        pytest.param(broken, "'blok' is not one of: block, monitor", "'blok' 不在可选值之中：block, monitor", id="configuration"),
        pytest.param(gone, "cannot be read: No such file or directory", "无法读取：No such file or directory", id="missing-file"),
        pytest.param(records_are_a_file, "cannot start: File exists", "无法启动：File exists", id="records"),
        pytest.param(state_is_a_file, "cannot start: File exists", "无法启动：File exists", id="state"),
    ],
)  # fmt: skip
def test_it_says_why_it_cannot_start(spoil: Callable[[Path], None], en: str, zh: str, config: Path) -> None:
    spoil(config)
    for lang, said in (("en", en), ("zh", zh)):
        result = run(config, lang)
        assert (result.returncode, result.stdout) == (1, "")
        assert said in result.stderr
        assert str(config.parent) in result.stderr


def test_wrong_usage(config: Path) -> None:
    assert CliRunner().invoke(command, []).exit_code == 2
    assert CliRunner().invoke(command, ["-c", str(config), "--log", "xml"]).exit_code == 2


def log_of(config: Path, *arguments: str, terminal: bool = False) -> list[str]:
    """The log of a node from its start to its stop."""
    screen, err = pty.openpty() if terminal else os.pipe()
    with subprocess.Popen([*PROGRAM, "-c", str(config), *arguments], stderr=err, start_new_session=True) as node:
        os.close(err)
        shown = b""
        try:
            deadline = time.monotonic() + 30
            while b"node.ready" not in shown and time.monotonic() < deadline:
                shown += os.read(screen, 4096)
            node.send_signal(signal.SIGTERM)
            while b"node.stopped" not in shown and time.monotonic() < deadline:
                shown += os.read(screen, 4096)
            assert node.wait(30) == 0
        finally:
            node.kill()
            os.close(screen)
    return shown.decode().splitlines()


@pytest.mark.parametrize(
    ("arguments", "terminal", "is_json"),
    [
        pytest.param([], False, True, id="json-for-a-collector"),
        pytest.param([], True, False, id="text-on-a-terminal"),
        pytest.param(["--log", "console"], False, False, id="console-when-asked"),
        pytest.param(["--log", "json"], True, True, id="json-when-asked"),
    ],
)
def test_form_of_the_log(arguments: list[str], terminal: bool, is_json: bool, config: Path) -> None:
    lines = [line for line in log_of(config, *arguments, terminal=terminal) if "node." in line]
    if is_json:
        assert [json.loads(line)["event"] for line in lines] == ["node.ready", "node.draining", "node.stopped"]
    else:
        assert [line.startswith("{") for line in lines] == [False] * 3
