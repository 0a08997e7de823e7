"""CSV lists: what is a sound row, what is not, and where it stands; nothing is guessed, nothing is half read."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.settings.problems import ProblemList
from proxy.sources import allocations_csv
from proxy.sources.allocations_csv import COLUMNS, Row, read_file, read_rows

FULL = ",".join(COLUMNS)
A, B = "+862488880000", "+862488880099"


def read(data: bytes) -> tuple[list[Row], list[str]]:
    found = ProblemList()
    rows = list(read_rows(data, "n.csv", found))
    return rows, [problem.text("en") for problem in found]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(f"first\n{A}\n", (A, A, None, None, "", ""), id="only-first"),
        pytest.param(f"first\n{A}", (A, A, None, None, "", ""), id="no-line-end"),
        pytest.param(f"first\r\n{A}\r\n", (A, A, None, None, "", ""), id="crlf"),
        pytest.param(f"first\n\n{A}\n\n", (A, A, None, None, "", ""), id="empty-lines"),
        pytest.param(f"\ufefffirst\n{A}\n", (A, A, None, None, "", ""), id="byte-order-mark"),
        pytest.param(f"{FULL}\n{A},{B},2024-01-01,2029-12-31,sales,contract 1\n", (A, B, date(2024, 1, 1), date(2029, 12, 31), "sales", "contract 1"), id="all"),
        pytest.param(f"{FULL}\n{A},,,,,", (A, A, None, None, "", ""), id="empty-cells-without-line-end"),
        pytest.param(f'{FULL}\n{A},,,,"a, ""b""",\n', (A, A, None, None, 'a, "b"', ""), id="quotes"),
        pytest.param(f'"first","purpose"\n"{A}","销售"\n', (A, A, None, None, "销售", ""), id="quoted-chinese"),
        pytest.param(f"purpose,last,first\nsales,{B},{A}\n", (A, B, None, None, "sales", ""), id="any-order"),
        pytest.param(f"first,purpose\n{A},a\u2028b\x85c\n", (A, A, None, None, "a\u2028b\x85c", ""), id="no-other-line-ends"),
        pytest.param(f"first,valid_from,valid_to\n{A},2026-01-01,2026-01-01\n", (A, A, date(2026, 1, 1), date(2026, 1, 1), "", ""), id="one-day"),
    ],
)  # fmt: skip
def test_a_sound_row(data: str, expected: Row) -> None:
    assert read(data.encode()) == ([expected], [])


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(f"{FULL}\n{A},,,,,\n02488880001,,,,,\n", "n.csv:3:1: first: '02488880001' is no number in E.164 form: + and 3 to 18 digits, the first not 0", id="national"),
        pytest.param("first\n+８６2488880000\n", "n.csv:2:1: first: '+８６2488880000' is no number in E.164 form: + and 3 to 18 digits, the first not 0", id="full-width"),
        pytest.param(f"first\n{A} \n", f"n.csv:2:1: first: '{A} ' is no number in E.164 form: + and 3 to 18 digits, the first not 0", id="space"),
        pytest.param(f"first,last\n{A},x\n", "n.csv:2:2: last: 'x' is no number in E.164 form: + and 3 to 18 digits, the first not 0", id="last"),
        pytest.param(f"last,first\n{A},{B}\n", f"n.csv:2:1: last: the last number lies before the first ({B})", id="backwards"),
        pytest.param(f"first,last\n{A},{B}0\n", "n.csv:2:2: last: first and last have different lengths", id="lengths"),
        pytest.param(f"first,valid_from\n{A},2026-02-30\n", "n.csv:2:2: valid_from: '2026-02-30' is no day; write YYYY-MM-DD", id="no-day"),
        pytest.param(f"first,valid_to\n{A},31.12.2026\n", "n.csv:2:2: valid_to: '31.12.2026' is no day; write YYYY-MM-DD", id="day-of-a-spreadsheet"),
        pytest.param(f"first,valid_from,valid_to\n{A},2026-01-02,2026-01-01\n", "n.csv:2:3: valid_to: ends before it begins (2026-01-02)", id="days"),
        pytest.param(f"first,last\n{A}\n{B},\n", "n.csv:2:2: row has 1 columns, the header has 2", id="too-few"),
        pytest.param(f"first,last\n{A},{B},\n", "n.csv:2:3: row has 3 columns, the header has 2", id="too-many"),
        pytest.param(f"{FULL}\n{A},,,,,\n{B},,20", "n.csv:3:4: the last row is cut off: 3 of 6 columns", id="cut-off"),
        pytest.param(f'{FULL}\n{A},,,,"sales', "n.csv:2:1: a quote is opened and not closed in this row; the rest of the file was not read", id="cut-off-in-quotes"),
        pytest.param(f'first,purpose\n{A},"a\n{B},b"\n', "n.csv:2:1: a quote is opened and not closed in this row; the rest of the file was not read", id="quote-over-lines"),
        pytest.param(f'first,purpose\n{A},"a\n' + f"{B},b\n" * 20000, "n.csv:2:1: a quote is opened and not closed in this row; the rest of the file was not read", id="quote-over-everything"),
        pytest.param(f'first,purpose\n{A},"a"b\n', "n.csv:2:1: the row cannot be read (',' expected after '\"'); the rest of the file was not read", id="text-behind-quotes"),
        pytest.param("", "n.csv: is empty; the first line must be the header first,last,valid_from,valid_to,purpose,proof", id="empty"),
        pytest.param("\ufeff\n\n", "n.csv: is empty; the first line must be the header first,last,valid_from,valid_to,purpose,proof", id="empty-lines-only"),
        pytest.param(FULL + "\n", "n.csv: has a header but no numbers; an empty list never replaces a good one", id="header-only"),
        pytest.param(f"number\n{A}\n", "n.csv:1:1: unknown column 'number'; columns are first, last, valid_from, valid_to, purpose, proof", id="no-such-column"),
        pytest.param(f"first,valid_form\n{A},\n", "n.csv:1:2: unknown column 'valid_form'; columns are first, last, valid_from, valid_to, purpose, proof, did you mean 'valid_from'?", id="column-misspelt"),
        pytest.param(f"first,first\n{A},{B}\n", "n.csv:1:2: the column 'first' stands there twice", id="column-twice"),
        pytest.param(f"last\n{A}\n", "n.csv:1:1: the header has no column first", id="no-first"),
        pytest.param(f"{A}\n", f"n.csv:1:1: unknown column '{A}'; columns are first, last, valid_from, valid_to, purpose, proof", id="no-header"),
    ],
)  # fmt: skip
def test_what_is_wrong(data: str, expected: str) -> None:
    assert read(data.encode())[1][0] == expected


