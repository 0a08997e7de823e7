"""Which of the two languages a command speaks."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar

import click

Language = Literal["zh", "en"]
Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def pick(option: str | None, environment: Mapping[str, str] | None = None) -> Language:
    """
    Choose the language: `--lang` when given, else the locale of the environment (POSIX XBD §8.2).

    The first of LC_ALL, LC_MESSAGES and LANG that is not empty decides; any Chinese locale means "zh".
    """
    if option is not None:
        return "zh" if option == "zh" else "en"
    variables = os.environ if environment is None else environment
    locales = (variables.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    locale = next((value for value in locales if value), "")
    return "zh" if locale.lower().startswith("zh") else "en"


def lang_option(function: Decorated) -> Decorated:
    """Add `--lang zh|en` to a command; the command hands its value (or None) to `pick`."""
    option = click.option(
        "--lang",
        type=click.Choice(["zh", "en"]),
        default=None,
        help="Language of the texts (default: from LANG).",
    )
    return option(function)
