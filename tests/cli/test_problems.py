"""Problems on standard error: one a line, counted, and safe to show."""

from __future__ import annotations

import pytest

from proxy.cli.problems import show_problems
from proxy.settings.problems import Problem

UNKNOWN = Problem("c.yaml", 3, 5, "listen[0].adress", "config.unknown_key", {"near": "address"})
EMPTY = Problem("d.yaml", 0, 0, "", "file.empty")


@pytest.mark.parametrize(
    ("problems", "lang", "expected"),
    [
        pytest.param([], "en", [], id="none"),
        pytest.param(
            [UNKNOWN, EMPTY],
            "en",
            [
                "c.yaml:3:5: listen[0].adress: unknown key, did you mean 'address'?",
                "d.yaml: is empty",
                "problems: 2",
            ],
            id="english",
        ),
        pytest.param([EMPTY], "zh", ["d.yaml: 文件是空的", "问题：1 个"], id="chinese"),
    ],
)
def test_shown(problems: list[Problem], lang: str, expected: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    show_problems(problems, lang)
    written = capsys.readouterr()
    assert (written.out, written.err.splitlines()) == ("", expected)


def test_what_stands_in_a_file_cannot_act_on_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    show_problems([Problem("c.yaml", 1, 1, "\x1b[31m", "config.name", {"value": "\u202egp4"})], "en")
    assert "\x1b" not in (written := capsys.readouterr().err)
    assert "\u202e" not in written
