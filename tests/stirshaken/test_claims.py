"""Claims by themselves: who diverts, whom a chain reaches, what can be shown of any token."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stirshaken import base64url, passport
from stirshaken.claims import diverted, is_uuid, peek, reaches
from stirshaken.errors import MalformedError
from stirshaken.numbers import Identifier
from stirshaken.passport import Passport
from tests.stirshaken.scene import CALLED, CALLER, CLAIMS, HEADER, ORIGID, SECOND, THIRD, party


def token(orig: Identifier, dest: Identifier, div: Identifier | None = None) -> Passport:
    more = {"div": {div.kind: div.value}} if div is not None else {}
    claims = {"orig": {orig.kind: orig.value}, "dest": {dest.kind: [dest.value]}, "iat": 1, **more}
    header = {"alg": "ES256", "typ": "passport", "x5u": "https://a.example/"}
    return passport.decode(passport.encode(header, claims, lambda _: bytes(range(64))).encode())


@pytest.mark.parametrize(
    ("links", "dest", "expected"),
    [
        pytest.param([], CALLED, True, id="itself"),
        pytest.param([], SECOND, False, id="nowhere"),
        pytest.param([token(CALLER, SECOND, CALLED)], SECOND, True, id="one-link"),
        pytest.param([token(THIRD, SECOND, CALLED)], SECOND, False, id="link-of-another-caller"),
        pytest.param([token(CALLER, CALLED, SECOND)], SECOND, False, id="backwards"),
        pytest.param([token(CALLER, SECOND, SECOND)], SECOND, False, id="to-itself"),
        pytest.param([token(CALLER, SECOND, CALLED), token(CALLER, THIRD, CALLED)], THIRD, True, id="forked"),
    ],
)
def test_reaches(links: list[Passport], dest: Identifier, expected: bool) -> None:
    assert reaches(token(CALLER, CALLED), (dest,), links) is expected


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        pytest.param({"tn": "12155551213"}, CALLED, id="number"),
        pytest.param({"tn": "+1-215-555-1213"}, CALLED, id="number-as-written"),
        pytest.param({"uri": "SIP:Bob@Example.com:5060"}, Identifier("uri", "sip:bob@example.com"), id="uri"),
        pytest.param({"hi": "1", "tn": "12155551213"}, CALLED, id="history-index"),
    ],
)
def test_diverted(claim: object, expected: Identifier) -> None:
    assert diverted({"div": claim}) == expected


@pytest.mark.parametrize(
    "claim",
    [None, "12155551213", [], {}, {"hi": "1"}, {"tn": 1}, {"tn": ["1"]}, {"tn": "x"}, {"x": "1"}, {"tn": "1", "uri": "sip:a@b"}],
    ids=repr,
)  # fmt: skip
def test_diverted_from_nobody(claim: object) -> None:
    with pytest.raises(MalformedError):
        diverted({"div": claim})
    with pytest.raises(MalformedError):
        diverted({})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(ORIGID, True, id="lower-case"),
        pytest.param(ORIGID.upper(), True, id="upper-case"),
        pytest.param("00000000-0000-0000-0000-000000000000", True, id="nil"),
        pytest.param(ORIGID.replace("-", ""), False, id="no-hyphens"),
        pytest.param(ORIGID + "0", False, id="too-long"),
        pytest.param("urn:uuid:" + ORIGID, False, id="urn"),
        pytest.param(ORIGID[:-1] + "１", False, id="full-width-digit"),
        pytest.param(None, False, id="nothing"),
    ],
)
def test_is_uuid(value: object, expected: bool) -> None:
    assert is_uuid(value) is expected


def test_peek() -> None:
    whole = party().token().encode()
    assert peek(whole) == (HEADER, CLAIMS)
    header, claims, _ = whole.split(b".")
    assert peek(header) == (HEADER, {})
    assert peek(b"." + claims) == ({}, CLAIMS)
    assert peek(header + b"." + base64url.encode(b"[]").encode()) == (HEADER, {})
    assert peek(whole + b"A" * 9000) == ({}, {})


@given(st.binary(max_size=60))
def test_peek_takes_any_octets(octets: bytes) -> None:
    header, claims = peek(octets)
    assert isinstance(header, dict)
    assert isinstance(claims, dict)
