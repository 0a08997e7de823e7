"""Identity fields and the keys of the call's media: exactly those that were signed (RFC 8224 §4, RFC 8225 §5.2.2)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stirshaken import passport
from stirshaken.claims import SignedCall
from stirshaken.findings import Result, Rule
from stirshaken.identity import form
from stirshaken.media import claim, fingerprints
from stirshaken.sign import Signer
from tests.stirshaken.scene import BASE, CALL, CALLED, CALLER, GOOD, NOW, ORIGID, X5U, base, check, judged, party, rules

ONE = ("sha-256", "AB12")
TWO = ("sha-256", "CD34")


def called(*keys: tuple[str, str]) -> SignedCall:
    return replace(CALL, fingerprints=keys)


def token(*keys: tuple[str, str]) -> bytes:
    return party().value({"mky": claim(keys)})


@pytest.mark.parametrize(
    ("value", "call"),
    [
        pytest.param(token(ONE), called(ONE), id="the-same"),
        pytest.param(token(ONE, TWO), called(TWO, ONE), id="in-any-order"),
        pytest.param(party().value({"mky": [{"alg": "SHA-256", "dig": "ab:12"}]}), called(ONE), id="written-otherwise"),
        pytest.param(GOOD, called(ONE), id="not-signed"),
        pytest.param(token(ONE), replace(CALL, fingerprints=None), id="nobody-looked"),
    ],
)
def test_passed(value: bytes, call: SignedCall) -> None:
    assert judged(value, call).result is Result.PASSED


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(called(TWO), id="another"),
        pytest.param(called(("sha-1", "AB12")), id="another-function"),
        pytest.param(called(ONE, TWO), id="one-added"),
        pytest.param(called(), id="none"),
        pytest.param(CALL, id="none-said"),
    ],
)
def test_mismatch(call: SignedCall) -> None:
    found = judged(token(ONE), call)
    assert (found.result, rules(found)) == (Result.FAILED, {Rule.MISMATCH})
    assert (check(found, "mky").ok, check(found, "fingerprints").ok) == (True, False)


def test_one_that_is_missing() -> None:
    assert rules(judged(token(ONE, TWO), called(ONE))) == {Rule.MISMATCH}


@pytest.mark.parametrize("value", ["", [], [{}], [{"alg": "sha-256", "dig": "x"}]], ids=str)
def test_malformed(value: object) -> None:
    found = judged(party().value({"mky": value}), called(ONE))
    assert (found.result, rules(found), check(found, "mky").ok) == (Result.FAILED, {Rule.INVALID}, False)


def test_nobody_looked() -> None:
    found = judged(token(ONE), replace(CALL, fingerprints=None))
    assert (check(found, "fingerprints").ok, check(found, "fingerprints").open) == (None, False)


def test_the_compact_form_is_built_with_them() -> None:
    dated = replace(called(ONE), date=float(NOW))
    header = {"alg": "ES256", "typ": "passport", "x5u": X5U}
    full = passport.encode(header, {**BASE, "mky": claim([ONE])}, passport.sign(party().holder.key))
    compact = form(".." + full.rpartition(".")[2], X5U).encode()
    assert judged(compact, dated).result is Result.PASSED
    assert rules(judged(compact, replace(dated, fingerprints=(TWO,)))) == {Rule.INVALID}
    assert judged(base(party(), compact=True), replace(dated, fingerprints=())).result is Result.PASSED


def test_from_body_to_body() -> None:
    body = b"v=0\r\na=fingerprint:SHA-256 ab:12\r\n"
    found = fingerprints(body)
    value = Signer(party().holder.key, X5U).shaken(CALLER, [CALLED], "A", ORIGID, NOW, claim(found)).encode()
    assert judged(value, replace(CALL, fingerprints=fingerprints(body))).result is Result.PASSED
    assert (
        judged(value, replace(CALL, fingerprints=fingerprints(body + body.replace(b"12", b"13")))).result
        is Result.FAILED
    )
