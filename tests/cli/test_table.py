"""Tables, JSON and CSV: aligned for two scripts, and harmless whatever a caller put into a number."""

from __future__ import annotations

import csv
import io
import json

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from proxy.cli import table

COLUMNS = {"id": "编号", "name": "Name"}
ROWS = [{"id": "a", "name": "Acme 呼叫中心", "other": 1}, {"id": "long-id", "name": None}]


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        pytest.param("acme", 4, id="ascii"),
        pytest.param("呼叫", 4, id="chinese"),
        pytest.param("１０", 4, id="full-width-digits"),
        pytest.param("e\u0301", 1, id="combining-accent"),
        pytest.param("é", 1, id="accented"),
        pytest.param("ｱ", 1, id="half-width-katakana"),
    ],
)
def test_width(text: str, columns: int) -> None:
    assert table.width(text) == columns
    assert table.width(table.pad(text, 9)) == 9


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(None, "", id="none"),
        pytest.param(True, "true", id="true"),
        pytest.param(7, "7", id="int"),
        pytest.param(["a", "b"], "a, b", id="list"),
        pytest.param("\x1b[31mred", "\\x1b[31mred", id="terminal-escape"),
        pytest.param("a\nb", "a\\nb", id="line-end"),
        pytest.param("\u202e68001", "\\u202e68001", id="right-to-left-override"),
        pytest.param("\x9b1m", "\\x9b1m", id="c1-control"),
        pytest.param(["\x00"], "\\x00", id="control-in-list"),
    ],
)
def test_cell(value: object, text: str) -> None:
    assert table.cell(value) == text


def test_table_is_aligned_by_terminal_columns() -> None:
    assert table.table_text(COLUMNS, ROWS) == "编号     Name\na        Acme 呼叫中心\nlong-id\n"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        pytest.param("=1+1", "'=1+1", id="equals"),
        pytest.param("@SUM(A1)", "'@SUM(A1)", id="at"),
        pytest.param("-2+3", "'-2+3", id="minus"),
        pytest.param("+862488880000", "+862488880000", id="telephone-number-stays"),
        pytest.param("+86+cmd|'/c calc'!A0", "'+86+cmd|'/c calc'!A0", id="plus-that-is-no-number"),
        pytest.param("\t=1+1", "\\t=1+1", id="tab-before-equals"),
        pytest.param('say "hi", twice', 'say "hi", twice', id="quotes-and-comma"),
    ],
)
def test_csv_cells_cannot_run(value: str, written: str) -> None:
    header, line = csv.reader(io.StringIO(table.csv_text(["v"], [{"v": value}])))
    assert (header, line) == (["v"], [written])


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.text(), max_size=3))
def test_json_keeps_the_value_and_shows_no_control(value: dict[str, str]) -> None:
    written = table.json_text(value)
    assert json.loads(written) == value
    assert table.visible(written.replace("\n", "")) == written.replace("\n", "")


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        pytest.param("table", "编号", id="table-has-headings"),
        pytest.param("csv", "id,name", id="csv-has-keys"),
        pytest.param("json", '"id": "long-id"', id="json-has-keys"),
    ],
)
def test_print_rows(output: str, expected: str) -> None:
    @click.command()
    @table.output_option
    def command(output: str) -> None:
        table.print_rows(COLUMNS, ROWS, output)

    result = CliRunner().invoke(command, ["--output", output])
    assert (result.exit_code, expected in result.output) == (0, True)
    assert "other" not in result.output


def test_json_rows_hold_the_columns_only() -> None:
    @click.command()
    def command() -> None:
        table.print_rows(COLUMNS, ROWS, "json")

    written = json.loads(CliRunner().invoke(command).output)
    assert written == [{"id": "a", "name": "Acme 呼叫中心"}, {"id": "long-id", "name": None}]


def growing(output: str) -> str:
    """Three prints of a growing list."""

    @click.command()
    def command() -> None:
        lines = table.Growing(COLUMNS, output)
        lines.print([])
        lines.print(ROWS[:1])
        lines.print(ROWS[1:])

    return CliRunner().invoke(command).output


def test_growing_rows_stand_under_one_heading() -> None:
    assert growing("csv").splitlines() == ["id,name", "a,Acme 呼叫中心", "long-id,"]
    assert growing("table") == "编号  Name\na     Acme 呼叫中心\nlong-id\n"


def test_a_line_of_json_is_one_line() -> None:
    line = table.json_line({"a": "呼\n\u202e\x9b", "b": [1, None]})
    assert line == '{"a":"呼\\n\\u202e\\u009b","b":[1,null]}'


def test_no_rows_is_a_heading_line() -> None:
    assert table.table_text(COLUMNS, []) == "编号  Name\n"
