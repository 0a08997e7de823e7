"""YAML without surprises: what a scalar becomes, what is refused, and where it stands."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.settings import yaml_strict
from proxy.settings.problems import ConfigError
from proxy.settings.yaml_strict import MAX_DEPTH, dotted, examine, read


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param("true", True, id="true"),
        pytest.param("false", False, id="false"),
        *(pytest.param(word, word, id=f"text-{word}") for word in ["no", "Yes", "on", "off", "True", "FALSE", "y"]),
        pytest.param("0571", "0571", id="area-code"),
        pytest.param("+8613800138000", "+8613800138000", id="number-with-plus"),
        pytest.param("12:30", "12:30", id="no-sexagesimal"),
        pytest.param("2027-12-31", "2027-12-31", id="no-date"),
        pytest.param("1_000", "1_000", id="no-underscores"),
        pytest.param("0x10", "0x10", id="no-hexadecimal"),
        pytest.param("1e3", "1e3", id="no-exponent"),
        pytest.param(".5", ".5", id="no-bare-fraction"),
        pytest.param(".inf", ".inf", id="no-infinity"),
        pytest.param("１２", "１２", id="full-width-digits"),
        pytest.param("1234567890123456789", "1234567890123456789", id="too-long-for-a-number"),
        pytest.param("20%", "20%", id="share"),
        pytest.param("0", 0, id="zero"),
        pytest.param("-5", -5, id="negative"),
        pytest.param("86", 86, id="integer"),
        pytest.param("1.50", 1.5, id="float"),
        pytest.param("'86'", "86", id="quoted-integer"),
        pytest.param('"true"', "true", id="quoted-boolean"),
        pytest.param("|-\n  86", "86", id="block"),
        pytest.param("", None, id="nothing"),
        pytest.param("~", None, id="tilde"),
        pytest.param("null", None, id="null"),
        pytest.param("''", "", id="quoted-nothing"),
        pytest.param("<<", "<<", id="no-merge-value"),
    ],
)
def test_scalars(written: str, expected: object) -> None:
    data, _ = read(f"k: {written}\n", "f")
    assert data == {"k": expected}
    assert type(data["k"]) is type(expected)


def test_keys_stay_text() -> None:
    assert read("{110: a, true: b, 0571: c, <<: d}", "f")[0] == {
        "110": "a",
        "true": "b",
        "0571": "c",
        "<<": "d",
    }


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param("a: 1\nb: 2\na: 3\n", ["f:3:1: a: stands here a second time; the first is in line 1"], id="duplicate"),
        pytest.param(
            "x:\n  - {p: 1, p: 2}\n  - {q: 1,\n     q: 2}\n",
            [
                "f:2:12: x[0].p: stands here a second time; the first is in line 2",
                "f:4:6: x[1].q: stands here a second time; the first is in line 3",
            ],
            id="duplicates-deep",
        ),
        pytest.param("a: 1\n'a': 2", ["f:2:1: a: stands here a second time; the first is in line 1"], id="duplicate-quoted"),
        pytest.param("k: &x 1", ["f:1:4: k: anchors (&) and aliases (*) are not allowed; write the value out"], id="anchor"),
        pytest.param("&x k: 1", ["f:1:1: k: anchors (&) and aliases (*) are not allowed; write the value out"], id="anchor-at-key"),
        pytest.param("k: *x", ["f:1:4: k: anchors (&) and aliases (*) are not allowed; write the value out"], id="alias"),
        pytest.param("k: !!int 1", ["f:1:4: k: the tag tag:yaml.org,2002:int is not allowed"], id="tag"),
        pytest.param("k: !!python/object:os.system {}", ["f:1:4: k: the tag tag:yaml.org,2002:python/object:os.system is not allowed"], id="tag-python"),
        pytest.param("k: ! 1", ["f:1:4: k: the tag ! is not allowed"], id="tag-non-specific"),
        pytest.param("!t k: 1", ["f:1:1: k: the tag !t is not allowed"], id="tag-at-key"),
        pytest.param("a: 1\n---\nb: 2", ["f:2:1: a second document begins here; one file holds one document"], id="documents"),
        pytest.param("a: 1\n? [b]\n: 2", ["f:2:3: a key must be a plain word"], id="key-is-a-list"),
        pytest.param("k:\n  ? *x\n  : 2", ["f:2:5: k: a key must be a plain word"], id="key-is-an-alias"),
        pytest.param("号码: \x07", ["f:1:5: contains the control character U+0007"], id="control"),
        pytest.param("a: 1\nb: \x00", ["f:2:4: contains the control character U+0000"], id="nul"),
        pytest.param(
            "[" * 30, [f"f:1:{MAX_DEPTH + 1}: {'[0]' * MAX_DEPTH}: is nested more than {MAX_DEPTH} levels deep"], id="depth"
        ),
    ],
)  # fmt: skip
def test_refused(written: str, expected: list[str]) -> None:
    with pytest.raises(ConfigError) as error:
        read(written, "f")
    assert [problem.text("en") for problem in error.value.problems] == expected


@pytest.mark.parametrize(
    ("written", "place"),
    [
        pytest.param("a: [1,\nb: }", (2, 4), id="bracket"),
        pytest.param("a: 1\n\tb: 2", (2, 1), id="tab"),
        pytest.param("a: 1\n b: 2", (2, 3), id="indentation"),
        pytest.param('a: "x', (1, 6), id="quote"),
        pytest.param("a: {", (1, 5), id="end-without-line-end"),
        pytest.param("a: {\n", (2, 1), id="end"),
        pytest.param("a: 1\nb: @x", (2, 4), id="reserved-character"),
    ],
)
def test_no_yaml(written: str, place: tuple[int, int]) -> None:
    with pytest.raises(ConfigError) as error:
        read(written, "f")
    (problem,) = error.value.problems
    assert (problem.line, problem.column, problem.message_key) == (*place, "yaml.syntax")
    assert problem.values["reason"]


def test_too_large() -> None:
    document = examine("#" * (yaml_strict.MAX_CHARACTERS + 1), "f")
    assert [problem.text("en") for problem in document.problems] == ["f: is larger than 32 MiB"]


POSITIONS = """\
# 注释
node: {name: gw1, 模式: monitor}
listen:
  - name: a
    address: x
  - "b"
