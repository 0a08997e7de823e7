"""What commands on a database share: the configuration, the store, who acts, in which language, and how they fail."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from time import time
from typing import Any, NoReturn, TypeVar

import click

from proxy.call.directory import key_of, number_of
from proxy.call.numbers import normalise
from proxy.call.trunk import DialPlan
from proxy.checks.policy import NAMES
from proxy.cli.language import Language, lang_option, pick
from proxy.cli.problems import show_problems
from proxy.cli.table import json_text, output_option, print_rows, visible
from proxy.settings.catalogue import text
from proxy.settings.kinds import parse_day
from proxy.settings.load import load
from proxy.settings.model import Settings
from proxy.settings.problems import ConfigError
from proxy.store.database import Store, open_store
from proxy.store.errors import StoreError
from proxy.store.history import By

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Desk:
    """One command at work."""

    store: Store
    settings: Settings
    config: Path
    language: Language
    output: str
    who: str

    @property
    def today(self) -> date:
        """The local day: days of contracts are the node's."""
        return date.today()  # noqa: DTZ011

    def by(self) -> By:
        """Who acts, now. Raises StoreError when nobody says who."""
        if not self.who.strip():
            raise StoreError("store.nobody")
        moment = datetime.fromtimestamp(time(), UTC)
        return By(self.who.strip(), moment.strftime("%Y-%m-%dT%H:%M:%SZ"), self.today)

    def key(self, number: str) -> int:
        """The key of a number as people write it. Raises StoreError."""
        found = normalise(number.replace(" ", ""), DialPlan(country=self.settings.numbering.country))
        if not found:
            raise StoreError("number.unreadable", number=number)
        return key_of(found)

    def keys(self, first: str, last: str | None) -> tuple[int, int]:
        """The keys of a range, or of one number. Raises StoreError."""
        low = self.key(first)
        high = self.key(last) if last else low
        if len(str(low)) != len(str(high)):
            raise StoreError("config.lengths")
        if high < low:
            raise StoreError("config.order", first=number_of(low))
        return low, high

    def say(self, key: str, **values: object) -> None:
        """A sentence for people, on standard error."""
        click.echo(visible(text(key, self.language, **values)), err=True)

    def show(self, keys: tuple[str, ...], rows: list[Mapping[str, object]]) -> None:
        """Rows on standard output, with the headings of the catalogue."""
        print_rows({key: text(f"column.{key}", self.language) for key in keys}, rows, self.output)

    def facts(self, facts: Mapping[str, object]) -> None:
        """One thing, a fact a line; an object in JSON, one row in CSV."""
        if self.output == "table":
            rows = [{"key": text(f"column.{key}", self.language), "value": value} for key, value in facts.items()]
            print_rows({key: text(f"column.{key}", self.language) for key in ("key", "value")}, rows)
        elif self.output == "json":
            click.echo(json_text(facts))
        else:
            print_rows({key: key for key in facts}, [facts], self.output)


def at_desk(*, creates: bool = False) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a function of a Desk a command: it gets -c, --as, --output, --lang; what it raises ends it with 1."""

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def run(config: Path, as_name: str | None, output: str, lang: str | None, **rest: Any) -> None:
            language = pick(lang)
            who = as_name if as_name is not None else os.environ.get("USER", "")
            try:
                settings = load(config, rules=NAMES)
                if settings.directory.url.startswith("file:"):
                    raise StoreError("store.is_file", config=config)  # noqa: TRY301
                store = open_store(settings.directory.url, config.parent, create=creates)
                function(Desk(store, settings, config, language, output, who), **rest)
            except ConfigError as error:
                show_problems(error.problems, language)
                sys.exit(1)
            except StoreError as error:
                fail(error, language)

        return _options(run)

    return decorate


def fail(error: StoreError, language: Language) -> NoReturn:
    """Say why a store refuses, and end with 1."""
    click.echo(visible(text(error.message_key, language, **error.values)), err=True)
    sys.exit(1)


def options(*each: Callable[[Any], Any]) -> Callable[[Decorated], Decorated]:
    """Several options as one decorator."""

    def decorate(function: Decorated) -> Decorated:
        for option in each:
            function = option(function)
        return function

    return decorate


_options = options(
    click.option("--as", "as_name", help="Who does this (default: the environment's USER)."),
    click.option("-c", "--config", type=click.Path(path_type=Path), required=True, help="Configuration file."),
    output_option,
    lang_option,
)


class Day(click.ParamType[date]):
    """A day on the command line, as in the configuration."""

    name = "YYYY-MM-DD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Read it, or fail as click does."""
        day = value if isinstance(value, date) else parse_day(value)
        if day is None:
            self.fail(f"{value!r} is no day; write YYYY-MM-DD", param, ctx)
        return day


def pairs(values: tuple[str, ...], form: str) -> dict[str, str]:
    """Options of the form NAME=WORDS. Raises StoreError."""
    found: dict[str, str] = {}
    for value in values:
        name, equals, said = value.partition("=")
        if not equals:
            raise StoreError("trunk.pair", value=value, form=form)
        found[name] = said
    return found


def action_of(said: str) -> dict[str, object]:
    """What stands behind a rule, ACTION or ACTION:STATUS, as it would stand in a configuration."""
    action, _, status = said.partition(":")
    if not status:
        return {"action": action}
    return {"action": action, "status": int(status) if status.isascii() and status.isdigit() else status}
