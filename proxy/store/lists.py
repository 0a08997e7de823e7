"""Lists of numbers as operators have them, CSV or spreadsheet: every row is checked, and none kept in memory."""

from __future__ import annotations

import codecs
import csv
import io
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import chain, islice
from operator import itemgetter
from pathlib import Path
from typing import Final, TypeAlias

from python_calamine import CalamineError, CalamineWorkbook

from proxy.settings.problems import Problem, ProblemList
from proxy.store.spelling import Spelling, Unreadable, column_of, plain

# line, low, high, valid_from, valid_to, purpose, kept, sha256
Row: TypeAlias = tuple[int, int, int, str, str, str, str, str]
Cells: TypeAlias = Sequence[object]

FIELDS: Final = ("number", "first", "last", "valid_from", "valid_to", "purpose", "proof", "proof_sha256")
_TITLE_ROWS: Final = 10  # a heading may stand below a title
_STEP: Final = 5000  # rows between two reports of progress
_EXACT: Final = 10**15  # a spreadsheet keeps fifteen digits of a number
_MAX_UNPACKED: Final = 2 * 2**30
_MAGIC: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


def _silent(_: float) -> None:
    """Tell nobody."""


@dataclass(slots=True)
class NumberList:
    """
    One file; `rows` gives its sound rows and puts what is wrong into `found`.

    `kept` and `sha256` prove rows that name no proof of their own; `progress` is told the share that is read.
    """

    path: Path
    found: ProblemList
    spelling: Spelling
    encoding: str = "utf-8"
    sheet: str = ""
    kept: str = ""
    sha256: str = ""
    progress: Callable[[float], None] = _silent
    ignored: tuple[str, ...] = ()  # headings of columns that mean nothing here
    _headings: tuple[str, ...] = ()
    _line: int = 0
    _places: dict[str, int] = field(default_factory=dict)

    def rows(self) -> Iterator[Row]:
        """Give the sound rows."""
        try:
            with self.path.open("rb") as opened:
                is_sheet = opened.read(4) in _MAGIC
            lines = self._sheet() if is_sheet else self._text()
            head = list(islice(lines, _TITLE_ROWS))
            at = next((index for index, (_, cells) in enumerate(head) if self._is_heading(cells)), None)
            if at is None:
                self._line = 0
                if not self.found.total:
                    self._note(0, "", "import.no_heading")
                return
            self._line = head[at][0]
            if self._take_headings([_text_of(cell) for cell in head[at][1]]):
                yield from self._sound(chain(head[at + 1 :], lines))
        except OSError as error:
            self._line = 0
            self._note(0, "", "file.unreadable", reason=error.strerror or type(error).__name__)

    def _note(self, column: int, name: str, message: str, **values: object) -> None:
        self.found.add(Problem(str(self.path), self._line, column, name, message, values))

    def _is_heading(self, cells: Cells) -> bool:
        return any(column_of(_text_of(cell)) in ("number", "first") for cell in cells)

    def _take_headings(self, headings: list[str]) -> bool:
        self._headings = tuple(headings)
        ignored, sound = [], True
        for place, heading in enumerate(headings):
            name = column_of(heading)
            if name in self._places:
                self._note(place + 1, "", "csv.twice", word=heading)
                sound = False
            elif name:
                self._places[name] = place
            elif heading:
                ignored.append(heading)
        self.ignored = tuple(ignored)
        if "number" in self._places and "first" in self._places:
            self._note(self._places["first"] + 1, "", "import.both")
            sound = False
        return sound

    def _sound(self, lines: Iterator[tuple[int, Cells]]) -> Iterator[Row]:
        width, empty = len(self._headings), True
        pick = itemgetter(*(self._places.get(name, width) for name in FIELDS))
        for line, cells in lines:
            self._line = line
            if not any(cells):
                continue
            empty = False
            if len(cells) < width or any(cells[width:]):
                self._note(min(len(cells), width) + 1, "", "csv.columns", found=len(cells), expected=width)
                continue
            row = self._row(pick([*cells[:width], ""]))
            if row is not None:
                yield row
        if empty and not self.found.total:
            self._line = 0
            self._note(0, "", "csv.no_rows")

    def _row(self, cells: tuple[object, ...]) -> Row | None:
        field_name = "number"
        read = self.spelling
        try:
            number, first, last, begins, ends, purpose, proof, sha256 = map(_text_of, cells)
            if "first" in self._places:
                field_name = "first"
                low = high = read.number(first)
                if last:
                    field_name = "last"
                    low, high = read.between(first, last)
            else:
                low, high = read.range(number)
            field_name = "valid_from"
            since = read.first_day(begins)
            field_name = "valid_to"
            until = read.last_day(ends)
            if until < since:
                raise Unreadable("config.days", first=since)  # noqa: TRY301
        except Unreadable as error:
            self._explain(field_name, error)
            return None
        if proof or sha256:
            return self._line, low, high, since, until, purpose, proof, sha256
        return self._line, low, high, since, until, purpose, self.kept, self.sha256

    def _explain(self, name: str, error: Unreadable) -> None:
        place = self._places.get(name, 0)
        self._note(place + 1, self._headings[place], error.message_key, **error.values)

    # --- where rows come from

    def _text(self) -> Iterator[tuple[int, Cells]]:
        """The rows of a CSV file; separated by comma, semicolon or tab, as its first line shows."""
        size = self.path.stat().st_size or 1
        encoding = "utf-8-sig" if codecs.lookup(self.encoding).name == "utf-8" else self.encoding
        with self.path.open("rb") as raw, io.TextIOWrapper(raw, encoding, newline="") as opened:
            reader, before = csv.reader(opened), 0
            try:
                start = opened.readline()
                opened.seek(0)
                reader = csv.reader(opened, delimiter=max(",;\t", key=start.count), strict=True)
                for row in reader:
                    self._line, before = before + 1, reader.line_num
                    if self._line != before:
                        self._note(1, "", "csv.quotes")
                        return
                    if before % _STEP == 0:
                        self.progress(raw.tell() / size)
                    yield self._line, row
            except UnicodeDecodeError:
                self._line = 0
                self._note(0, "", "import.encoding", encoding=self.encoding)
            except csv.Error as error:
                self._line = before + 1
                lost = reader.line_num > self._line or str(error) == "unexpected end of data"
                self._note(1, "", "csv.quotes" if lost else "csv.malformed", reason=str(error))

    def _sheet(self) -> Iterator[tuple[int, Cells]]:
        """The rows of a spreadsheet: of the sheet that is named, else of the first."""
        try:
            if zipfile.is_zipfile(self.path):
                with zipfile.ZipFile(self.path) as packed:
                    if sum(item.file_size for item in packed.infolist()) > _MAX_UNPACKED:
                        self._note(0, "", "csv.too_large", limit=_MAX_UNPACKED // 2**20)
                        return
            with CalamineWorkbook.from_path(self.path) as book:
                names = book.sheet_names
                if self.sheet and self.sheet not in names:
                    self._note(0, "", "import.no_sheet", sheet=self.sheet, known=", ".join(names))
                    return
                sheet = book.get_sheet_by_name(self.sheet or names[0])
                first, height = (sheet.start or (0, 0))[0], sheet.height or 1
                for index, cells in enumerate(sheet.iter_rows()):
                    if index % _STEP == 0:
                        self.progress(index / height)
                    yield first + index + 1, cells
        except (CalamineError, zipfile.BadZipFile) as error:
            self._line = 0
            self._note(0, "", "import.sheet", reason=str(error).splitlines()[0])


def _text_of(cell: object) -> str:
    """A cell as people see it; a number of more digits than a spreadsheet keeps shows that it is rounded."""
    if isinstance(cell, str):
        return plain(cell)
    if isinstance(cell, float | int) and not isinstance(cell, bool):
        if abs(cell) >= _EXACT:
            return f"{cell:.14E}"
        return str(int(cell)) if cell == int(cell) else str(cell)
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    return cell.isoformat() if isinstance(cell, date) else "" if cell is None else str(cell)
