"""What people may see of records: numbers whole, or with their middle hidden."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from time import time
from typing import Final

import click
import msgspec

from proxy.observe.reading import Record
from proxy.observe.record import masked
from proxy.settings.catalogue import text
from proxy.settings.model import Settings

NOTES: Final = "unmasked.jsonl"  # in `node.state`: who has seen numbers whole; who may not write there may not see them


class View:
    """Shows records as they are, or masked."""

    def __init__(self, *, hides: bool = False) -> None:
        self.hides = hides

    def records(self, found: Iterable[Record]) -> list[Record]:
        """The records as they are to be shown; their Call-IDs stay, for they are asked for by them."""
        return [self.record(record) for record in found]

    def record(self, record: Record) -> Record:
        """One record as it is to be shown."""
        return masked(record) | {"call_id": record.get("call_id")} if self.hides else record


def view(settings: Settings | None, language: str, *, unmask: bool) -> View:
    """
    What `records.mask_views` and `--unmask` say. Who unmasks is noted in the node's state directory before anything
    is shown; leaves with 1 where that cannot be written.
    """
    if settings is None or not settings.records.mask_views:
        return View()
    if not unmask:
        return View(hides=True)
    note = {"ts": f"{datetime.fromtimestamp(time(), UTC):%Y-%m-%dT%H:%M:%SZ}", "user": _user(), "command": sys.argv[1:]}
    path = Path(settings.node.state) / NOTES
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640), "ab") as file:
            file.write(msgspec.json.encode(note) + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        click.echo(text("call.no_unmask", language, file=str(path), reason=error.strerror), err=True)
        sys.exit(1)
    return View()


def _user() -> str:
    """Who asks, as the system knows him: the one before sudo as well."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = str(os.getuid())
    before = os.environ.get("SUDO_USER")
    return f"{before} as {name}" if before else name
