"""Canonical JSON: one form written, ambiguous forms refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stirshaken import canonical
from stirshaken.canonical import MAX_DEPTH, MAX_INTEGER, MAX_OCTETS
from stirshaken.errors import MalformedError

TEXT = st.text(max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(TEXT, VALUES, max_size=5)


def nested(levels: int) -> bytes:
    """An object with so many levels, itself the first."""
    return b'{"a":' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}"


@pytest.mark.parametrize(
    ("value", "octets"),
    [
        ({}, b"{}"),
        ({"b": 1, "a": [True, False, None]}, b'{"a":[true,false,null],"b":1}'),
        ({"z": {"y": 1, "x": {"c": 2, "b": 3}}}, b'{"z":{"x":{"b":3,"c":2},"y":1}}'),
        ({"l": [{"b": 1, "a": 2}]}, b'{"l":[{"a":2,"b":1}]}'),
        ({"a": 1, "B": 2, "_": 3}, b'{"B":2,"_":3,"a":1}'),
        ({"\uffff": 1, "\U00010000": 2}, '{"\uffff":1,"\U00010000":2}'.encode()),  # code points, not UTF-16 units
        ({"a": 'q"b\\/\n\x01\x7fé'}, b'{"a":"q\\"b\\\\/\\n\\u0001\x7f\xc3\xa9"}'),
        ({"n": -1}, b'{"n":-1}'),
    ],
    ids=["empty", "literals", "deep", "in-array", "code-points", "astral", "escapes", "negative"],
)
def test_encode(value: dict[str, Any], octets: bytes) -> None:
    assert canonical.encode(value) == octets
    assert canonical.decode(octets) == value
    assert canonical.is_canonical(octets)


@pytest.mark.parametrize(
    "value",
    [1.0, {"a": 1.5}, {"a": float("nan")}, {"a": [float("inf")]}, {1: "a"}, {None: 1}, {"a": {True: 1}}, {"a": (1,)}, {"a": b"x"}, {"a": {1, 2}}, {"a": "\ud800"}, {"\udfff": 1}, {"a": MAX_INTEGER + 1}, {"a": -(10**5000)}, {"a": "x" * MAX_OCTETS}],
    ids=["float", "fraction", "nan", "infinity", "number-name", "none-name", "bool-name", "tuple", "bytes", "set", "surrogate", "surrogate-name", "wide-integer", "huge-integer", "long"],
)  # fmt: skip
def test_no_canonical_form(value: object) -> None:
    with pytest.raises(MalformedError):
        canonical.encode(value)


def test_an_endless_value_is_refused() -> None:
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(MalformedError, match="deep"):
        canonical.encode(endless)


@pytest.mark.parametrize(
    "octets",
    [
        b"", b" ", b"[]", b"1", b'"a"', b"null", b"{", b"{}}", b"{},", b"{} {}", b'{"a":1,}', b"{'a':1}", b"{a:1}", b'{"a":01}', b'{"a":+1}', b'{"a":.5}', b'{"a":1_0}',
        '{"a":１}'.encode(), b'{"a":True}', b'{"a":NaN}', b'{"a":Infinity}', b'{"a":[-Infinity]}', b'{"a":1e999}', b'{"a":-1e999}', b'{"a":9007199254740992}', b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":1,"a":1}', b'{"a":{"b":1,"b":2}}', b'{"a":[{"b":1,"b":2}]}', b'{"a":1,"\\u0061":2}',
        b'{"a":"\\ud800"}', b'{"a":"\\udc00\\ud800"}', b'{"\\ud800":1}', b'{"a":["\\uD83D"]}', b'{"a":"\xff"}', b'{"a":"\xed\xa0\x80"}', b'{"a":"\xc0\xaf"}', b'{"a":"\n"}', b'{"a":"\x00"}', b'{"a":"\\x41"}',
        b"\xef\xbb\xbf{}", "{}".encode("utf-16"), "{}".encode("utf-32"), b"\x00{}", b"\x0b{}", "\u00a0{}".encode(), b"{}//", b'{"a":"', b'{"a":"\\', b'{"a":"\\u00',
    ],
)  # fmt: skip
def test_refused(octets: bytes) -> None:
    with pytest.raises(MalformedError):
        canonical.decode(octets)
    assert not canonical.is_canonical(octets)


@pytest.mark.parametrize(
    "octets",
    [b" {}", b"{}\n", b'{"a": 1}', b'{"b":1,"a":2}', b'{"a":"\\u0061"}', b'{"a":"\\/"}', b'{"a":-0}', b'{"a":1.0}', b'{"a":1e0}', b'{"a":"\\u000A"}', b'{"a":"\\u00e9"}', b'{"a":"\\u007f"}'],
    ids=["space-before", "line-end", "space", "order", "letter-escaped", "slash-escaped", "minus-zero", "fraction", "exponent", "long-escape", "non-ascii-escaped", "delete-escaped"],
)  # fmt: skip
def test_readable_but_not_canonical(octets: bytes) -> None:
    canonical.decode(octets)
    assert not canonical.is_canonical(octets)


def test_names_of_different_objects_may_be_the_same() -> None:
    assert canonical.decode(b'{"a":{"a":[{"a":1},{"a":2}]}}') == {"a": {"a": [{"a": 1}, {"a": 2}]}}


def test_an_escaped_pair_is_one_character() -> None:
    assert canonical.decode(b'{"a":"\\ud83d\\ude00"}') == {"a": "😀"}


def test_bounds_of_depth() -> None:
    assert canonical.encode(canonical.decode(nested(MAX_DEPTH))) == nested(MAX_DEPTH)
    with pytest.raises(MalformedError, match="deep"):
        canonical.decode(nested(MAX_DEPTH + 1))
    with pytest.raises(MalformedError, match="deep"):
        canonical.encode(json.loads(nested(MAX_DEPTH + 1)))


def test_brackets_in_strings_are_no_depth() -> None:
    text = '[{"\\' * 50
    assert canonical.decode(canonical.encode({text: [text]})) == {text: [text]}


def test_bounds_of_size() -> None:
    longest = canonical.encode({"a": "x" * (MAX_OCTETS - 8)})
    assert len(longest) == MAX_OCTETS
    assert canonical.is_canonical(longest)
    with pytest.raises(MalformedError, match="long"):
        canonical.decode(longest + b" ")


@pytest.mark.parametrize(
    "octets",
    [b'"' + b'\\"' * 4000, b'{"a":"' + b"\\" * 8001, b'"' * 8001, b"[" * 8001],
    ids=["quotes", "backslashes", "pairs", "brackets"],
)
def test_long_junk_takes_no_time(octets: bytes) -> None:
    for _ in range(50):
        assert not canonical.is_canonical(octets)


@given(OBJECTS)
def test_any_object_comes_back(value: dict[str, Any]) -> None:
    octets = canonical.encode(value)
    assert canonical.decode(octets) == value
    assert canonical.is_canonical(octets)
    assert json.loads(octets) == value


@given(OBJECTS)
def test_order_and_white_space_do_not_matter(value: dict[str, Any]) -> None:
    other = json.dumps(dict(reversed(value.items())), indent=1).encode()
    assert canonical.encode(canonical.decode(other)) == canonical.encode(value)


@given(st.one_of(st.binary(max_size=60), st.text('{}[]":,\\ud8001e.-tna ', max_size=60).map(str.encode)))
@example(b'{"a":"\\ud8')
def test_any_octets_are_an_object_or_malformed(octets: bytes) -> None:
    try:
        value = canonical.decode(octets)
    except MalformedError as error:
        assert error.reason.isascii()
    else:
        assert value == json.loads(octets)
