"""Rows for people and programs: aligned plain text, JSON or CSV, safe to show whatever they hold."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, TypeVar

import click

Output = Literal["table", "json", "csv"]
Decorated = TypeVar("Decorated", bound=Callable[..., Any])
Row = Mapping[str, object]

# C0, DEL and C1 controls, line and paragraph separators, zero-width and bidirectional marks, lone surrogates:
# what a terminal would act on instead of showing (CVE-2021-42574 for the bidirectional ones)
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_NUMBER = re.compile(r"[+-]?[0-9][0-9.]*")
_FORMULA = ("=", "+", "-", "@")


def output_option(function: Decorated) -> Decorated:
    """Add `--output table|json|csv` to a command."""
    option = click.option(
        "--output", type=click.Choice(["table", "json", "csv"]), default="table", help="Form of the output."
    )
    return option(function)


def print_rows(columns: Mapping[str, str], rows: Iterable[Row], output: str = "table") -> None:
    """
    Print rows on standard output.

    Args:
        columns: Key of each column, in order, to its heading; headings show in tables only, so that
            JSON and CSV read the same in every language.
        rows: Values by column key; a missing key is an empty cell (null in JSON), other keys are left out.
        output: "table", "json" (one array of objects) or "csv" (RFC 4180, header of keys).
    """
    picked = [{key: row.get(key) for key in columns} for row in rows]
    if output == "json":
        click.echo(json_text(picked))
    elif output == "csv":
        click.echo(csv_text(list(columns), picked), nl=False)
    else:
        click.echo(table_text(columns, picked), nl=False)


def json_text(value: object) -> str:
    """Give `value` as indented JSON (RFC 8259) in which nothing unseen stands unescaped."""
    plain = json.dumps(value, ensure_ascii=False, indent=2, default=str)
    # json.dumps has escaped C0; what is left stands inside strings, and its own line ends must stay
    return _UNSEEN.sub(lambda found: found[0] if found[0] == "\n" else f"\\u{ord(found[0]):04x}", plain)


def json_line(value: object) -> str:
    """Give `value` as JSON in one line, as in JSON Lines, with nothing unseen unescaped."""
    plain = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", plain)


def csv_text(keys: Sequence[str], rows: Iterable[Row]) -> str:
    """Give rows as CSV (RFC 4180); what a spreadsheet would run as a formula gets a leading quote."""
    return _csv_lines([list(keys), *([cell(row.get(key)) for key in keys] for row in rows)])


def table_text(columns: Mapping[str, str], rows: Iterable[Row]) -> str:
    """Give rows as aligned columns two spaces apart, headings first, ending with a line end."""
    lines = [list(columns.values()), *([cell(row.get(key)) for key in columns] for row in rows)]
    widths = [max(map(width, column)) for column in zip(*lines, strict=True)]
    return "".join(_line(line, widths) for line in lines)


class Growing:
    """Rows that are printed as they come, under one heading: CSV, or a table whose columns only get wider."""

    def __init__(self, columns: Mapping[str, str], output: str) -> None:
        self._columns = columns
        self._csv = output == "csv"
        self._widths = [0] * len(columns)
        self._begun = False

    def print(self, rows: Iterable[Row]) -> None:
        """Print more rows; the heading stands above the first ones."""
        lines = [[cell(row.get(key)) for key in self._columns] for row in rows]
        if not self._begun:
            lines.insert(0, list(self._columns if self._csv else self._columns.values()))
            self._begun = True
        if self._csv:
            click.echo(_csv_lines(lines), nl=False)
            return
        for line in lines:
            self._widths = list(map(max, self._widths, map(width, line)))
        for line in lines:
            click.echo(_line(line, self._widths), nl=False)


def cell(value: object) -> str:
    """Give one value as text for a cell: None is empty, sequences get commas, controls are visible."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(map(cell, value))
    return visible(str(value))


def visible(text: str) -> str:
    r"""Replace what a terminal would act on instead of showing by its escape (`\x1b`, `\u202e`)."""
    return _UNSEEN.sub(lambda found: ascii(found[0])[1:-1], text)


def width(text: str) -> int:
    """Count the terminal columns that `text` takes (UAX #11: wide characters two, combining ones none)."""
    return sum(map(_columns, text))


def pad(text: str, columns: int) -> str:
    """Fill `text` with spaces up to so many terminal columns."""
    return text + " " * (columns - width(text))


def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(map(pad, cells, widths)).rstrip(" ") + "\n"


def _csv_lines(lines: Iterable[Sequence[str]]) -> str:
    written = io.StringIO()
    csv.writer(written).writerows(map(_inert, line) for line in lines)
    return written.getvalue()


def _inert(text: str) -> str:
    # a telephone number may keep its plus: it can be nothing but a number
    return f"'{text}" if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text) else text
