"""Tokens that others published, and any octets at all: a verdict each time, never an exception."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from hypothesis import given, settings
from hypothesis import strategies as st

from stirshaken.claims import SignedCall
from stirshaken.findings import Result, Rule
from stirshaken.numbers import of_uri
from stirshaken.verify import needs, verify
from tests.stirshaken.scene import (
    CALL,
    CALLED,
    CALLER,
    CERTIFICATES,
    CLAIMS,
    GOOD,
    HEADER,
    NOW,
    SECOND,
    UNSUPPORTED,
    X5U,
    div,
    judged,
    party,
    raw,
    rules,
)


@pytest.mark.parametrize(
    ("name", "failed"),
    [
        pytest.param("rfc8225-7.1", "form", id="iat-is-a-string"),
        pytest.param("rfc8224-5.1-rebuilt", "signature", id="rfc8224-compact-rebuilt"),
        pytest.param("rfc8225-A", "signature", id="rfc8225-appendix-a"),
        pytest.param("rfc8946-opt", "", id="rfc8946-inner"),
        pytest.param("rfc8443-4.1", "form", id="rph-is-no-json"),
        pytest.param("rfc8816-9", "form", id="rfc8816"),
    ],
)
def test_tokens_of_rfcs(name: str, failed: str, vectors: Path) -> None:
    rows = {row["id"]: row for row in json.loads((vectors / "rfc" / "tokens.json").read_bytes())}
    row = rows[name]
    claims = json.loads(row["payload_json"]) if name != "rfc8443-4.1" else {"iat": 0}
    url = json.loads(row["header_json"])["x5u"]
    dest = "sip:alice@example.com" if "rfc822" in name else "tel:+12155551213"
    key = load_pem_public_key((vectors / "rfc" / (row["public_key"] or "rfc8946-public-key.pem")).read_bytes())
    validated = replace(party().validated, public_key=key)
    value = f"{row['token']};info=<{url}>".encode()
    moment = min(int(claims["iat"]), NOW)
    found = verify(SignedCall(CALLER, (of_uri(dest),)), [value], {url: validated}, moment)
    assert [each.name for each in found.checks if not each.ok] == ([failed] if failed else [])


def test_div_o_of_rfc8946_has_a_dest_that_is_no_array(vectors: Path) -> None:
    rows = {row["id"]: row for row in json.loads((vectors / "rfc" / "tokens.json").read_bytes())}
    value = f"{rows['rfc8946-5-divo']['token']};info=<https://www.example.com/cert.cer>;ppt=div-o".encode()
    found = verify(SignedCall(CALLER, (SECOND,)), [value], {}, 1443208345)
    assert (found.result, rules(found), needs([value])) == (Result.FAILED, {Rule.INVALID}, ())


def test_chain_of_rfc8946_is_broken(vectors: Path) -> None:
    rows = {row["id"]: row for row in json.loads((vectors / "rfc" / "tokens.json").read_bytes())}
    url = "https://www.example.com/cert.cer"
    key = load_pem_public_key((vectors / "rfc" / "rfc8946-public-key.pem").read_bytes())
    values = [f"{rows['rfc8946-opt']['token']};info=<{url}>".encode(), f"{rows['rfc8946-5-div']['token']};info=<{url}>;ppt=div".encode()]  # fmt: skip
    call = SignedCall(CALLER, (SECOND,))
    found = verify(call, values, {url: replace(party().validated, public_key=key)}, 1443208345)
    assert [each.result for each in found.identities] == [Result.FAILED, Result.PASSED]
    assert (found.result, rules(found)) == (Result.FAILED, {Rule.MISMATCH})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**54) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=80) | st.sampled_from([GOOD, UNSUPPORTED, div(SECOND, CALLED)]), max_size=4), st.floats(), st.floats(allow_nan=False))  # fmt: skip
def test_no_octets_raise(values: list[bytes], date: float, now: float) -> None:
    found = verify(replace(CALL, date=date), values, CERTIFICATES, now if abs(now) < 2**60 else NOW)
    assert len(found.identities) == len(values)
    assert needs(values) in ((), (X5U,))


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([*CLAIMS, "div", "ppt", "alg", "x5u", "mky", "opt", "rcd", "rcdi", "crn", "rph", "sph"]),
    JSON,
    st.sampled_from(["shaken", "div", "div-o", "rcd", "rph"]),
)
def test_no_json_raises(name: str, part: object, ppt: str) -> None:
    header = {**HEADER, "ppt": ppt, **({name: part} if name in ("ppt", "alg", "x5u") else {})}
    value = raw(header, {**CLAIMS, "div": {"tn": CALLED.value}, name: part}).replace(
        b"ppt=shaken", f"ppt={ppt}".encode()
    )
    found = verify(replace(CALL, dest=(SECOND,)), [value, GOOD], CERTIFICATES, NOW)
    assert found.result is not Result.PASSED or name in ("dest", "div")


# what is signed, and what has to be the same in it: the token and the URL of info
BOUND = [*range(GOOD.index(b";")), *range(GOOD.index(b"<") + 1, GOOD.index(b">"))]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(BOUND), st.integers(1, 255))
def test_no_change_of_an_octet_goes_through(position: int, flip: int) -> None:
    altered = bytearray(GOOD)
    altered[position] ^= flip
    assert judged(bytes(altered)).result is Result.FAILED
