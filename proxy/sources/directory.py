"""Reads the directory wherever its URL says that it is: in a file, or in a database."""

from __future__ import annotations

from collections.abc import Collection

from proxy.settings.load import NumberSource
from proxy.settings.problems import Problem, ProblemList
from proxy.sources.directory_file import examine_directory
from proxy.store.entries import Examined
from proxy.store.errors import StoreError


def examine(source: NumberSource, found: ProblemList, rules: Collection[str]) -> Examined | None:
    """Read a directory; None, and its problems in `found`, when it cannot be used."""
    country, emergency = source.country, source.emergency
    if source.is_file:
        return examine_directory(source.path, found, country=country, emergency=emergency, rules=rules)
    # SQLAlchemy takes a quarter of a second to import: only who has a database pays for it
    from proxy.store.database import open_store  # noqa: PLC0415
    from proxy.store.load import examine_store  # noqa: PLC0415

    try:
        store = open_store(source.url, source.config.parent)
        return examine_store(store, found, country=country, emergency=emergency, rules=rules)
    except StoreError as error:
        found.add(Problem(str(source.config), 0, 0, "directory.url", error.message_key, error.values))
    return None