def test_a_lone_cr_ends_no_line() -> None:
    (problem,) = read(f"first\n{A}\r{B}\n".encode())[1]
    assert problem.startswith("n.csv:2:1: the row cannot be read (new-line character")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(f"first\n{A}\n".encode("utf-16"), "n.csv: is UTF-16; save it as CSV UTF-8", id="utf-16"),
        pytest.param(f"first\n{A}\n".encode("utf-16-be"), "n.csv:1:1: contains a NUL octet; the file is damaged or no text", id="utf-16-without-mark"),
        pytest.param(f"first,purpose\n{A},a\0b\n".encode(), "n.csv:2:2: contains a NUL octet; the file is damaged or no text", id="nul"),
        pytest.param(f"first,purpose\n{A},\n{B},销售\n".encode("gb18030"), "n.csv:3:2: is not UTF-8 from here on; save the file as UTF-8", id="gb18030"),
        pytest.param(b"\xef\xbb\xbffirst,purpose\n+8624,\xff\n", "n.csv:2:2: is not UTF-8 from here on; save the file as UTF-8", id="mark-and-no-utf8"),
        pytest.param(f"first,purpose\n{A},销".encode()[:-1], "n.csv:2:2: is not UTF-8 from here on; save the file as UTF-8", id="cut-off-in-a-character"),
    ],
)  # fmt: skip
def test_no_text(data: bytes, expected: str) -> None:
    assert read(data) == ([], [expected])