"""


@pytest.mark.parametrize(
    ("path", "key", "value"),
    [
        pytest.param((), (2, 1), (2, 1), id="document"),
        pytest.param(("node",), (2, 1), (2, 7), id="mapping"),
        pytest.param(("node", "模式"), (2, 19), (2, 23), id="behind-chinese"),
        pytest.param(("listen",), (3, 1), (4, 3), id="list"),
        pytest.param(("listen", 0), (4, 5), (4, 5), id="item"),
        pytest.param(("listen", 0, "address"), (5, 5), (5, 14), id="in-item"),
        pytest.param(("listen", 1), (6, 5), (6, 5), id="quoted-item"),
        pytest.param(("listen", 0, "missing"), (4, 5), (4, 5), id="missing-key-is-its-mapping"),
        pytest.param(("nowhere", "at", 3), (2, 1), (2, 1), id="missing-is-the-document"),
    ],
)
def test_positions(path: yaml_strict.Path, key: tuple[int, int], value: tuple[int, int]) -> None:
    _, positions = read(POSITIONS, "f")
    assert (positions.key(path), positions.value(path)) == (key, value)


def test_a_byte_order_mark_moves_nothing() -> None:
    data, positions = read("\ufeffa: 1\n", "f")
    assert (data, positions.key(("a",))) == ({"a": 1}, (1, 1))


def test_of_duplicates_the_first_stays_with_its_positions() -> None:
    document = examine("a: {b: 1}\na: {b: 2, c: 3}\n", "f")
    assert document.data == {"a": {"b": 1}}
    assert document.positions.value(("a", "b")) == (1, 8)
    assert len(document.problems) == 1


def test_nothing_in_it() -> None:
    assert [examine(text, "f").data for text in ("", "\n", "# only this\n")] == [None, None, None]


def test_dotted() -> None:
    assert dotted(("listen", 0, "address")) == "listen[0].address"
    assert dotted(("policy", "caller.missing", "status")) == "policy.caller.missing.status"
    assert dotted(()) == ""


TREES = st.recursive(
    st.text(st.characters(min_codepoint=32, max_codepoint=126)) | st.integers(-999, 999) | st.booleans(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(min_codepoint=97, max_codepoint=122), min_size=1), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(TREES)
def test_json_reads_as_itself(tree: Any) -> None:
    data, positions = read(json.dumps({"k": tree}), "f")  # JSON is YAML
    assert data == {"k": tree}
    assert positions.key(("k",)) == (1, 2)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_with_a_place(text: str) -> None:
    document = examine(text, "f")
    lines = len(re.findall("\r\n|[\r\n\x85\u2028\u2029]", text)) + 1
    for problem in document.problems:
        assert problem.line <= lines
        assert problem.text("en").startswith("f")
