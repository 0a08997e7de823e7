"""trunkward reload: what the running proxy answered, and never a signal to anybody else."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from proxy.cli.reload import _serves, command

# Stands for a proxy: writes its pid, and answers a signal with the given report, stamped or old.
STAND_IN = """
import json, os, pathlib, signal, sys, time
state, report, late = pathlib.Path(sys.argv[1]), json.loads(sys.argv[2]), float(sys.argv[3])
def answer(number, frame):
    said = report | {"at": time.time() - late, "force": number == signal.SIGUSR1}
    (state / "reload.json").write_text(json.dumps(said))
signal.signal(signal.SIGHUP, answer)
signal.signal(signal.SIGUSR1, answer)
(state / "trunkward.pid").write_text(f"{os.getpid()}\\n")
print("ready", flush=True)
while True:
    time.sleep(9)
"""
TAKEN = {"ok": True, "problems": []}
REFUSED = {"ok": False, "problems": ["c.yaml: node.name: is taken over only by a restart"]}


@pytest.fixture
def config(tmp_path: Path, root: Path) -> Path:
    """The shipped configuration with a state directory of its own."""
    (tmp_path / "state").mkdir()
    file = tmp_path / "trunkward.yaml"
    file.write_text((root / "config" / "trunkward.yaml").read_text().replace("var/state", str(tmp_path / "state")))
    return file


@contextmanager
def standing_in(config: Path, report: dict[str, object], late: float = 0.0, name: str = "serve") -> Iterator[int]:
    """A process that answers as a proxy would."""
    argv = [sys.executable, "-c", STAND_IN, str(config.parent / "state"), msgspec.json.encode(report).decode(), str(late), name]  # fmt: skip
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process.pid
            assert process.poll() is None
        finally:
            process.kill()


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(command, ["-c", str(config), *arguments])


@pytest.mark.parametrize(
    ("report", "lang", "status", "out", "err"),
    [
        pytest.param(TAKEN, "en", 0, "the proxy has taken the new configuration\n", "", id="taken"),
        pytest.param(TAKEN, "zh", 0, "代理已采用新的配置\n", "", id="taken-zh"),
        pytest.param(REFUSED, "en", 1, "", "c.yaml: node.name: is taken over only by a restart\nthe proxy has refused the new configuration and goes on with the old one\n", id="refused"),
        pytest.param(REFUSED, "zh", 1, "", "c.yaml: node.name: is taken over only by a restart\n代理拒绝了新的配置，继续使用原有配置\n", id="refused-zh"),
    ],
)  # fmt: skip
def test_answer(report: dict[str, object], lang: str, status: int, out: str, err: str, config: Path) -> None:
    with standing_in(config, report):
        result = run(config, "--lang", lang)
    assert (result.exit_code, result.stdout, result.stderr) == (status, out, err)


@pytest.mark.parametrize("force", [False, True])
def test_force_is_another_signal(force: bool, config: Path) -> None:
    with standing_in(config, TAKEN):
        assert run(config, *["--force"] * force).exit_code == 0
    report = msgspec.json.decode((config.parent / "state" / "reload.json").read_bytes())
    assert report["force"] is force


def test_an_old_answer_is_none(config: Path) -> None:
    with standing_in(config, TAKEN, late=60):
        result = run(config, "--timeout", "0.4", "--lang", "en")
    assert (result.exit_code, result.stderr) == (1, "the proxy has not answered within 0.4 s\n")


@pytest.mark.parametrize("pid", ["", "none\n", "999999999\n", "9" * 30], ids=repr)
def test_no_running_proxy(pid: str, config: Path) -> None:
    (config.parent / "state" / "trunkward.pid").write_text(pid)
    result = run(config, "--lang", "en")
    assert (result.exit_code, result.stderr) == (1, f"no running proxy was found by {config.parent}/state/trunkward.pid\n")  # fmt: skip


@pytest.mark.parametrize("pid", [-1, 0, 1], ids=["everybody", "our-own-group", "init"])
def test_who_is_never_signalled(pid: int) -> None:
    # asked directly: through the command, a guard that failed would hang up every process of the machine
    assert not _serves(pid)


def test_no_pid_file(config: Path) -> None:
    result = run(config, "--lang", "zh")
    assert (result.exit_code, "没有找到运行中的代理" in result.stderr) == (1, True)


def test_whoever_has_got_the_number_of_a_dead_proxy_is_left_alone(config: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        (config.parent / "state" / "trunkward.pid").write_text(f"{other.pid}\n")
        result = run(config, "--lang", "en")
        time.sleep(0.1)
        alive = other.poll() is None
        other.kill()
    assert (result.exit_code, alive) == (1, True)


def test_wrong_input(config: Path) -> None:
    assert CliRunner().invoke(command, []).exit_code == 2
    assert run(config, "--timeout", "soon").exit_code == 2
    config.write_text("node: {name: gw 1}")
    result = run(config, "--lang", "en")
    assert (result.exit_code, "'gw 1' is no name" in result.stderr) == (1, True)
