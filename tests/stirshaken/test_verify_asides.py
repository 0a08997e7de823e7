"""Tokens that say more of a call: judged and reported, and without a say in who calls."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from stirshaken.claims import SignedCall
from stirshaken.constraints import Constraints
from stirshaken.findings import Result, Rule
from stirshaken.tnauthlist import One
from stirshaken.verify import Identity, needs, verify
from tests.stirshaken.scene import CALL, CERTIFICATES, GOOD, NOW, OTHER_X5U, STALE, X5U, judged, party, rules
from tests.stirshaken.test_rcd import ICON, digest

RICH = {"nam": "Q Branch", "icn": ICON}
DIGESTS = {"/icn": digest(b"icon")}
URGENT = replace(CALL, resource_priority=("ETS.0", "wps.0"))
CALLBACK = replace(CALL, resource_priority=("esnet.0",), priority="psap-callback")


def token(ppt: str, **claims: object) -> bytes:
    return party().value({"attest": None, **claims}, ppt=ppt)


def aside(value: bytes, call: SignedCall = CALL, **more: Any) -> Identity:
    found = judged(value, call, **more)
    assert (found.result, rules(found), found.decisive) == (Result.FAILED, {Rule.MISSING}, None)
    (one,) = found.asides
    return one


RCD = token("rcd", rcd=RICH)
BROKEN = token("rcd", rcd={})


@pytest.mark.parametrize(
    ("value", "call"),
    [
        pytest.param(RCD, CALL, id="rcd"),
        pytest.param(token("rcd", rcd=RICH, rcdi=DIGESTS, crn="Your order"), CALL, id="rcd-with-everything"),
        pytest.param(token("rph", rph={"auth": ["wps.0", "ets.0"]}), URGENT, id="rph"),
        pytest.param(token("rph", rph={"auth": ["esnet.0"]}, sph="psap-callback"), CALLBACK, id="sph"),
    ],
)
def test_good_and_no_proof_of_the_caller(value: bytes, call: SignedCall) -> None:
    assert aside(value, call).result is Result.PASSED
    assert needs([value]) == (X5U,)
    assert needs([value], asides=False) == ()


@pytest.mark.parametrize(
    ("value", "call", "rule"),
    [
        pytest.param(BROKEN, CALL, Rule.INVALID, id="no-name"),
        pytest.param(token("rcd"), CALL, Rule.INVALID, id="no-rcd"),
        pytest.param(token("rcd", rcd=RICH, rcdi={"/icn": "x"}), CALL, Rule.INVALID, id="no-digest"),
        pytest.param(token("rcd", rcd=RICH, crn=5), CALL, Rule.INVALID, id="no-reason"),
        pytest.param(token("rcd", rcd=RICH, iat=NOW - 61), CALL, Rule.STALE, id="stale"),
        pytest.param(token("rcd", rcd=RICH, orig={"tn": "1"}), CALL, Rule.MISMATCH, id="of-another-caller"),
        pytest.param(token("rcd", rcd=RICH, dest={"tn": ["1"]}), CALL, Rule.MISMATCH, id="for-another"),
        pytest.param(token("rph"), URGENT, Rule.INVALID, id="no-rph"),
        pytest.param(token("rph", rph={"auth": ["ets.0"]}), URGENT, Rule.MISMATCH, id="one-more-than-signed"),
        pytest.param(token("rph", rph={"auth": ["ets.0"]}), CALL, Rule.MISMATCH, id="signed-and-not-said"),
        pytest.param(token("rph", rph={"auth": ["esnet.0"]}, sph="urgent"), CALLBACK, Rule.INVALID, id="no-callback"),
        pytest.param(token("rph", rph={"auth": ["esnet.0"]}, sph="psap-callback"), replace(CALLBACK, priority=""), Rule.MISMATCH, id="callback-not-said"),
        pytest.param(b"a.b.c;info=<https://a.example/>;ppt=rcd", CALL, Rule.INVALID, id="rubbish"),
    ],
)  # fmt: skip
def test_bad_and_reported(value: bytes, call: SignedCall, rule: Rule) -> None:
    one = aside(value, call)
    assert (one.result, {each.rule for each in one.findings}) == (Result.FAILED, {rule})
    assert one.rich is None


@pytest.mark.parametrize("value", [RCD, BROKEN, token("rph"), RCD.replace(b".", b".A", 1)])
def test_no_say(value: bytes) -> None:
    for values in ([GOOD, value], [value, GOOD]):
        found = verify(CALL, values, CERTIFICATES, NOW)
        assert (found.result, found.findings, len(found.asides)) == (Result.PASSED, (), 1)
    failed = verify(CALL, [value, STALE], CERTIFICATES, NOW)
    assert (failed.result, rules(failed)) == (Result.FAILED, {Rule.STALE})
    assert failed.decisive is not None
    assert failed.decisive.ppt == "shaken"


def test_an_aside_whose_certificate_cannot_be_had_leaves_nothing_open() -> None:
    values = [GOOD, party().value({"rcd": RICH}, ppt="rcd", x5u=OTHER_X5U)]
    found = verify(CALL, values, {**CERTIFICATES, OTHER_X5U: "timeout"}, NOW)
    assert (found.result, found.asides[0].result) == (Result.PASSED, Result.UNKNOWN)
    assert verify(CALL, values[1:], {OTHER_X5U: "timeout"}, NOW).result is Result.FAILED


def test_a_field_that_says_rcd_of_another_token() -> None:
    found = judged(GOOD.replace(b"ppt=shaken", b"ppt=rcd"))
    assert (found.result, rules(found)) == (Result.FAILED, {Rule.INVALID})


@pytest.mark.parametrize(
    ("claims", "contents", "shown"),
    [
        pytest.param({"rcd": RICH}, {}, True, id="alone"),
        pytest.param({"rcd": RICH, "rcdi": DIGESTS}, {}, True, id="not-fetched"),
        pytest.param({"rcd": RICH, "rcdi": DIGESTS}, {ICON: b"icon"}, True, id="fetched"),
        pytest.param({"rcd": RICH, "rcdi": DIGESTS}, {ICON: b"other"}, False, id="another-icon"),
        pytest.param({"rcd": {"nam": 5}}, {}, False, id="malformed"),
        pytest.param({"rcd": RICH, "rcdi": []}, {}, False, id="malformed-digests"),
        pytest.param({"crn": "Your order"}, {}, False, id="a-reason-alone"),
    ],
)
def test_within_a_shaken_token(claims: dict[str, object], contents: dict[str, bytes], shown: bool) -> None:
    found = judged(party().value(claims), contents=contents)
    assert (found.result, found.findings) == (Result.PASSED, ())
    assert found.decisive is not None
    assert found.decisive.rich == (RICH if shown else None)
    assert (False in {each.ok for each in found.checks}) is (not shown and "rcd" in claims)


def test_nothing_is_shown_of_a_token_that_failed() -> None:
    found = judged(party().value({"rcd": RICH, "iat": NOW - 100}))
    assert found.identities[0].rich is None


def test_what_the_certificate_allows() -> None:
    permitted = Constraints(must_include=("rcd",), permitted=(("rcdi", ('{"/icn":"' + DIGESTS["/icn"] + '"}',)),))
    signer = party(allowed=permitted)
    good = signer.value({"rcd": RICH, "rcdi": DIGESTS}, ppt="rcd")
    assert aside(good, validated=signer.validated).result is Result.PASSED
    for claims in ({"rcd": RICH, "rcdi": {"/icn": digest(b"other")}}, {}):
        one = aside(signer.value(claims, ppt="rcd"), validated=signer.validated)
        assert Rule.NOT_AUTHORISED in {each.rule for each in one.findings}


def test_who_signs_must_speak_for_the_number() -> None:
    other = party(One("12155559999"))
    one = aside(other.value({"rcd": RICH}, ppt="rcd"), validated=other.validated)
    assert {each.rule for each in one.findings} == {Rule.NOT_AUTHORISED}