def test_every_wrong_row_is_named_and_the_sound_ones_are_given() -> None:
    rows, problems = read(f"{FULL}\nx,y,1,2,,\n{A},,,,,\n{B},{A},2026-01-02,2026-01-01,,\n".encode())
    assert [row[0] for row in rows] == [A]
    assert [problem.partition(": ")[0] for problem in problems] == [
        "n.csv:2:1",
        "n.csv:2:2",
        "n.csv:2:3",
        "n.csv:2:4",
        "n.csv:4:2",
        "n.csv:4:4",
    ]


def test_a_list_full_of_mistakes_ends_with_their_number() -> None:
    _, problems = read(b"first\n" + b"x\n" * 5000)
    assert len(problems) == 101
    assert problems[-1] == "4900 more problems"


def test_the_file_itself(tmp_path: Path) -> None:
    found = ProblemList()
    (tmp_path / "n.csv").write_text(f"first\n{A}\n", encoding="utf-8")
    assert [row[0] for row in read_file(tmp_path / "n.csv", "n.csv", found)] == [A]
    assert list(read_file(tmp_path / "none.csv", "none.csv", found)) == []
    with (tmp_path / "large.csv").open("wb") as large:
        large.truncate(allocations_csv.MAX_OCTETS + 1)  # a hole: no room is taken on the disk
    assert list(read_file(tmp_path / "large.csv", "large.csv", found)) == []
    assert [problem.text("en") for problem in found] == [
        "none.csv: cannot be read: No such file or directory",
        "large.csv: is larger than 512 MiB",
    ]


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n"), max_size=12)


@given(
    st.lists(st.tuples(st.integers(10**11, 10**12 - 1), TEXTS, TEXTS), min_size=1, max_size=8),
    st.sampled_from(["\n", "\r\n"]),
)
def test_what_a_writer_wrote_is_read_back(rows: list[tuple[int, str, str]], end: str) -> None:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator=end)
    writer.writerow(("first", "purpose", "proof"))
    writer.writerows((f"+{number}", purpose, proof) for number, purpose, proof in rows)
    expected = [(f"+{number}", f"+{number}", None, None, purpose, proof) for number, purpose, proof in rows]
    assert read(out.getvalue().encode()) == (expected, [])


@given(st.binary(max_size=80))
def test_any_octets_are_read_or_refused(data: bytes) -> None:
    rows, problems = read(b"first,purpose\n" + data)
    assert rows or problems


def test_a_cut_never_gives_other_rows() -> None:
    whole = f"{FULL}\n" + "".join(f"+8624888800{n:02},,,,sales,contract {n}\n" for n in range(20))
    every = read(whole.encode())[0]
    for end in range(len(whole)):
        rows, problems = read(whole[:end].encode())
        if not problems and rows:  # the last cell may be short; every number is whole
            assert [row[0] for row in rows] == [row[0] for row in every[: len(rows)]]


@pytest.mark.slow
def test_a_million_rows_are_all_read(record_property: Callable[[str, object], None]) -> None:
    data = (
        FULL
        + "\n"
        + "".join(f"+86{2_000_000_000 + n},,2024-01-01,2029-12-31,sales,c{n % 99}\n" for n in range(1_000_000))
    ).encode()
    found = ProblemList()
    begin = time.perf_counter()
    assert sum(1 for _ in read_rows(data, "n.csv", found)) == 1_000_000
    record_property("seconds", time.perf_counter() - begin)
    assert found.total == 0
