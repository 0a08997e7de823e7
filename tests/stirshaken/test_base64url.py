"""base64url: one spelling for each value, a MalformedError for all else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stirshaken import base64url
from stirshaken.errors import MalformedError


@pytest.mark.parametrize(
    ("octets", "text"),
    [(b"", ""), (b"f", "Zg"), (b"fo", "Zm8"), (b"foo", "Zm9v"), (b"\xfb\xff\xfe", "-__-"), (b"{}", "e30")],
    ids=["empty", "one", "two", "three", "both-special-characters", "object"],
)
def test_round_trip(octets: bytes, text: str) -> None:
    assert base64url.encode(octets) == text
    assert base64url.decode(text.encode()) == octets


@pytest.mark.parametrize(
    "text",
    [b"Zg==", b"Zm9v=", b"=", b"Z", b"Zm9vZ", b"Zm 9v", b"Zm9v\n", b"\nZm9v", b"+/+/", b"Zm9+", b"Zh", b"Zm9", b"Zm.v", b"Zm9v\x00", b"Zm\xc3\xa9v", b"!!!!"],
    ids=["padded", "one-pad-too-many", "only-pad", "one-character", "five-characters", "space", "line-end", "line-start", "plain-base64", "mixed", "stray-bits-of-one", "stray-bits-of-two", "dot", "nul", "utf-8", "junk"],
)  # fmt: skip
def test_refused(text: bytes) -> None:
    with pytest.raises(MalformedError):
        base64url.decode(text)


@given(st.binary(max_size=200))
def test_any_octets_come_back(octets: bytes) -> None:
    assert base64url.decode(base64url.encode(octets).encode()) == octets


@given(st.one_of(st.binary(max_size=12), st.text("AQgwZz09-_=+/ ", max_size=12).map(str.encode)))
def test_what_is_read_is_what_would_be_written(text: bytes) -> None:
    try:
        octets = base64url.decode(text)
    except MalformedError as error:
        assert error.reason.isascii()
    else:
        assert base64url.encode(octets).encode() == text
