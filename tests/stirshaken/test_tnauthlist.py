"""TNAuthorizationList: public vectors, what is malformed, and coverage against a model that counts numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stirshaken.errors import MalformedError
from stirshaken.tnauthlist import MAX_ENTRIES, Entry, One, Range, Spc, TNAuthList, decode, encode


def made(entry: dict[str, Any]) -> Entry:
    if "spc" in entry:
        return Spc(entry["spc"])
    return One(entry["one"]) if "one" in entry else Range(*entry["range"])


def test_vectors(vectors: Path) -> None:
    rows = [row for row in json.loads((vectors / "tnauthlist" / "tnauthlist.json").read_text()) if row["der_hex"]]
    assert len(rows) >= 15
    for row in rows:
        octets = bytes.fromhex(row["der_hex"])
        if row["expect"].startswith("ok"):
            listed = decode(octets)
            assert listed.entries == tuple(map(made, row["entries"])), row["source"]
            assert encode(listed) == octets, row["source"]
        else:
            with pytest.raises(MalformedError):
                decode(octets)


def test_vector_file(vectors: Path) -> None:
    assert decode((vectors / "tnauthlist" / "spc-587L.der").read_bytes()).spcs == ("587L",)


ONE = "a20d160b3135353531323334353637"


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param("", id="nothing"),
        pytest.param("3000", id="empty"),
        pytest.param("3004a0021600", id="empty-code"),
        pytest.param("3006a004160231 20".replace(" ", ""), id="code-with-a-blank"),
        pytest.param("300d160b3135353531323334353637", id="implicit-instead-of-explicit"),
        pytest.param(f"300f{ONE}00", id="octet-behind-it"),
        pytest.param(f"3010{ONE}00", id="octet-within-it"),
        pytest.param(f"310f{ONE}", id="set-instead-of-sequence"),
        pytest.param("3005a3031601 31".replace(" ", ""), id="unknown-choice"),
        pytest.param("300612043132 3334".replace(" ", ""), id="numeric-string"),
        pytest.param("3014a212161031323334353637383930313233343536", id="number-of-sixteen-digits"),
        pytest.param("3006a2041602312b", id="number-with-plus"),
        pytest.param("3008a206160131160132", id="two-values-in-one-choice"),
        pytest.param("3014a1123010160b3135353531323334353030020101", id="range-of-one"),
        pytest.param("300ba1093007160231 2a020102".replace(" ", ""), id="range-from-a-star"),
        pytest.param("300ba10930071602393902 0102".replace(" ", ""), id="range-beyond-its-length"),
        pytest.param("300ba109300716023938020102", id="range-up-to-the-last-number"),
        pytest.param("300ea10c300a160231300201020201 05".replace(" ", ""), id="range-of-three-values"),
    ],
)
def test_malformed(octets: str) -> None:
    with pytest.raises(MalformedError) as caught:
        decode(bytes.fromhex(octets))
    assert caught.value.reason.isascii()


def test_too_many_entries() -> None:
    assert len(decode(encode(TNAuthList((Spc("1"),) * MAX_ENTRIES))).entries) == MAX_ENTRIES
    with pytest.raises(MalformedError):
        TNAuthList((Spc("1"),) * (MAX_ENTRIES + 1))


LISTED = TNAuthList((Spc("709J"), Range("15551234500", 100), One("8610086"), One("*21#")))


@pytest.mark.parametrize(
    ("number", "listed"),
    [
        ("15551234499", False), ("15551234500", True), ("15551234599", True), ("15551234600", False),
        ("5551234500", False), ("155512345001", False), ("1555123455", False), ("015551234500", False), ("+15551234500", False), ("1555123450０", False),
        ("8610086", True), ("861008", False), ("*21#", True), ("709J", False), ("", False),
    ],
)  # fmt: skip
def test_covers(number: str, listed: bool) -> None:
    assert LISTED.covers(number) is listed


def test_what_is_listed() -> None:
    assert (LISTED.has_spc, LISTED.has_numbers, LISTED.spcs) == (True, True, ("709J",))
    only_code = TNAuthList((Spc("1"), Spc("2")))
    assert (only_code.has_spc, only_code.has_numbers, only_code.spcs) == (True, False, ("1", "2"))
    assert TNAuthList((One("1"),)).has_spc is False
    assert Range("0010", 5).last == "0014"


@pytest.mark.parametrize(
    ("above", "below", "within"),
    [
        pytest.param((Spc("A"),), (Spc("A"),), True, id="same-code"),
        pytest.param((Spc("A"), Spc("B")), (Spc("B"),), True, id="one-of-two-codes"),
        pytest.param((Spc("A"),), (Spc("A"), Spc("B")), False, id="another-code"),
        pytest.param((Spc("A"),), (One("12"),), True, id="numbers-below-a-code-cannot-be-judged"),
        pytest.param((Spc("A"), One("12")), (One("13"),), False, id="a-code-does-not-widen-listed-numbers"),
        pytest.param((Range("10", 5),), (Spc("A"),), False, id="code-below-numbers"),
        pytest.param((Range("10", 5),), (Range("11", 4),), True, id="range-in-range"),
        pytest.param((Range("10", 5),), (Range("11", 5),), False, id="one-number-too-many"),
        pytest.param((Range("10", 5),), (Range("110", 5),), False, id="other-length"),
        pytest.param((Range("10", 5), Range("15", 5)), (Range("12", 6),), True, id="over-two-that-touch"),
        pytest.param((Range("10", 5), One("15"), Range("16", 2)), (Range("10", 8),), True, id="with-one-between"),
        pytest.param((Range("10", 5), Range("16", 5)), (Range("12", 6),), False, id="over-a-gap"),
        pytest.param((One("*1"),), (One("*1"),), True, id="special"),
        pytest.param((Range("10", 80),), (One("*1"),), False, id="special-in-digits"),
    ],
)
def test_encompasses(above: tuple[Entry, ...], below: tuple[Entry, ...], within: bool) -> None:
    assert TNAuthList(above).encompasses(TNAuthList(below)) is within


two_digits = st.integers(0, 89).map(lambda number: f"{number:02d}")
ranges = st.builds(Range, two_digits, st.integers(2, 9))
numbers = st.one_of(st.builds(One, two_digits), ranges)
codes = st.builds(Spc, st.sampled_from(["A", "B", "709J"]))
entries = st.one_of(numbers, codes, st.builds(One, st.sampled_from(["*1", "1#", "005"])))
lists = st.builds(TNAuthList, st.lists(entries, min_size=1, max_size=12).map(tuple))


def counted(listed: TNAuthList) -> set[str]:
    """Every number by itself."""
    found = set()
    for entry in listed.entries:
        if isinstance(entry, One):
            found.add(entry.number)
        elif isinstance(entry, Range):
            found |= {str(int(entry.start) + more).zfill(len(entry.start)) for more in range(entry.count)}
    return found


@given(lists)
def test_lists_come_back(listed: TNAuthList) -> None:
    assert decode(encode(listed)) == listed


@given(lists, st.one_of(two_digits, st.sampled_from(["*1", "1#", "005", "5", "A"])))
def test_covers_as_counted(listed: TNAuthList, number: str) -> None:
    assert listed.covers(number) is (number in counted(listed))


@given(lists, lists)
def test_encompasses_as_counted(above: TNAuthList, below: TNAuthList) -> None:
    codes_within = set(below.spcs) <= set(above.spcs)
    numbers_within = counted(below) <= counted(above) or not counted(above)
    assert above.encompasses(below) is (codes_within and numbers_within)
    assert above.encompasses(above)


@given(st.binary(max_size=60))
def test_any_octets_are_a_list_or_malformed(octets: bytes) -> None:
    try:
        listed = decode(octets)
    except MalformedError:
        return
    assert encode(listed) == octets
