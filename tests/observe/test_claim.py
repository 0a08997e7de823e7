"""Chains are claimed one by one, and are free again when who wrote them is gone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from proxy.observe.claim import claim


def test_each_process_gets_a_chain_of_its_own(tmp_path: Path) -> None:
    first, second = claim(tmp_path), claim(tmp_path)
    assert (first.series, second.series) == ("", "1")
    first.release()
    third = claim(tmp_path)
    assert third.series == ""
    for each in (second, third):
        each.release()


def test_a_process_that_is_killed_leaves_its_chain(tmp_path: Path) -> None:
    code = f"from pathlib import Path; from proxy.observe.claim import claim; claim(Path({str(tmp_path)!r})); print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-P", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        mine = claim(tmp_path)
        assert mine.series == "1"
        mine.release()
        other.kill()
        other.wait()
    again = claim(tmp_path)
    assert again.series == ""
    again.release()
