"""What is wrong with a configuration, where, and what was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from proxy.settings.catalogue import text

MAX_SHOWN: Final = 100  # problems kept one by one; the rest is counted


@dataclass(frozen=True, slots=True)
class Problem:
    """
    One fault (or warning) in one file.

    `line` and `column` count from 1, `line` 0 means the file as a whole; `key` is the dotted path
    ("listen[0].address"), "" for none; `message_key` is its text in the catalogue, `values` fill it.
    A value named `near` adds "did you mean".
    """

    file: str
    line: int
    column: int
    key: str
    message_key: str
    values: Mapping[str, object] = field(default_factory=dict)

    def text(self, lang: str) -> str:
        """Give the whole line: "file:line:column: key: what is wrong, did you mean …"."""
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return ": ".join(part for part in (place, self.key, self.message(lang)) if part)

    def message(self, lang: str) -> str:
        """Give what is wrong, without the place."""
        said = text(self.message_key, lang, **self.values)
        near = self.values.get("near")
        return said + (text("config.near", lang, near=near) if near else "")


class ConfigError(Exception):
    """A configuration or directory that cannot be used; `problems` says everything that is wrong with it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__(self.problems)  # what pickle makes it anew from

    def __str__(self) -> str:
        """Give every problem on a line of its own, in English."""
        return "\n".join(problem.text("en") for problem in self.problems)


class ProblemList:
    """Collects problems: the first `MAX_SHOWN` one by one, the rest as a number."""

    __slots__ = ("_kept", "total")

    def __init__(self) -> None:
        self._kept: list[Problem] = []
        self.total = 0

    def __iter__(self) -> Iterator[Problem]:
        """Go through what is kept, each file from top to bottom, then count the rest."""
        files = {problem.file: order for order, problem in reversed(list(enumerate(self._kept)))}
        yield from sorted(self._kept, key=lambda each: (files[each.file], each.line, each.column))
        if self.total > len(self._kept):
            more = {"count": self.total - len(self._kept)}
            yield Problem("", 0, 0, "", "config.more", more)

    def add(self, *problems: Problem) -> None:
        """Take problems in."""
        self.total += len(problems)
        self._kept.extend(problems[: MAX_SHOWN - len(self._kept)])

    def check(self) -> None:
        """Raise ConfigError when there is any problem."""
        if self.total:
            raise ConfigError(self)


def nearest(word: str, known: Iterable[str]) -> str:
    """Give the known word that was probably meant, "" when none is near."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return found[0] if found else ""
