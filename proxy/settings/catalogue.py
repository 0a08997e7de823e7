"""The texts for people, in Chinese and English, by key."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import yaml

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is ten times faster, where PyYAML has it


def text(key: str, lang: str, /, **values: object) -> str:
    """Give the text of a key in "zh" or "en", {named} fields filled. Raises KeyError for a strange one."""
    return texts(lang)[key].format_map(values)


@cache
def texts(lang: str) -> Mapping[str, str]:
    """Give all texts of a language, fields not filled. Raises KeyError for a language that is not there."""
    if lang not in ("zh", "en"):
        raise KeyError(lang)
    data = (files("proxy.settings") / "texts" / f"{lang}.yaml").read_text(encoding="utf-8")
    known: dict[str, str] = yaml.load(data, Loader=_Loader)  # noqa: S506 - a safe loader, on a file of our own
    return known
