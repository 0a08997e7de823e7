"""Problems as lines for people, and how many of them are kept."""

from __future__ import annotations

from multiprocessing.reduction import ForkingPickler

import pytest

from proxy.settings.problems import MAX_SHOWN, ConfigError, Problem, ProblemList, nearest

UNKNOWN = Problem("c.yaml", 3, 5, "listen[0].adress", "config.unknown_key", {"near": "address"})


@pytest.mark.parametrize(
    ("problem", "lang", "expected"),
    [
        pytest.param(UNKNOWN, "en", "c.yaml:3:5: listen[0].adress: unknown key, did you mean 'address'?", id="near"),
        pytest.param(UNKNOWN, "zh", "c.yaml:3:5: listen[0].adress: 未知的键，是不是想写 'address'？", id="near-zh"),
        pytest.param(
            Problem("c.yaml", 3, 5, "x", "config.unknown_key", {"near": ""}), "en", "c.yaml:3:5: x: unknown key", id="nothing-near"
        ),
        pytest.param(Problem("c.yaml", 0, 0, "", "file.empty"), "en", "c.yaml: is empty", id="whole-file"),
        pytest.param(Problem("c.yaml", 0, 0, "node", "config.missing"), "en", "c.yaml: node: is missing", id="no-line"),
        pytest.param(Problem("", 0, 0, "", "config.more", {"count": 7}), "en", "7 more problems", id="no-file"),
    ],
)  # fmt: skip
def test_text(problem: Problem, lang: str, expected: str) -> None:
    assert problem.text(lang) == expected


def test_an_error_shows_every_problem_and_goes_between_processes() -> None:
    error = ConfigError([UNKNOWN, Problem("c.yaml", 0, 0, "", "file.empty")])
    assert str(error).splitlines() == [UNKNOWN.text("en"), "c.yaml: is empty"]
    again = ForkingPickler.loads(ForkingPickler.dumps(error))
    assert isinstance(again, ConfigError)
    assert again.problems == error.problems


def test_a_list_shows_each_file_from_top_to_bottom() -> None:
    found = ProblemList()
    found.add(*(Problem(file, line, 1, "", "file.empty") for file, line in [("b", 9), ("a", 4), ("b", 2), ("a", 1)]))
    assert [(each.file, each.line) for each in found] == [("b", 2), ("b", 9), ("a", 1), ("a", 4)]


@pytest.mark.parametrize(
    ("added", "kept", "rest"), [(0, 0, 0), (1, 1, 0), (MAX_SHOWN, 100, 0), (MAX_SHOWN + 250, 100, 250)]
)
def test_a_list_counts_what_it_does_not_keep(added: int, kept: int, rest: int) -> None:
    found = ProblemList()
    for _ in range(added):
        found.add(UNKNOWN)
    shown = list(found)
    assert found.total == added
    assert shown.count(UNKNOWN) == kept
    assert [each.text("en") for each in shown[kept:]] == ([f"{rest} more problems"] if rest else [])


def test_check_raises_only_when_there_is_a_problem() -> None:
    found = ProblemList()
    found.check()
    found.add(UNKNOWN)
    with pytest.raises(ConfigError) as error:
        found.check()
    assert error.value.problems == (UNKNOWN,)


@pytest.mark.parametrize(("word", "near"), [("adress", "address"), ("advertize", "advertise"), ("xyzzy", ""), ("", "")])
def test_nearest(word: str, near: str) -> None:
    assert nearest(word, ["address", "advertise", "name"]) == near
