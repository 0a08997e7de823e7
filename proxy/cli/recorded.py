"""Where commands find the records of calls: the files that a configuration or an option names, and their index."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from proxy.checks.policy import NAMES
from proxy.cli.problems import show_problems
from proxy.cli.table import visible
from proxy.cli.viewing import View, view
from proxy.observe.finding import Finder, Page
from proxy.observe.reading import Record, Records, Wanted
from proxy.settings.catalogue import text
from proxy.settings.load import load
from proxy.settings.model import Settings
from proxy.settings.problems import ConfigError
from proxy.store.errors import StoreError
from proxy.store.index import Index, open_index

MUCH: Final = 64 << 20  # octets of records from which on it takes long enough to show that something happens
COUNTRY: Final = "86"  # of numbers that are searched without a configuration
FILE: Final = "index.db"


@dataclass(frozen=True, slots=True)
class Recorded:
    """The files, their index where there is one, the country of their numbers, and what of these may be seen."""

    source: Records
    finder: Finder | None
    country: str
    view: View

    def page(self, count: int, wanted: Wanted, before: int, language: str) -> Page:
        """The newest wanted verdicts; from the files alone when there is no index, or it is away."""
        if self.finder is not None:
            try:
                return self.finder.page(wanted, count, before)
            except StoreError as error:
                click.echo(text(error.message_key, language, **error.values), err=True)
        if before:
            click.echo(text("call.no_index", language), err=True)
            sys.exit(1)
        return Page(self.last(count, wanted, language))

    def call(self, call_id: str) -> list[Record]:
        """Every record of one Call-ID, oldest first."""
        if self.finder is not None:
            try:
                return self.finder.call(call_id)
            except StoreError:
                pass
        return self.source.call(call_id)

    def last(self, count: int, wanted: Wanted, language: str) -> list[Record]:
        """The last wanted records of the files; a bar shows on a terminal when there is much to read."""
        source, size = self.source, self.source.size(wanted)
        if size < MUCH or not sys.stderr.isatty():
            return source.last(count, wanted)
        with click.progressbar(length=size, label=text("call.reading", language), file=sys.stderr) as bar:
            source.progress = bar.update
            return source.last(count, wanted)


def recorded(
    directory: Path | None, config: Path | None, language: str, *, unmask: bool = False, may_be_empty: bool = False
) -> Recorded:
    """The records that are meant; leaves with 1 where there are none."""
    settings = settings_of(config, language) if config is not None else None
    index = None
    if settings is not None and config is not None and directory is None:
        directory = Path(settings.records.directory)
        index = _index(settings.records.index_url, config.parent)
    elif directory is not None:
        index = _index(f"sqlite:{(directory / FILE).absolute()}", Path())
    if directory is None:
        raise click.UsageError(text("call.where", language))
    source = Records(directory)
    if not source.files() and not (may_be_empty and directory.is_dir()):
        key = "call.no_files" if directory.is_dir() else "call.no_directory"
        click.echo(text(key, language, directory=visible(str(directory))), err=True)
        sys.exit(1)
    node = "" if settings is None or index is None or index.is_sqlite else settings.node.name
    return Recorded(
        source,
        None if index is None else Finder(directory, index, node),
        COUNTRY if settings is None else settings.numbering.country,
        view(settings, language, unmask=unmask),
    )


def settings_of(config: Path, language: str) -> Settings:
    """What a configuration says; leaves with 1 where it is wrong."""
    try:
        return load(config, rules=NAMES)
    except ConfigError as error:
        show_problems(error.problems, language)
        sys.exit(1)


def _index(url: str, base: Path) -> Index | None:
    """The index, if there is one that can be searched."""
    try:
        index = open_index(url, base) if url else None
    except StoreError:
        return None
    return index if index is not None and index.usable() else None


@contextmanager
def readable(source: Records, language: str) -> Iterator[None]:
    """Say what could not be read: a whole file ends the command with 1, single lines are counted."""
    try:
        yield
    except OSError as error:
        if not error.filename:  # not a record file: standard output was closed, say
            raise
        values = {"file": visible(str(error.filename)), "reason": error.strerror}
        click.echo(text("call.unreadable", language, **values), err=True)
        sys.exit(1)
    if source.broken:
        click.echo(text("call.broken", language, count=source.broken), err=True)
