"""The demo as people run it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from proxy.demo.scenario import KINDS

DEMO = [sys.executable, "-P", "-m", "proxy", "demo"]


def environment(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}


@pytest.mark.parametrize(
    ("lang", "total"),
    [
        pytest.param("en", f"{len(KINDS)} of {len(KINDS)} calls as expected", id="english"),
        pytest.param("zh", f"{len(KINDS)} 通呼叫中 {len(KINDS)} 通符合预期", id="chinese"),
    ],
)
def test_once_shows_every_kind_as_expected(lang: str, total: str, tmp_path: Path) -> None:
    result = subprocess.run(
        [*DEMO, "--once", "--lang", lang],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stderr == ""
    assert sum(line.endswith(" OK") for line in result.stdout.splitlines()) == len(KINDS)
    assert total in result.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stays_up_until_it_is_told_to_end(number: signal.Signals, tmp_path: Path) -> None:
    with subprocess.Popen(
        [*DEMO, "--lang", "en"],
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as demo:
        assert demo.stdout is not None
        lines = iter(demo.stdout.readline, "")
        assert any("Ctrl-C ends" in line for line in lines)
        demo.send_signal(number)
        assert demo.wait(60) == 0
        with pytest.raises(ProcessLookupError):  # nothing of its session is left
            os.killpg(demo.pid, 0)
    assert list(tmp_path.iterdir()) == []
