"""trunkward call reindex: the index of the call records, made anew from their files."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from proxy.cli.language import lang_option, pick
from proxy.cli.recorded import settings_of
from proxy.observe.indexing import Indexer
from proxy.observe.reading import Records, Wanted
from proxy.settings.catalogue import text
from proxy.store.errors import StoreError
from proxy.store.index import open_index


@click.command("reindex")
@click.option("-c", "--config", type=click.Path(path_type=Path), required=True, help="Configuration file.")
@lang_option
def command(config: Path, lang: str | None) -> None:
    """Make the index of the records anew from their files."""
    language = pick(lang)
    settings = settings_of(config, language)
    if not settings.records.index_url:
        click.echo(text("call.index_off", language), err=True)
        sys.exit(1)
    directory = Path(settings.records.directory)
    try:
        index = open_index(settings.records.index_url, config.parent, create=directory.is_dir())
        index.prepare()
        index.clear()
        indexer = Indexer(directory, settings.node.name, index)
        size = Records(directory).size(Wanted())
        label = text("call.indexing", language)
        with click.progressbar(length=size, label=label, file=sys.stderr) as bar:
            while octets := indexer.step():
                bar.update(octets)
    except StoreError as error:
        click.echo(text(error.message_key, language, **error.values), err=True)
        sys.exit(1)
    except OSError as error:
        values = {"file": str(error.filename or directory), "reason": error.strerror}
        click.echo(text("call.unreadable", language, **values), err=True)
        sys.exit(1)
    if indexer.broken:
        click.echo(text("call.broken", language, count=indexer.broken), err=True)
    click.echo(text("call.indexed", language, index=index.shown, days=len(index.days())))
