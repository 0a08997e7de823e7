"""Tokens within tokens: all the way down or not at all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stirshaken import identity, passport
from stirshaken.certificate import Validated
from stirshaken.claims import SignedCall
from stirshaken.errors import MalformedError
from stirshaken.findings import Result, Rule
from stirshaken.identity import form
from stirshaken.nested import unfold
from stirshaken.numbers import Identifier
from stirshaken.sign import Signer
from stirshaken.tnauthlist import One, Spc
from stirshaken.verify import Identity, Verification, needs, verify
from tests.stirshaken.scene import (
    BASE,
    CALLED,
    CALLER,
    NOW,
    ORIGID,
    OTHER_X5U,
    SECOND,
    THIRD,
    X5U,
    Party,
    base,
    check,
    div,
    party,
    rules,
)  # fmt: skip

DIVERTER = party(Spc("D1"))
CERTIFICATES: dict[str, Validated | str] = {X5U: party().validated, OTHER_X5U: DIVERTER.validated}
TO_SECOND = SignedCall(CALLER, (SECOND,))
TO_THIRD = SignedCall(CALLER, (THIRD,))


def first(**claims: object) -> bytes:
    return party().value(claims)


def around(
    inner: bytes,
    dest: Identifier = SECOND,
    origin: Identifier = CALLED,
    signer: Party = DIVERTER,
    x5u: str = OTHER_X5U,
    **claims: object,
) -> bytes:
    """A div-o value around the token of another, signed with no regard for what that is."""
    header = {"alg": "ES256", "ppt": "div-o", "typ": "passport", "x5u": x5u}
    opt = identity.parse(inner).token.decode()
    body = {**BASE, "dest": {dest.kind: [dest.value]}, "div": {origin.kind: origin.value}, "opt": opt, **claims}
    return form(passport.encode(header, body, passport.sign(signer.holder.key)), x5u, ppt="div-o").encode()


def judge(value: bytes, call: SignedCall = TO_SECOND, *more: bytes, **demands: Any) -> Verification:
    return verify(call, [value, *more], CERTIFICATES, NOW, **demands)


TWICE = around(around(first()), THIRD, SECOND)


@pytest.mark.parametrize(
    ("value", "call", "more"),
    [
        pytest.param(around(first()), TO_SECOND, (), id="of-shaken"),
        pytest.param(around(base(party())), TO_SECOND, (), id="of-a-base-token"),
        pytest.param(TWICE, TO_THIRD, (), id="twice"),
        pytest.param(around(first()), TO_THIRD, (div(THIRD, SECOND),), id="then-by-div"),
        pytest.param(around(first(dest={"tn": [CALLED.value, THIRD.value]})), TO_SECOND, (), id="one-of-several"),
        pytest.param(around(first()), TO_SECOND, (b"rubbish",), id="beside-rubbish"),
    ],
)
def test_passed(value: bytes, call: SignedCall, more: tuple[bytes, ...]) -> None:
    found = judge(value, call, *more)
    assert (found.result, found.findings) == (Result.PASSED, ())
    assert needs([value]) == (OTHER_X5U, X5U)
    assert found.decisive is not None
    assert (found.decisive.ppt, found.decisive.original.get("orig")) == ("div-o", {"tn": CALLER.value})


def test_what_is_known_of_the_first_token() -> None:
    (found,) = judge(TWICE, TO_THIRD).identities
    assert isinstance(found, Identity)
    assert (found.original["attest"], "attest" in found.claims) == ("A", False)
    names = [each.name for each in found.checks]
    assert {"iat", "opt.iat", "opt.opt.iat", "opt.opt.attest", "opt.signature", "opt.opt.certificate.path"} <= set(
        names
    )
    assert [name for name in names if name.endswith(("info", "date"))] == ["info"]


@pytest.mark.parametrize(
    ("value", "call", "rule", "name"),
    [
        pytest.param(around(first()), TO_THIRD, Rule.MISMATCH, "dest", id="for-another"),
        pytest.param(around(first(), origin=THIRD), TO_SECOND, Rule.MISMATCH, "opt.dest", id="broken-link"),
        pytest.param(around(around(first()), THIRD, CALLED), TO_THIRD, Rule.MISMATCH, "opt.dest", id="link-to-the-wrong-layer"),
        pytest.param(around(first(orig={"tn": THIRD.value})), TO_SECOND, Rule.MISMATCH, "opt.orig", id="another-caller-within"),
        pytest.param(around(first(), orig={"tn": THIRD.value}), TO_SECOND, Rule.MISMATCH, "orig", id="another-caller-around"),
        pytest.param(around(first(iat=NOW - 61)), TO_SECOND, Rule.STALE, "opt.iat", id="stale-within"),
        pytest.param(around(first(), iat=NOW - 61), TO_SECOND, Rule.STALE, "iat", id="stale-around"),
        pytest.param(around(first(attest="D")), TO_SECOND, Rule.INVALID, "opt.attest", id="no-level-within"),
        pytest.param(around(first(mky="x")), TO_SECOND, Rule.INVALID, "opt.mky", id="no-keys-within"),
        pytest.param(around(party(Spc("X")).value()), TO_SECOND, Rule.INVALID, "opt.signature", id="forged-within"),
        pytest.param(around(first(), signer=party()), TO_SECOND, Rule.INVALID, "signature", id="forged-around"),
        pytest.param(around(div(CALLED, THIRD)), TO_SECOND, Rule.INVALID, "opt.kind", id="a-link-within"),
        pytest.param(around(first(), div={"tn": 5}), TO_SECOND, Rule.INVALID, "div", id="no-div"),
    ],
)  # fmt: skip
def test_failed(value: bytes, call: SignedCall, rule: Rule, name: str) -> None:
    found = judge(value, call)
    assert (found.result, rules(found)) == (Result.FAILED, {rule})
    assert check(found, name).ok is False


def test_who_diverts_must_be_covered() -> None:
    other = party(One(THIRD.value))
    found = verify(TO_SECOND, [around(first(), signer=other)], {**CERTIFICATES, OTHER_X5U: other.validated}, NOW)
    assert (found.result, rules(found), check(found, "coverage").ok) == (Result.FAILED, {Rule.NOT_AUTHORISED}, False)


@pytest.mark.parametrize("url", [X5U, OTHER_X5U])
def test_each_certificate_counts(url: str) -> None:
    found = verify(TO_SECOND, [around(first())], {**CERTIFICATES, url: "timeout"}, NOW)
    assert (found.result, rules(found)) == (Result.UNKNOWN, {Rule.UNREACHABLE})


def test_tokens_within_may_be_older_where_that_is_allowed() -> None:
    value = around(first(iat=NOW - 600))
    assert judge(value, max_inner_age=600).result is Result.PASSED
    assert rules(judge(value, max_inner_age=599)) == {Rule.STALE}
    assert judge(around(first()), max_inner_age=0).result is Result.PASSED


def test_the_date_is_that_of_this_request() -> None:
    dated = replace(TO_SECOND, date=float(NOW - 61))
    found = judge(around(first()), dated)
    assert (rules(found), [each.name for each in found.checks if each.name.endswith("date")]) == (
        {Rule.STALE},
        ["date"],
    )


def test_attestation_is_that_of_the_first_token() -> None:
    assert judge(around(first(attest="B")), attestation="B").result is Result.PASSED
    assert rules(judge(around(first(attest="C")), attestation="B")) == {Rule.ATTESTATION}


def test_an_unknown_kind_within_is_ignored() -> None:
    found = judge(around(party().value(ppt="msg")))
    assert (found.identities[0].ignored, rules(found)) == (True, {Rule.MISSING})


def test_a_field_that_says_shaken_of_an_unknown_kind_is_not_ignored() -> None:
    found = judge(party().value(ppt="msg").replace(b";ppt=msg", b";ppt=shaken"), SignedCall(CALLER, (CALLED,)))
    assert (found.result, rules(found), check(found, "ppt").ok) == (Result.FAILED, {Rule.INVALID}, False)


@pytest.mark.parametrize("opt", [None, 5, "", "a.b", "..c", "é.é.é", ["x"]], ids=repr)
def test_nothing_within(opt: object) -> None:
    value = around(first(), opt=opt)
    found = judge(value)
    assert (found.result, rules(found), needs([value])) == (Result.FAILED, {Rule.INVALID}, ())


def wrapped(times: int) -> bytes:
    value = base(party())
    for number in range(times):
        value = around(value, Identifier("tn", f"1215555{number + 1:04}"), Identifier("tn", f"1215555{number:04}"))
    return value


@pytest.mark.parametrize(("times", "deep"), [(5, False), (6, True)])
def test_no_deeper_than_five(times: int, deep: bool) -> None:
    token = passport.decode(identity.parse(wrapped(times)).token)
    if deep:
        with pytest.raises(MalformedError, match="too deep"):
            unfold(token)
    else:
        assert len(unfold(token)) == 6


def test_urls_are_bounded() -> None:
    url = "https://cert.example.org/{}{}.pem"
    values = [around(party().value(x5u=url.format("in", n)), x5u=url.format("out", n)) for n in range(10)]
    assert needs(values[:2]) == (url.format("out", 0), url.format("in", 0), url.format("out", 1), url.format("in", 1))
    assert len(needs(values)) == 16


def test_signed_and_verified() -> None:
    caller, diverter = Signer(party().holder.key, X5U), Signer(DIVERTER.holder.key, OTHER_X5U)
    value = diverter.div_o(caller.shaken(CALLER, [CALLED], "A", ORIGID, NOW), [SECOND], CALLED, NOW + 1)
    assert judge(value.encode()).result is Result.PASSED
    again = diverter.div_o(value, [THIRD], SECOND, NOW + 2)
    assert judge(again.encode(), TO_THIRD).result is Result.PASSED


@pytest.mark.parametrize(
    ("original", "div_", "reason"),
    [
        pytest.param(first(), THIRD, "not the dest", id="not-who-was-called"),
        pytest.param(div(CALLED, THIRD), CALLED, "no caller", id="a-link"),
        pytest.param(party().value(ppt="msg"), CALLED, "no caller", id="unknown-kind"),
        pytest.param(base(party(), compact=True), CALLED, "three parts|base64url|JSON", id="compact"),
        pytest.param(b"rubbish", CALLED, "info", id="rubbish"),
        pytest.param(around(first(), opt=5), SECOND, "opt", id="nothing-within"),
    ],
)
def test_not_signed(original: bytes, div_: Identifier, reason: str) -> None:
    with pytest.raises(MalformedError, match=reason):
        Signer(DIVERTER.holder.key, OTHER_X5U).div_o(original.decode(), [SECOND], div_, NOW)


JSON = st.recursive(st.none() | st.integers() | st.text(max_size=20), lambda inner: st.lists(inner, max_size=3))


@given(JSON, JSON, JSON)
def test_nothing_raises(opt: object, div_: object, iat: object) -> None:
    body = {**BASE, "opt": opt, "div": div_, "iat": iat}
    header = {"alg": "ES256", "ppt": "div-o", "typ": "passport", "x5u": OTHER_X5U}
    try:
        value = form(passport.encode(header, body, passport.sign(DIVERTER.holder.key)), OTHER_X5U, ppt="div-o")
    except MalformedError:
        return
    assert judge(value.encode()).result is Result.FAILED
    assert needs([value.encode()]) == ()
