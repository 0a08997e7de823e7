"""YAML without surprises (a subset of YAML 1.2), each key and value with its line and column."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import yaml
from yaml.events import (
    AliasEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from proxy.settings.problems import ConfigError, Problem

MAX_CHARACTERS: Final = 32 * 2**20
MAX_DEPTH: Final = 20

Path: TypeAlias = tuple[str | int, ...]
Mark: TypeAlias = tuple[int, int]

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WORDS: Final[Mapping[str, bool | None]] = {"true": True, "false": False, "null": None, "~": None, "": None}
_INTEGER: Final = re.compile("-?(?:0|[1-9][0-9]{0,17})")
_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")  # YAML 1.2 §5.1
_BREAK: Final = re.compile("\r\n|[\r\n\x85\u2028\u2029]")  # what YAML 1.1 counts as lines
_FLOAT: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Positions:
    """Line and column, from 1, of the keys and values of a document, by path."""

    keys: dict[Path, Mark] = field(default_factory=dict)
    values: dict[Path, Mark] = field(default_factory=dict)

    def key(self, path: Path) -> Mark:
        """Where the key of a path stands; for an item of a list or a missing key what is around it."""
        for end in range(len(path), -1, -1):
            mark = self.keys.get(path[:end]) or self.values.get(path[:end])
            if mark:
                return mark
        return (1, 1)

    def value(self, path: Path) -> Mark:
        """Where the value of a path stands; for a missing one as `key`."""
        return self.values.get(path) or self.key(path)


@dataclass(frozen=True, slots=True)
class Document:
    """A file as it was read: `data` (None where it is no YAML), positions, and what is wrong with it."""

    file: str
    data: Any
    positions: Positions
    problems: tuple[Problem, ...] = ()


def read(text: str, file: str) -> tuple[Any, Positions]:
    """
    Read one YAML document; `file` is its name in messages.

    Only `true` and `false` are booleans and only plain decimal numbers are numbers: `0571`, `+86…`,
    `12:30`, `no` and dates stay text, and so do all keys. Raises ConfigError.
    """
    document = examine(text, file)
    if document.problems:
        raise ConfigError(document.problems)
    return document.data, document.positions


def examine(text: str, file: str) -> Document:
    """Read one YAML document as `read` does, and keep what is readable when something is wrong."""
    if len(text) > MAX_CHARACTERS:
        limit = MAX_CHARACTERS // 2**20
        return Document(file, None, Positions(), (Problem(file, 0, 0, "", "yaml.too_large", {"limit": limit}),))
    text = text.removeprefix("\ufeff")
    unseen = _CONTROL.search(text)
    if unseen is not None:
        before = text[: unseen.start()]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        code = {"code": f"U+{ord(unseen[0]):04X}"}
        return Document(file, None, Positions(), (Problem(file, line, column, "", "yaml.control", code),))
    breaks = list(_BREAK.finditer(text))
    end = (len(breaks) + 1, len(text) - (breaks[-1].end() if breaks else 0) + 1)
    composer = _Composer(file, yaml.parse(text, Loader=_Loader), end)
    data = composer.document()
    return Document(file, data, composer.positions, tuple(composer.problems))


class _Stop(Exception):
    """Nothing more can be read."""


class _Composer:
    """Turns the events of one file into data; notes positions and problems on the way."""

    def __init__(self, file: str, events: Iterator[Event], end: Mark) -> None:
        self.file = file
        self.end = end
        self.positions = Positions()
        self.problems: list[Problem] = []
        self._events = events

    def document(self) -> Any:
        """Read the one document; None when it cannot be read."""
        try:
            self._next()  # the stream begins
            if isinstance(self._next(), StreamEndEvent):
                return None
            data = self._node(self._next(), ())
            self._next()  # the document ends
            after = self._next()
            if not isinstance(after, StreamEndEvent):
                self._note("yaml.documents", after)
        except _Stop:
            return None
        return data

    def _next(self) -> Event:
        try:
            return next(self._events)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            # libyaml sees the end of a text one line too late where it has no line end
            line, column = min((mark.line + 1, mark.column + 1), self.end) if mark else (0, 0)
            reason = error.problem or error.context or ""
            self.problems.append(Problem(self.file, line, column, "", "yaml.syntax", {"reason": reason}))
        except yaml.YAMLError as error:
            reason = str(error).partition("\n")[0]
            self.problems.append(Problem(self.file, 0, 0, "", "yaml.syntax", {"reason": reason}))
        raise _Stop

    def _note(self, message: str, event: Event, path: Path = (), **values: object) -> None:
        line, column = _mark(event)
        self.problems.append(Problem(self.file, line, column, dotted(path), message, values))

    def _node(self, event: Event, path: Path) -> Any:
        self.positions.values[path] = _mark(event)
        if isinstance(event, AliasEvent):
            self._note("yaml.alias", event, path)
            return None
        if getattr(event, "anchor", None) is not None:
            self._note("yaml.alias", event, path)
        if (tag := getattr(event, "tag", None)) is not None:
            self._note("yaml.tag", event, path, tag=tag)
        if isinstance(event, ScalarEvent):
            return _scalar(event)
        if len(path) == MAX_DEPTH:
            self._note("yaml.depth", event, path, limit=MAX_DEPTH)
            raise _Stop
        return self._mapping(path) if isinstance(event, MappingStartEvent) else self._sequence(event, path)

    def _sequence(self, event: Event, path: Path) -> list[Any]:
        assert isinstance(event, SequenceStartEvent)  # noqa: S101 - no other event can begin a node
        items: list[Any] = []
        while not isinstance(event := self._next(), SequenceEndEvent):
            items.append(self._node(event, (*path, len(items))))
        return items

    def _mapping(self, path: Path) -> dict[str, Any]:
        data: dict[str, Any] = {}
        while not isinstance(event := self._next(), MappingEndEvent):
            if not isinstance(event, ScalarEvent):
                self._note("yaml.key", event, path)
                raise _Stop
            key = event.value
            inner = (*path, key)
            kept = self.positions
            if key in data:
                self._note("yaml.duplicate", event, inner, first=kept.keys[inner][0])
                self.positions = Positions()  # what is read now counts for nothing: the first one's stay
            self.positions.keys[inner] = _mark(event)
            if event.anchor is not None:
                self._note("yaml.alias", event, inner)
            if event.tag is not None:
                self._note("yaml.tag", event, inner, tag=event.tag)
            data.setdefault(key, self._node(self._next(), inner))
            self.positions = kept
        return data


def _scalar(event: ScalarEvent) -> Any:
    value: str = event.value
    if not event.implicit[0]:  # quoted, or a block
        return value
    if value in _WORDS:
        return _WORDS[value]
    if _INTEGER.fullmatch(value):
        return int(value)
    return float(value) if _FLOAT.fullmatch(value) else value


def _mark(event: Event) -> Mark:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)


def dotted(path: Path) -> str:
    """Give a path as people write it: `listen[0].address`."""
    shown = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return shown.removeprefix(".")
