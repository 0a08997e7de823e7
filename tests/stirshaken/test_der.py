"""DER values: only the one right form is read, and nothing but MalformedError comes of any octets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stirshaken import der
from stirshaken.errors import MalformedError


@pytest.mark.parametrize(
    ("octets", "number"),
    [
        pytest.param("020100", 0, id="zero"),
        pytest.param("02017f", 127, id="one-octet"),
        pytest.param("02020080", 128, id="needed-zero"),
        pytest.param("020203e8", 1000, id="two-octets"),
        pytest.param("02087fffffffffffffff", 2**63 - 1, id="largest"),
    ],
)
def test_integer(octets: str, number: int) -> None:
    reader = der.Reader(bytes.fromhex(octets))
    assert reader.integer() == number
    reader.finish()
    assert der.integer(number).hex() == octets


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        pytest.param("0200", "INTEGER is empty, negative or too large", id="empty"),
        pytest.param("0201ff", "INTEGER is empty, negative or too large", id="negative"),
        pytest.param("0209007fffffffffffffff", "INTEGER is empty, negative or too large", id="nine-octets"),
        pytest.param("0202007f", "INTEGER has a needless zero in front", id="needless-zero"),
        pytest.param("02", "DER value ends too early", id="no-length"),
        pytest.param("0201", "DER value ends too early", id="no-contents"),
        pytest.param("02810101", "DER length is not in its shortest form", id="long-form-of-a-short-length"),
        pytest.param("0282000101", "DER length is not in its shortest form", id="zero-in-front-of-the-length"),
        pytest.param("0280010000", "DER length is indefinite or too large", id="indefinite"),
        pytest.param("028401000000", "DER length is indefinite or too large", id="length-of-four-octets"),
        pytest.param("0281", "DER value ends too early", id="half-a-length"),
        pytest.param("040101", "DER value of tag 0x02 is missing", id="another-tag"),
        pytest.param("", "DER value of tag 0x02 is missing", id="nothing"),
    ],
)
def test_no_integer(octets: str, reason: str) -> None:
    with pytest.raises(MalformedError) as caught:
        der.Reader(bytes.fromhex(octets)).integer()
    assert caught.value.reason == reason


@pytest.mark.parametrize("octets", ["1600", "160120", "16010a", "160180", "16017f", "160100"])
def test_no_visible_ia5(octets: str) -> None:
    with pytest.raises(MalformedError):
        der.Reader(bytes.fromhex(octets)).ia5()


def test_utf8() -> None:
    assert der.Reader(der.utf8("")).utf8() == ""
    assert der.Reader(der.utf8("号码")).utf8() == "号码"
    with pytest.raises(MalformedError):
        der.Reader(bytes.fromhex("0c01ff")).utf8()


def test_left_over_octets_are_seen() -> None:
    reader = der.Reader(der.integer(1) + b"\0")
    reader.integer()
    with pytest.raises(MalformedError):
        reader.finish()


def test_high_tags_and_long_values_are_refused() -> None:
    with pytest.raises(MalformedError):
        der.Reader(bytes.fromhex("bf1f00")).take(0xBF)
    with pytest.raises(MalformedError):
        der.Reader(bytes(der.MAX_OCTETS + 1))


@pytest.mark.parametrize("size", [0, 1, 127, 128, 255, 256, 65_000])
def test_values_of_every_length_form(size: int) -> None:
    written = der.value(der.SEQUENCE, b"x" * size)
    reader = der.Reader(written)
    assert reader.take(der.SEQUENCE) == b"x" * size
    assert reader.tag == -1


@given(st.integers(0, 2**63 - 1))
def test_integers_come_back(number: int) -> None:
    assert der.Reader(der.integer(number)).integer() == number


@given(
    st.binary(max_size=40), st.lists(st.sampled_from(["integer", "ia5", "utf8", "enter", "take", "finish"]), max_size=8)
)
def test_any_octets_are_read_or_malformed(octets: bytes, steps: list[str]) -> None:
    reader = der.Reader(octets)
    try:
        for step in steps:
            if step == "enter":
                reader = reader.enter(reader.tag)
            elif step == "take":
                reader.take(reader.tag)
            else:
                getattr(reader, step)()
    except MalformedError as error:
        assert error.reason.isascii()
