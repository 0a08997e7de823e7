"""The texts: both languages say the same things with the same values, and every text asked for is there."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path
from typing import TypeGuard

import pytest

from proxy.checks.policy import RULES
from proxy.settings import yaml_strict
from proxy.settings.catalogue import text, texts

CLOSED = {"file", "yaml", "config", "directory", "csv", "check", "warning", "store", "import"}
KEY = re.compile(r"[a-z_]+(\.[a-z0-9_-]+)+")


def fields(format_text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(format_text) if name is not None}


def test_both_languages_have_the_same_keys() -> None:
    assert list(texts("en")) == list(texts("zh"))


@pytest.mark.parametrize("key", texts("en"))
def test_both_languages_use_the_same_values(key: str) -> None:
    assert fields(texts("en")[key]) == fields(texts("zh")[key])


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_files_are_strict_and_hold_only_texts(lang: str, root: Path) -> None:
    file = root / "proxy" / "settings" / "texts" / f"{lang}.yaml"
    data, _ = yaml_strict.read(file.read_text(encoding="utf-8"), file.name)  # a key that is there twice would raise
    assert data == texts(lang)
    assert all(isinstance(value, str) and KEY.fullmatch(key) for key, value in data.items())


def literals(source: Path) -> Iterator[str]:
    """Every text in a source file that looks like a key; what fault(…) is given gets its "config." back."""
    for node in ast.walk(ast.parse(source.read_bytes())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and KEY.fullmatch(node.value):
            yield node.value
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("fault", "_matching"):
            yield from (f"config.{each.value!s}" for each in ast.walk(node) if is_text(each))


def asked_for(source: Path) -> Iterator[str]:
    """What text(…), QuestionError(…), StoreError(…), Unreadable(…) and Problem(…) are called with, where it is written out."""
    places = {"text": 0, "QuestionError": 0, "StoreError": 0, "Unreadable": 0, "Problem": 4}
    for node in ast.walk(ast.parse(source.read_bytes())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in places:
            for argument in node.args[places[node.func.id] :][:1]:
                yield from (
                    str(each.value) for each in ast.walk(argument) if is_text(each) and KEY.fullmatch(str(each.value))
                )


def is_text(node: ast.AST) -> TypeGuard[ast.Constant]:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def test_every_text_that_is_asked_for_is_there(root: Path) -> None:
    keys = {(key, path.name) for path in (root / "proxy").rglob("*.py") for key in asked_for(path)}
    assert len(keys) > 20
    assert {(key, name) for key, name in keys if key not in texts("en")} == set()


def test_every_text_of_these_rooms_is_used(root: Path) -> None:
    said = {key for path in (root / "proxy").rglob("*.py") for key in literals(path)}
    ours = {key for key in texts("en") if key.partition(".")[0] in CLOSED}
    assert ours - said == set()
    assert {key for key in said if key.partition(".")[0] in CLOSED - {"config", "directory"}} - ours == set()


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_rule_has_a_sentence(rule: str, lang: str) -> None:
    sentence = text(f"rule.{rule}", lang, header="From", value="<sip:1@x>", expected="another")
    assert sentence.endswith("." if lang == "en" else "。")
    assert "{" not in sentence


def test_values_fill_a_text() -> None:
    assert text("explain.pass", "en", trunk="acme-1") == "The call passes as a call of trunk acme-1."
    assert text("explain.pass", "zh", trunk="acme-1") == "放行，按中继 acme-1 的呼叫处理。"


@pytest.mark.parametrize(
    ("key", "lang"),
    [("no.such_key", "en"), ("explain.pass", "en"), ("file.empty", "de"), ("file.empty", "../en")],
)
def test_unknown_keys_languages_and_missing_values_raise(key: str, lang: str) -> None:
    with pytest.raises(KeyError):
        text(key, lang)
