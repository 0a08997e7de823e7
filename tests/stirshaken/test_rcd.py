"""Rich call data by themselves: their form, each digest, and what they would have fetched."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stirshaken import canonical
from stirshaken.findings import Check
from stirshaken.rcd import MAX_CONTENT, judge, urls

ICON = "https://brand.example/icon.png"
PHOTO = "https://brand.example/photo.png"
CARD_URL = "https://brand.example/card.json"
CARD: list[Any] = ["vcard", [["version", {}, "text", "4.0"], ["fn", {}, "text", "Q"], ["photo", {}, "uri", PHOTO]]]
CARD_OCTETS = canonical.encode(CARD)
CONTENTS = {ICON: b"icon", PHOTO: b"photo", CARD_URL: b" " + CARD_OCTETS}


def digest(octets: bytes, algorithm: str = "sha256", *, padded: bool = False, urlsafe: bool = False) -> str:
    raw = hashlib.new(algorithm, octets).digest()
    text = (base64.urlsafe_b64encode(raw) if urlsafe else base64.b64encode(raw)).decode()
    return f"{algorithm}-{text if padded else text.rstrip('=')}"


def judged(claims: dict[str, Any], contents: dict[str, bytes] | None = None, *, required: bool = True) -> list[Check]:
    return list(judge(claims, CONTENTS if contents is None else contents, required=required))


def faults(claims: dict[str, Any], contents: dict[str, bytes] | None = None) -> list[str]:
    return [check.detail for check in judged(claims, contents) if check.ok is False]


@pytest.mark.parametrize(
    "rich",
    [
        {"nam": "Q Branch"},
        {"nam": ""},
        {"nam": "Zürich 银行", "apn": "+1 (202) 555-0181", "own": [1]},
        {"nam": "Q", "jcd": CARD},
        {"nam": "Q", "jcd": ["vcard", []]},
    ],
    ids=str,
)
def test_form(rich: dict[str, Any]) -> None:
    assert judged({"rcd": rich}) == [Check("rcd", True)]


@pytest.mark.parametrize(
    ("rich", "fault"),
    [
        (None, "no object"),
        ([], "no object"),
        ({}, "nam is no text"),
        ({"nam": None}, "nam is no text"),
        ({"nam": "a\r\nb"}, "control"),
        ({"nam": "a\x7f"}, "control"),
        ({"nam": "a\x85"}, "control"),
        ({"nam": "a\u202egnp.exe"}, "control"),
        ({"nam": "a\u2066b"}, "control"),
        ({"nam": "", "apn": "1800FLOWERS"}, "apn"),
        ({"nam": "", "apn": 1}, "apn"),
        ({"nam": "", "icn": "http://brand.example/a"}, "icn"),
        ({"nam": "", "icn": "https://a b"}, "icn"),
        ({"nam": "", "icn": ["https://a"]}, "icn"),
        ({"nam": "", "jcl": "ftp://a"}, "jcl"),
        ({"nam": "", "jcl": CARD_URL, "jcd": CARD}, "both"),
        ({"nam": "", "jcd": {}}, "jCard"),
        ({"nam": "", "jcd": ["vcard"]}, "jCard"),
        ({"nam": "", "jcd": ["xcard", []]}, "jCard"),
        ({"nam": "", "jcd": ["vcard", [["fn"]]]}, "property"),
        ({"nam": "", "jcd": ["vcard", ["fn"]]}, "property"),
    ],
    ids=str,
)
def test_no_form(rich: object, fault: str) -> None:
    (check,) = (each for each in judged({"rcd": rich}) if each.name == "rcd")
    assert check.ok is False
    assert fault in check.detail
    assert check.detail.isascii()


def test_only_a_token_of_the_kind_needs_them() -> None:
    assert [each.ok for each in judged({}, required=True)] == [False]
    assert judged({}, required=False) == []


@pytest.mark.parametrize(("reason", "ok"), [("Your order", True), ("", True), (5, False), ("a\nb", False)])
def test_call_reason(reason: object, ok: bool) -> None:
    assert [each.ok for each in judged({"crn": reason}, required=False) if each.name == "rcd.crn"] == [ok]


WITH_ICON = {"nam": "", "icn": ICON}
WITH_CARD = {"nam": "", "jcd": CARD}
WITH_LINK = {"nam": "", "jcl": CARD_URL}


@pytest.mark.parametrize(
    ("rich", "digests"),
    [
        pytest.param(WITH_ICON, {"/icn": digest(b"icon")}, id="icon"),
        pytest.param(WITH_ICON, {"/icn": digest(b"icon", "sha384")}, id="sha384"),
        pytest.param(WITH_ICON, {"/icn": digest(b"icon", "sha512", padded=True)}, id="sha512-padded"),
        pytest.param(WITH_ICON, {"/icn": digest(b"icon", padded=True, urlsafe=True)}, id="other-alphabet"),
        pytest.param(WITH_CARD, {"/jcd": digest(CARD_OCTETS)}, id="card"),
        pytest.param(WITH_CARD, {"/jcd": digest(CARD_OCTETS), "/jcd/1/2/3": digest(b"photo")}, id="card-and-photo"),
        pytest.param(WITH_LINK, {"/jcl": digest(b" " + CARD_OCTETS)}, id="card-at-a-url"),
        pytest.param(WITH_LINK, {"/jcl": digest(b" " + CARD_OCTETS), "/jcl/1/2/3": digest(b"photo")}, id="its-photo"),
    ],
)
def test_integrity(rich: dict[str, Any], digests: dict[str, str]) -> None:
    checks = judged({"rcd": rich, "rcdi": digests})
    assert [each for each in checks if each.ok is not True] == []
    assert [each.name for each in checks[2:]] == [f"rcd.integrity{pointer}" for pointer in digests]
    wrong = judged({"rcd": rich, "rcdi": {pointer: digest(b"other") for pointer in digests}})
    assert [each.ok for each in wrong[2:]] == [False] * len(digests)


@pytest.mark.parametrize(
    ("rich", "digests", "fault"),
    [
        (WITH_ICON, {}, "no object of digests"),
        (WITH_ICON, [], "no object of digests"),
        (WITH_ICON, {f"/jcd/{n}": digest(b"") for n in range(33)}, "no object of digests"),
        ("text", {"/icn": digest(b"")}, "no object of digests"),
        (WITH_ICON, {"/jcd": digest(CARD_OCTETS)}, "points to nothing"),
        (WITH_ICON, {"/nam": digest(b"")}, "points to nothing"),
        (WITH_ICON, {"icn": digest(b"icon")}, "points to nothing"),
        (WITH_ICON, {"/icn/": digest(b"icon")}, "points to nothing"),
        (WITH_ICON, {"/icn\r\n": digest(b"icon")}, "points to nothing"),
        (WITH_ICON, {"/icn/0": digest(b"icon")}, "points into icn"),
        (WITH_CARD, {"/jcd/1/9/3": digest(b"photo")}, "points to nothing"),
        (WITH_CARD, {"/jcd/1/2/2": digest(b"photo")}, "no https URL"),
        (WITH_CARD, {"/jcd/1/02/3": digest(b"photo")}, "points to nothing"),
        (WITH_CARD, {"/jcd/1/2/3/0": digest(b"photo")}, "points to nothing"),
        (WITH_LINK, {"/jcl": digest(b" " + CARD_OCTETS), "/jcl/0": digest(b"")}, "no https URL"),
        (WITH_LINK, {"/jcl/1/2/3": digest(b"photo")}, "no digest of jcl"),
        (WITH_ICON, {"/icn": "md5-" + "A" * 43}, "digest is none"),
        (WITH_ICON, {"/icn": "sha256-" + "A" * 10}, "digest is none"),
        (WITH_ICON, {"/icn": "sha256-" + "A" * 60}, "wrong length"),
        (WITH_ICON, {"/icn": "sha256-" + "A" * 45}, "no base64"),
        (WITH_ICON, {"/icn": 5}, "digest is none"),
        (WITH_ICON | WITH_CARD, {"/jcd": digest(CARD_OCTETS)}, "no digest of icn"),
        ({"nam": "", "jcd": ["vcard", [["x", {}, "float", 0.5]]]}, {"/jcd": digest(b"")}, "canonical"),
    ],
    ids=str,
)  # fmt: skip
def test_no_integrity(rich: Any, digests: Any, fault: str) -> None:
    found = faults({"rcd": rich, "rcdi": digests})
    assert any(fault in each for each in found), found
    assert all(each.name.isprintable() for each in judged({"rcd": rich, "rcdi": digests}))


@pytest.mark.parametrize("card", [b"", b"{}", b'["vcard"]', b'["vcard",[]],"x":1', b'["vcard",[]]}{"a":[', b"\xff"])
def test_what_stands_at_a_url_is_no_card(card: bytes) -> None:
    digests = {"/jcl": digest(card), "/jcl/1/2/3": digest(b"photo")}
    checks = judged({"rcd": WITH_LINK, "rcdi": digests}, {CARD_URL: card, PHOTO: b"photo"})
    assert [each.ok for each in checks[2:]] == [True, False]


def test_what_nobody_fetched() -> None:
    digests = {"/jcl": digest(b"x"), "/jcl/1/2/3": digest(b"photo"), "/icn": digest(b"icon")}
    checks = judged({"rcd": WITH_LINK | WITH_ICON, "rcdi": digests}, {})
    assert [(each.ok, each.open) for each in checks[2:]] == [(None, False)] * 3


def test_as_many_digests_as_there_may_be() -> None:
    photos = [["photo", {}, "uri", f"https://brand.example/{n}"] for n in range(32)]
    contents = {f"https://brand.example/{n}": str(n).encode() for n in range(32)}
    digests = {f"/jcd/1/{n}/3": digest(str(n).encode()) for n in range(32)}
    checks = judged({"rcd": {"nam": "", "jcd": ["vcard", photos]}, "rcdi": digests}, contents)
    assert [each.ok for each in checks] == [True] * 34


def test_without_digests() -> None:
    (_, check) = judged({"rcd": WITH_ICON})
    assert (check.name, check.ok, check.open) == ("rcd.integrity", None, False)


def test_too_large() -> None:
    body = bytes(MAX_CONTENT + 1)
    assert faults({"rcd": WITH_ICON, "rcdi": {"/icn": digest(body)}}, {ICON: body}) == ["too large"]


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"rcd": WITH_ICON | WITH_LINK}, (ICON, CARD_URL)),
        ({"rcd": WITH_CARD, "rcdi": {"/jcd": "x", "/jcd/1/2/3": "x", "/jcd/1/2": "x", "/jcd/9": "x", "/jcd/x": "x"}}, (PHOTO,)),
        ({"rcd": {"icn": "http://a", "jcl": 5}}, ()),
        ({"rcd": 5}, ()),
        ({}, ()),
    ],
    ids=str,
)  # fmt: skip
def test_urls(claims: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert urls(claims) == expected


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.sampled_from([ICON, "vcard", "/jcd/1", digest(b"")]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["nam", "icn", "jcd", "jcl", "/icn", "/jcl/0", "/jcd/1/2"]), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(st.fixed_dictionaries({}, optional={"rcd": ANYTHING, "rcdi": ANYTHING, "crn": ANYTHING}), st.binary(max_size=30))
def test_nothing_raises(claims: dict[str, Any], content: bytes) -> None:
    for check in judged(claims, {ICON: content}):
        assert check.name.startswith("rcd")
        assert check.detail.isascii()
    assert all(url.startswith("https://") for url in urls(claims))
