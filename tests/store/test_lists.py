"""Lists as operators have them: what is read of CSV files and spreadsheets, and what is said of wrong ones."""

from __future__ import annotations

import zipfile
from datetime import date, datetime, time
from pathlib import Path

import pytest
from openpyxl import Workbook

from proxy.call.directory import key_of
from proxy.settings.problems import ProblemList
from proxy.store.lists import NumberList, Row
from proxy.store.spelling import Spelling

END = datetime.combine(date(2026, 12, 31), time())  # as a spreadsheet keeps days
OPEN = ("0001-01-01", "9999-12-31")


def listed(path: Path, **options: str) -> tuple[list[Row], list[str], tuple[str, ...]]:
    found = ProblemList()
    numbers = NumberList(path, found, Spelling("86", "24"), **options)  # type: ignore[arg-type]
    rows = list(numbers.rows())
    return (
        rows,
        [problem.text("en").removeprefix(f"{path}:").lstrip() for problem in found],
        numbers.ignored,
    )


def written(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "list.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def row(line: int, first: str, last: str = "", days: tuple[str, str] = OPEN, *rest: str) -> Row:
    purpose, kept, sha256 = (*rest, "", "", "")[:3]
    return line, key_of(first), key_of(last or first), *days, purpose, kept, sha256


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("first,last,valid_from,valid_to,purpose,proof\n+862488880000,+862488880099,2026-01-01,2026-12-31,service,c 1\n", id="english"),
        pytest.param("起始号码,终止号码,生效日期,失效日期,用途,合同编号\n024-88880000,024-88880099,2026/1/1,2026/12/31,service,c 1\n", id="chinese"),
        pytest.param("\ufeff号码;启用日期;到期日期;用途;合同\r\n88880000~0099;2026年1月1日;2026年12月31日;service;c 1\r\n", id="semicolons-bom-crlf"),
        pytest.param("用途\t合同\t有效期起\t有效期止\t号码\nservice\tc 1\t20260101\t20261231\t02488880000-02488880099", id="tabs-other-order-no-line-end"),
    ],
)  # fmt: skip
def test_the_same_list_in_many_hands(text: str, tmp_path: Path) -> None:
    expected = row(2, "+862488880000", "+862488880099", ("2026-01-01", "2026-12-31"), "service", "c 1")
    assert listed(written(tmp_path, text)) == ([expected], [], ())


def test_titles_empty_rows_and_strange_columns(tmp_path: Path) -> None:
    text = "Acme 号码清单,,\n,,\n序号,号码,备注\n1,95588,x\n,,\n2,10086,\n"
    rows, problems, ignored = listed(written(tmp_path, text))
    assert (rows, problems, ignored) == ([row(4, "+8695588"), row(6, "+8610086")], [], ("序号", "备注"))


def test_gb18030(tmp_path: Path) -> None:
    path = written(tmp_path, "号码,用途\n95588,客服\n".encode("gb18030"))
    assert listed(path)[1] == ["is not utf-8; save it as UTF-8, or say --encoding gb18030"]
    assert listed(path, encoding="gb18030")[0] == [row(2, "+8695588", "", OPEN, "客服")]


def test_rows_without_proof_get_the_lists(tmp_path: Path) -> None:
    rows, _, _ = listed(written(tmp_path, "号码,合同\n95588,\n10086,c 1\n"), kept="letter", sha256="ab")
    assert [each[6:] for each in rows] == [("letter", "ab"), ("c 1", "")]


