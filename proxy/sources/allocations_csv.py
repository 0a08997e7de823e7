"""Lists of allocated numbers in CSV (RFC 4180): every row is checked, nothing is guessed."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from operator import itemgetter
from pathlib import Path
from typing import Final, TypeAlias

from proxy.settings.kinds import NUMBER, parse_day
from proxy.settings.problems import Problem, ProblemList, nearest

COLUMNS: Final = ("first", "last", "valid_from", "valid_to", "purpose", "proof")
MAX_OCTETS: Final = 512 * 2**20

# first, last, valid_from, valid_to, purpose, proof
Row: TypeAlias = tuple[str, str, date | None, date | None, str, str]


def read_file(path: Path, shown: str, found: ProblemList) -> Iterator[Row]:
    """Give the sound rows of a CSV file; what is wrong goes to `found` under the name `shown`."""
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= MAX_OCTETS else b""
    except OSError as error:
        reason = error.strerror or type(error).__name__
        found.add(Problem(shown, 0, 0, "", "file.unreadable", {"reason": reason}))
        return
    if size > MAX_OCTETS:
        found.add(Problem(shown, 0, 0, "", "csv.too_large", {"limit": MAX_OCTETS // 2**20}))
        return
    yield from read_rows(data, shown, found)


def read_rows(data: bytes, shown: str, found: ProblemList) -> Iterator[Row]:
    """
    Give the sound rows of a CSV file's octets: UTF-8 with or without BOM, lines ending in LF or CRLF.

    The first row names the columns: `first` and any of the others of `COLUMNS`, in any order. A row has as
    many columns as the header. Problems say the line, and the column of the table (not the character).
    """
    text = _decode(data, shown, found)
    if text is None:
        return
    reader = _Reader(text, shown, found)
    rows = reader.rows()
    header = next(rows, None)
    if header is not None and _check_header(header, reader):
        yield from _sound_rows(header, rows, reader)
    elif header is None and not reader.broken:
        found.add(Problem(shown, 0, 0, "", "csv.no_header"))


def _decode(data: bytes, shown: str, found: ProblemList) -> str | None:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        found.add(Problem(shown, 0, 0, "", "csv.utf16"))
        return None
    bad, message = data.find(b"\0"), "csv.nul"
    if bad < 0:
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            # what the codec counts starts behind the BOM
            bad, message = error.start + (len(data) - len(error.object)), "file.no_utf8"
    line_begin = data.rfind(b"\n", 0, bad) + 1
    table_column = data.count(b",", line_begin, bad) + 1
    found.add(Problem(shown, data.count(b"\n", 0, bad) + 1, table_column, "", message))
    return None


@dataclass(slots=True)
class _Reader:
    """Rows of text with the line of each; stops at the first one whose quotes are wrong."""

    text: str
    shown: str
    found: ProblemList
    line: int = 0
    broken: bool = False

    def note(self, column: int, name: str, message: str, **values: object) -> None:
        """Note a problem of the present row."""
        self.found.add(Problem(self.shown, self.line, column, name, message, values))

    @property
    def at_cut(self) -> bool:
        """Whether the present row is the last one and has no line end."""
        return not self.text.endswith("\n") and self.line == self.text.count("\n") + 1

    def rows(self) -> Iterator[list[str]]:
        """Give each row that is not empty."""
        # LF alone ends a line: a stray CR, or a line separator of Unicode, is no place to begin a number
        source = csv.reader(io.StringIO(self.text, newline="\n"), strict=True)
        before = 0
        try:
            for row in source:
                self.line = before + 1
                before = source.line_num
                if before != self.line:  # a quoted field that goes on in the next line: nearly always a lost quote
                    self.broken = True
                    self.note(1, "", "csv.quotes")
                    return
                if row:
                    yield row
        except csv.Error as error:
            self.line, self.broken = before + 1, True
            lost = source.line_num > self.line or str(error) == "unexpected end of data"
            self.note(1, "", "csv.quotes" if lost else "csv.malformed", reason=str(error))


def _check_header(header: list[str], reader: _Reader) -> bool:
    sound = True
    for place, name in enumerate(header, 1):
        if name not in COLUMNS:
            near = nearest(name, COLUMNS)
            reader.note(place, "", "csv.unknown_column", word=name, expected=", ".join(COLUMNS), near=near)
        elif name in header[: place - 1]:
            reader.note(place, "", "csv.twice", word=name)
        else:
            continue
        sound = False
    if "first" not in header:
        reader.note(1, "", "csv.no_first")
        sound = False
    return sound


def _sound_rows(header: list[str], rows: Iterator[list[str]], reader: _Reader) -> Iterator[Row]:
    width = len(header)
    # a column that the file does not have is the one cell behind the row, ""
    pick = itemgetter(*(header.index(name) if name in header else width for name in COLUMNS))
    days: dict[str, date | None] = {"": None}
    empty = True
    for cells in rows:
        empty = False
        if len(cells) != width:
            message = "csv.truncated" if len(cells) < width and reader.at_cut else "csv.columns"
            reader.note(min(len(cells), width) + 1, "", message, found=len(cells), expected=width)
            continue
        cells.append("")
        row = _row(pick(cells), days)
        if row is not None:
            yield row
        else:
            _explain(dict(zip(COLUMNS, pick(cells), strict=True)), header, reader)
    if empty and not reader.broken:
        reader.line = 0
        reader.note(0, "", "csv.no_rows")


def _row(cells: Sequence[str], days: dict[str, date | None]) -> Row | None:
    """The values of a sound row; None for another. `days` remembers what texts of days mean."""
    first, last, begins, ends, purpose, proof = cells
    for text in (begins, ends):
        if text not in days:
            day = parse_day(text)
            if day is None:
                return None
            days[text] = day
    begin, end = days[begins], days[ends]
    if begin is not None and end is not None and end < begin:
        return None
    if not NUMBER.fullmatch(first):
        return None
    if last and (not NUMBER.fullmatch(last) or len(last) != len(first) or last < first):
        return None
    return first, last or first, begin, end, purpose, proof


def _explain(cells: dict[str, str], header: list[str], reader: _Reader) -> None:
    """Note everything that is wrong with one row."""

    def note(name: str, message: str, **values: object) -> None:
        reader.note(header.index(name) + 1, name, message, **values)

    first, last = cells["first"], cells["last"]
    wrong = [
        name for name in ("first", "last") if (cells[name] or name == "first") and not NUMBER.fullmatch(cells[name])
    ]
    for name in wrong:
        note(name, "config.number", value=cells[name])
    if last and not wrong and len(last) != len(first):
        note("last", "config.lengths")
    elif last and not wrong and last < first:
        note("last", "config.order", first=first)
    begin, end = parse_day(cells["valid_from"]), parse_day(cells["valid_to"])
    for name, day in (("valid_from", begin), ("valid_to", end)):
        if cells[name] and day is None:
            note(name, "config.day", value=cells[name])
    if begin is not None and end is not None and end < begin:
        note("valid_to", "config.days", first=str(begin))
