"""Numbers, ranges, days and headings as operators write them, and what is said of those that cannot be read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.call.directory import key_of, number_of
from proxy.store.spelling import Spelling, Unreadable, column_of, in_order, plain

READ = Spelling("86", "24")
A, B = "+8657188880000", "+8657188880099"


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("+8657188880000", A),
        ("8657188880000", A),
        ("008657188880000", A),
        ("0571-88880000", A),
        ("0571 8888 0000", A),
        ("(0571)88880000", A),
        ("057188880000", A),
        ("57188880000", A),  # a spreadsheet has taken the 0 away
        ("88880000", "+862488880000"),
        ("95588", "+8695588"),
        ("400-800-1234", "+864008001234"),
        ("13800138000", "+8613800138000"),
        ("+12025550123", "+12025550123"),
    ],
)
def test_numbers(cell: str, number: str) -> None:
    assert number_of(READ.number(cell)) == number
    assert READ.range(cell) == (key_of(number), key_of(number))


@pytest.mark.parametrize(
    "cell",
    [
        "0571-88880000~88880099",
        "0571-88880000～0571-88880099",
        "0571-88880000—0571-88880099",
        "0571-88880000 - 0571-88880099",
        "0571-88880000-0571-88880099",
        "57188880000-57188880099",
        "0571-88880000至0571-88880099",
        "+8657188880000..+8657188880099",
        "0571-88880000~0099",
        "0571-88880000~99",
    ],
)
def test_ranges_in_one_cell(cell: str) -> None:
    assert Spelling("86", "571").range(cell) == (key_of(A), key_of(B))


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("", "import.no_number"),
        ("０５７１88880000", "import.full_width"),
        ("＋8657188880000", "import.full_width"),
        ("8.65719E+12", "import.scientific"),
        ("8E12", "import.scientific"),
        ("12", "import.number"),
        ("abc", "import.number"),
        ("٠٥٧١88880000", "import.number"),
        ("0571-88880000x", "import.number"),
        ("0571-88880000-801", "import.number"),  # an extension, or the end of a range: nobody knows
        ("0571-88880099~88880000", "config.order"),
        ("0571-88880000~13800138000", "config.order"),
        ("0571-88880000~", "import.number"),
        ("0571-88880000~88880001~88880002", "import.number"),
        ("95588~8888", "import.number"),
        ("95588~4008001234", "config.lengths"),
    ],
)
def test_what_is_no_number(cell: str, message: str) -> None:
    with pytest.raises(Unreadable) as caught:
        READ.range(cell)
    assert caught.value.message_key == message


@pytest.mark.parametrize(
    ("first", "last", "end"),
    [
        ("0571-88880000", "0571-88880099", B),
        ("0571-88880000", "88880099", B),  # not of the trunk's own area 24
        ("0571-88880000", "0099", B),
        ("57188880000", "057188880099", B),
        ("057188880000", "57188880099", B),
        ("+8657188880000", "+8657188880099", B),
        ("+8657188880000", "57188880099", B),
        ("88880000", "024-88880099", "+862488880099"),
        ("88880000", "88880099", "+862488880099"),
        ("95588", "95599", "+8695599"),
        ("955880", "99", "+86955899"),
    ],
)
def test_ends_that_are_written_apart(first: str, last: str, end: str) -> None:
    assert [number_of(key) for key in READ.between(first, last)] == [number_of(READ.number(first)), end]


def test_full_width_digits_are_told_as_they_should_be() -> None:
    with pytest.raises(Unreadable) as caught:
        READ.number("０５７１-８８８８００００")
    assert caught.value.values["plain"] == "0571-88880000"


@given(st.text(alphabet="+-~～至 0123456789０8EeA.", max_size=30))
def test_whatever_is_read_is_a_range(cell: str) -> None:
    try:
        low, high = READ.range(plain(cell))
    except Unreadable:
        return
    assert low <= high
    assert len(str(low)) == len(str(high))
    assert key_of(number_of(low)) == low
    assert key_of(number_of(high)) == high


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        ("2026-01-31", "2026-01-31"),
        ("2026/1/31", "2026-01-31"),
        ("2026.1.31", "2026-01-31"),
        ("2026年1月31日", "2026-01-31"),
        ("20260131", "2026-01-31"),
        ("2026-01-31 00:00:00", "2026-01-31"),
        ("2026/1/31 0:00", "2026-01-31"),
        ("", "9999-12-31"),
        ("长期", "9999-12-31"),
        ("-", "9999-12-31"),
        ("Open", "9999-12-31"),
    ],
)
def test_days(cell: str, day: str) -> None:
    assert READ.last_day(cell) == day
    assert READ.first_day(cell) == day.replace("9999-12-31", "0001-01-01")


@pytest.mark.parametrize(
    "cell", ["2026-02-30", "2026-1/31", "31.1.2026", "２０２６-01-31", "tomorrow", "2026-01-31 12:00", "46053"]
)
def test_what_is_no_day(cell: str) -> None:
    with pytest.raises(Unreadable, match=r"import\.day"):
        READ.last_day(cell)


@pytest.mark.parametrize(
    ("heading", "name"),
    [
        ("号码", "number"),
        (" 主叫 号码：", "number"),
        ("Phone Number", "number"),
        ("起始号码", "first"),
        ("FIRST", "first"),
        ("终止号码（含）", ""),
        ("终止号码", "last"),
        ("有效期（起）", "valid_from"),
        ("有效期(止)", "valid_to"),
        ("valid_to", "valid_to"),
        ("Expiry Date", "valid_to"),
        ("用途", "purpose"),
        ("合同编号", "proof"),
        ("proof_sha256", "proof_sha256"),
        ("序号", ""),
        ("", ""),
    ],
)
def test_headings(heading: str, name: str) -> None:
    assert column_of(heading) == name


def test_what_stands_around_a_cell_goes() -> None:
    assert [plain(cell) for cell in ("\t95588 ", "'+86", "\ufeff号码", "　95588", "it's", "''")] == ["95588", "+86", "号码", "95588", "it's", "'"]  # fmt: skip


def test_ranges_have_numbers_of_one_length() -> None:
    with pytest.raises(Unreadable, match=r"config\.lengths"):
        in_order(18695588, 186955880)