WRONG = [
    ("number", "号码\n95588\n９５５８８\n", "3:1: 号码: '９５５８８' has full-width digits; write '95588'"),
    ("second column", "序号,起始号码\n1,x\n", "2:2: 起始号码: 'x' is no telephone number; write it with +86, or with the area code: 0571-88880000"),
    ("last", "first,last\n95588,x\n", "2:2: last: 'x' is no telephone number; write it with +86, or with the area code: 0571-88880000"),
    ("order", "first,last\n95589,95588\n", "2:2: last: the last number lies before the first (+8695589)"),
    ("lengths", "first,last\n95588,955880\n", "2:2: last: first and last have different lengths"),
    ("day", "号码,生效日期\n95588,2026-02-30\n", "2:2: 生效日期: '2026-02-30' is no day; write 2026-01-31, 2026/1/31 or 2026年1月31日"),
    ("days", "号码,生效日期,失效日期\n95588,2026-02-02,2026-02-01\n", "2:3: 失效日期: ends before it begins (2026-02-02)"),
    ("no number", "号码,用途\n,x\n", "2:1: 号码: there is no number"),
    ("cut off", "号码,用途\n95588,x\n955", "3:2: row has 1 columns, the header has 2"),
    ("too many", "号码,用途\n95588,x,y\n", "2:3: row has 3 columns, the header has 2"),
    ("quote", '号码,用途\n95588,"x\n10086,y\n', "2:1: a quote is opened and not closed in this row; the rest of the file was not read"),
    ("two lines", '号码,用途\n95588,"x\ny"\n', "2:1: a quote is opened and not closed in this row; the rest of the file was not read"),
    ("no heading", "95588\n10086\n", "no row of headings was found in the first rows: one column must be called number or first (号码, 起始号码)"),
    ("empty", "", "no row of headings was found in the first rows: one column must be called number or first (号码, 起始号码)"),
    ("no row", "号码\n\n", "has a header but no numbers; an empty list never replaces a good one"),
    ("twice", "号码,主叫号码\n95588,95588\n", "1:2: the column '主叫号码' stands there twice"),
    ("both", "号码,起始号码\n95588,95588\n", "1:2: there is a column of numbers and one of first numbers; a list has one of them"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), [each[1:] for each in WRONG], ids=[each[0] for each in WRONG])
def test_what_is_wrong_is_told_with_row_and_column(text: str, said: str, tmp_path: Path) -> None:
    assert listed(written(tmp_path, text))[1] == [said]


def test_every_problem_is_told_and_sound_rows_go_on(tmp_path: Path) -> None:
    rows, problems, _ = listed(written(tmp_path, "号码\nx\n95588\ny\n"))
    assert (rows, [problem.partition(":")[0] for problem in problems]) == ([row(3, "+8695588")], ["2", "4"])


def test_files_that_are_not_there(tmp_path: Path) -> None:
    assert listed(tmp_path / "none.csv")[1] == ["cannot be read: No such file or directory"]


def workbook(tmp_path: Path, *rows: tuple[object, ...], title: str = "号码") -> Path:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = title
    for each in rows:
        sheet.append(each)
    book.create_sheet("other").append(["号码"])
    book.save(tmp_path / "list.xlsx")
    return tmp_path / "list.xlsx"


def test_spreadsheets(tmp_path: Path) -> None:
    path = workbook(
        tmp_path,
        ("清单",),
        ("号码", "生效日期", "失效日期", "用途"),
        ("024-88880000~0099", date(2026, 1, 1), END, "客服"),
        (2488880100, "2026/1/1", None, 7),
        (None, None, None, None),
        ("９５５８８", None, None, None),
        (865712345678901234, None, None, None),
    )
    rows, problems, _ = listed(path)
    assert rows == [
        row(3, "+862488880000", "+862488880099", ("2026-01-01", "2026-12-31"), "客服"),
        row(4, "+862488880100", "", ("2026-01-01", OPEN[1]), "7"),
    ]
    assert problems == [
        "6:1: 号码: '９５５８８' has full-width digits; write '95588'",
        "7:1: 号码: '8.65712345678901E+17' was rounded by a spreadsheet; format the column as text and write the number again",
    ]


def test_sheets_by_name(tmp_path: Path) -> None:
    path = workbook(tmp_path, ("号码",), ("95588",))
    assert listed(path, sheet="other")[1] == ["has a header but no numbers; an empty list never replaces a good one"]
    assert listed(path, sheet="none")[1][0] == "there is no sheet 'none'; there are: 号码, other"


def test_what_is_no_spreadsheet(tmp_path: Path) -> None:
    path = workbook(tmp_path, ("号码",), ("95588",))
    path.write_bytes(path.read_bytes()[:900])
    assert listed(path)[1][0].startswith("cannot be read as a spreadsheet: ")
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("x", "")
    assert listed(path)[1][0].startswith("cannot be read as a spreadsheet: ")


def test_progress_goes_up(tmp_path: Path) -> None:
    shares: list[float] = []
    path = written(tmp_path, "号码\n" + "95588\n" * 20_000)
    assert sum(1 for _ in NumberList(path, ProblemList(), Spelling("86", ""), progress=shares.append).rows()) == 20_000
    assert shares == sorted(shares)
    assert len(shares) == 4
    assert 0.2 < shares[0] < 0.5 < shares[-1] <= 1
