"""The language of a command: the option first, then the locale."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from proxy.cli.language import lang_option, pick


@pytest.mark.parametrize(
    ("option", "environment", "expected"),
    [
        pytest.param("zh", {"LANG": "en_US.UTF-8"}, "zh", id="option-beats-locale"),
        pytest.param("en", {"LANG": "zh_CN.UTF-8"}, "en", id="option-en-beats-chinese-locale"),
        pytest.param(None, {"LANG": "zh_CN.UTF-8"}, "zh", id="lang-chinese"),
        pytest.param(None, {"LANG": "zh_TW.UTF-8"}, "zh", id="lang-chinese-taiwan"),
        pytest.param(None, {"LANG": "de_DE.UTF-8"}, "en", id="other-locale-is-english"),
        pytest.param(None, {"LC_ALL": "C", "LANG": "zh_CN.UTF-8"}, "en", id="lc-all-beats-lang"),
        pytest.param(None, {"LC_MESSAGES": "zh_CN", "LANG": "C"}, "zh", id="lc-messages-beats-lang"),
        pytest.param(None, {"LC_ALL": "", "LANG": "zh"}, "zh", id="empty-variable-is-no-answer"),
        pytest.param(None, {}, "en", id="no-locale-at-all"),
    ],
)
def test_pick(option: str | None, environment: dict[str, str], expected: str) -> None:
    assert pick(option, environment) == expected


def test_lang_option_knows_two_languages() -> None:
    @click.command()
    @lang_option
    def command(lang: str | None) -> None:
        click.echo(lang)

    assert CliRunner().invoke(command, ["--lang", "zh"]).output == "zh\n"
    assert CliRunner().invoke(command, ["--lang", "fr"]).exit_code == 2
