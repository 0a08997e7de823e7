"""Identity fields judged by what they claim: every failure has its rule, the others are still checked."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from stirshaken.claims import SignedCall
from stirshaken.findings import Result, Rule
from stirshaken.numbers import of_uri
from stirshaken.tnauthlist import Spc
from stirshaken.verify import MAX_VALUES, needs, read, verify
from tests.stirshaken.scene import (
    CALL,
    CALLED,
    CALLER,
    CERTIFICATES,
    CLAIMS,
    GOOD,
    HEADER,
    NOW,
    OTHER_X5U,
    SECOND,
    SIP,
    STALE,
    THIRD,
    UNSUPPORTED,
    X5U,
    base,
    check,
    div,
    judged,
    party,
    raw,
    rules,
)


@pytest.mark.parametrize(
    ("value", "call"),
    [
        pytest.param(GOOD, CALL, id="shaken"),
        pytest.param(GOOD, replace(CALL, date=NOW - 60), id="date-at-the-edge"),
        pytest.param(GOOD, SignedCall(CALLER, (THIRD, CALLED)), id="second-of-the-called"),
        pytest.param(GOOD, SignedCall(of_uri("sip:+12155551212;npdi@host:5060;user=phone"), (of_uri("tel:+1-215-555-1213"),)), id="from-sip"),
        pytest.param(party().value({"dest": {"tn": [SECOND.value, CALLED.value], "uri": [SIP.value]}}), CALL, id="one-of-several-dest"),
        pytest.param(party().value({"attest": "C"}), CALL, id="attest-c"),
        pytest.param(party().value({"orig": {"tn": "+12155551212"}}), CALL, id="a-signers-plus"),
        pytest.param(party().value({"x-own": [1, {"b": None}]}), CALL, id="claims-that-are-not-known"),
        pytest.param(GOOD.replace(b"ppt=shaken", b'ppt="shaken"').replace(b"alg=ES256;", b""), CALL, id="quoted-ppt-no-alg"),
        pytest.param(base(party()), CALL, id="base-full"),
        pytest.param(base(party(), compact=True), replace(CALL, date=NOW + 0.5), id="base-compact"),
    ],
)  # fmt: skip
def test_good(value: bytes, call: SignedCall) -> None:
    found = judged(value, call)
    assert (found.result, found.findings) == (Result.PASSED, ())
    assert all(each.ok for each in found.checks)


def test_signature_is_over_the_octets_received() -> None:
    header = {"x5u": X5U, "typ": "passport", "ppt": "shaken", "alg": "ES256"}
    assert list(header) != sorted(header)
    found = judged(raw(header, dict(reversed(CLAIMS.items()))))  # with spaces and in another order
    assert found.result is Result.PASSED


# --- every failure -----------------------------------------------------------------------------------------------

# value → (rule, the check that fails)
FAILURES = [
    pytest.param(b"", Rule.INVALID, "form", id="empty"),
    pytest.param(b"nonsense", Rule.INVALID, "form", id="no-parameters"),
    pytest.param(GOOD.partition(b";")[0] + b";ppt=shaken", Rule.INVALID, "form", id="no-info"),
    pytest.param(b"a.b.c;info=<" + X5U.encode() + b">", Rule.INVALID, "form", id="no-token"),
    pytest.param(GOOD.replace(b"info=<https://cert.", b"info=<https://other."), Rule.INVALID, "info", id="info-is-not-x5u"),
    pytest.param(GOOD.replace(b"alg=ES256", b"alg=ES384"), Rule.INVALID, "alg", id="alg-differs"),
    pytest.param(GOOD.replace(b";ppt=shaken", b""), Rule.INVALID, "ppt", id="ppt-parameter-missing"),
    pytest.param(GOOD.replace(b";ppt=shaken", b";ppt=div"), Rule.INVALID, "ppt", id="ppt-differs"),
    pytest.param(raw({**HEADER, "alg": "ES384"}, CLAIMS), Rule.UNTRUSTED, "form", id="es384"),
    pytest.param(raw({**HEADER, "alg": "none"}, CLAIMS), Rule.UNTRUSTED, "form", id="none"),
    pytest.param(raw({**HEADER, "alg": "HS256"}, CLAIMS), Rule.UNTRUSTED, "form", id="hs256"),
    pytest.param(raw({**HEADER, "typ": "JWT"}, CLAIMS), Rule.INVALID, "form", id="typ"),
    pytest.param(raw({**HEADER, "crit": ["exp"]}, CLAIMS), Rule.INVALID, "form", id="crit"),
    pytest.param(raw({k: v for k, v in HEADER.items() if k != "x5u"}, CLAIMS), Rule.INVALID, "form", id="no-x5u"),
    pytest.param(raw(HEADER, {k: v for k, v in CLAIMS.items() if k != "iat"}), Rule.INVALID, "form", id="no-iat"),
    pytest.param(raw(HEADER, {**CLAIMS, "dest": {}}), Rule.INVALID, "form", id="no-dest"),
    pytest.param(raw(HEADER, {**CLAIMS, "orig": {"tn": "1", "uri": "sip:a@b"}}), Rule.INVALID, "form", id="two-orig"),
    pytest.param(raw(HEADER, {k: v for k, v in CLAIMS.items() if k != "attest"}), Rule.INVALID, "attest", id="no-attest"),
    pytest.param(raw(HEADER, {**CLAIMS, "attest": "D"}), Rule.INVALID, "attest", id="attest-d"),
    pytest.param(raw(HEADER, {**CLAIMS, "attest": "a"}), Rule.INVALID, "attest", id="attest-lower-case"),
    pytest.param(raw(HEADER, {**CLAIMS, "attest": ["A"]}), Rule.INVALID, "attest", id="attest-array"),
    pytest.param(raw(HEADER, {**CLAIMS, "attest": "AB"}), Rule.INVALID, "attest", id="attest-two-levels"),
    pytest.param(raw(HEADER, {k: v for k, v in CLAIMS.items() if k != "origid"}), Rule.INVALID, "origid", id="no-origid"),
    pytest.param(raw(HEADER, {**CLAIMS, "origid": "gateway-1"}), Rule.INVALID, "origid", id="origid-no-uuid"),
    pytest.param(raw(HEADER, {**CLAIMS, "origid": 5}), Rule.INVALID, "origid", id="origid-number"),
    pytest.param(party(Spc("X1")).value(), Rule.INVALID, "signature", id="another-key"),
    pytest.param(GOOD[:8] + GOOD[9:], Rule.INVALID, "form", id="octet-lost"),
    pytest.param(party().value({"iat": NOW - 61}), Rule.STALE, "iat", id="old"),
    pytest.param(party().value({"iat": NOW + 61}), Rule.STALE, "iat", id="from-the-future"),
    pytest.param(party().value({"iat": 0}), Rule.STALE, "iat", id="epoch"),
    pytest.param(party().value({"orig": {"tn": THIRD.value}}), Rule.MISMATCH, "orig", id="another-caller"),
    pytest.param(party().value({"orig": {"uri": "sip:12155551212@example.com"}}), Rule.MISMATCH, "orig", id="uri-is-no-number"),
    pytest.param(party().value({"dest": {"tn": [THIRD.value]}}), Rule.MISMATCH, "dest", id="another-called"),
    pytest.param(party().value({"dest": {"tn": ["1215555121"]}}), Rule.MISMATCH, "dest", id="called-is-cut-off"),
    pytest.param(base(party()).replace(b"info", b"ppt=shaken;info"), Rule.INVALID, "ppt", id="base-token-as-shaken"),
    pytest.param(base(party(), compact=True), Rule.INVALID, "form", id="compact-without-date"),
    pytest.param(base(party(), compact=True) + b";ppt=shaken", Rule.INVALID, "form", id="compact-shaken"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "rule", "name"), FAILURES)
def test_failure(value: bytes, rule: Rule, name: str) -> None:
    found = judged(value)
    assert found.result is Result.FAILED
    assert check(found, name).ok is False
    assert rule in rules(found)


# one altered octet of the others breaks something else as well
ALONE = {"attest", "origid", "iat", "orig", "dest", "signature"}


@pytest.mark.parametrize(
    ("value", "rule", "name"), [each for each in FAILURES if each.values[2] in ALONE and each.id != "uri-is-no-number"]
)
def test_one_fault_is_one_finding(value: bytes, rule: Rule, name: str) -> None:
    found = judged(value)
    assert [each.name for each in found.checks if each.ok is not True] == [name]
    assert [(finding.rule, finding.detail) for finding in found.findings] == [(rule, check(found, name).detail)]


def test_signature_altered() -> None:
    altered = GOOD.replace(b"eyJhdHRlc3QiOiJB", b"eyJhdHRlc3QiOiJC")  # A became C
    found = judged(altered)
    assert altered != GOOD
    assert (found.result, rules(found), check(found, "signature").ok) == (Result.FAILED, {Rule.INVALID}, False)


def test_claims_of_a_malformed_token_are_still_shown() -> None:
    found = judged(raw(HEADER, {**CLAIMS, "iat": "1800000000"}))
    assert found.decisive is not None
    assert (found.decisive.header, found.decisive.claims) == (HEADER, {**CLAIMS, "iat": "1800000000"})


@pytest.mark.parametrize(
    ("call", "name", "rule"),
    [
        pytest.param(replace(CALL, date=NOW - 61), "date", Rule.STALE, id="date-old"),
        pytest.param(replace(CALL, date=NOW + 61), "date", Rule.STALE, id="date-in-future"),
        pytest.param(replace(CALL, date=math.nan), "date", Rule.STALE, id="date-nan"),
        pytest.param(replace(CALL, orig=SIP), "orig", Rule.MISMATCH, id="caller-is-a-uri"),
        pytest.param(replace(CALL, dest=()), "dest", Rule.MISMATCH, id="nobody-called"),
        pytest.param(replace(CALL, dest=(CALLER,)), "dest", Rule.MISMATCH, id="caller-called"),
    ],
)
def test_the_call_differs(call: SignedCall, name: str, rule: Rule) -> None:
    found = judged(GOOD, call)
    assert (found.result, rules(found), check(found, name).ok) == (Result.FAILED, {rule}, False)


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(replace(CALL, date=float(NOW), dest=(THIRD, CALLED)), id="to-is-another"),
        pytest.param(replace(CALL, date=float(NOW), orig=THIRD), id="from-is-another"),
        pytest.param(replace(CALL, date=float(NOW + 1)), id="date-is-another"),
        pytest.param(replace(CALL, date=math.inf), id="date-infinite"),
        pytest.param(replace(CALL, date=-5.0), id="date-before-1970"),
        pytest.param(replace(CALL, date=float(NOW), dest=()), id="nobody-called"),
    ],
)
def test_compact_form_is_rebuilt_from_the_call(call: SignedCall) -> None:
    found = judged(base(party(), compact=True), call)
    assert (found.result, rules(found)) == (Result.FAILED, {Rule.INVALID})


def test_all_is_checked_whatever_fails() -> None:
    value = party().value({"iat": NOW - 100, "orig": {"tn": THIRD.value}, "dest": {"tn": [SECOND.value]}, "attest": "Z", "origid": "?"})  # fmt: skip
    found = judged(value, validated=party(Spc("X1")).validated)
    failed = {each.name for each in found.checks if each.ok is False}
    assert failed == {"iat", "orig", "dest", "attest", "origid", "signature"}
    assert rules(found) == {Rule.STALE, Rule.MISMATCH, Rule.INVALID}


# --- freshness ---------------------------------------------------------------------------------------------------


def test_window_of_others(vectors: Path) -> None:
    table = json.loads((vectors / "canonical" / "iat_window.json").read_bytes())
    assert len(table["cases"]) == 5
    for iat, expected in table["cases"]:
        moment = table["now"]
        found = verify(CALL, [party().value({"iat": iat})], CERTIFICATES, moment, table["window"])
        assert (Rule.STALE in rules(found)) is (expected == "stale"), iat
    for iat in table["malformed"]:
        found = verify(CALL, [raw(HEADER, {**CLAIMS, "iat": iat})], CERTIFICATES, NOW)
        assert (found.result, rules(found)) == (Result.FAILED, {Rule.INVALID}), iat


@pytest.mark.parametrize(("max_age", "age", "ok"), [(0, 0, True), (0, 1, False), (15, 15, True), (15, 16, False), (3600, -3600, True)])  # fmt: skip
def test_max_age(max_age: float, age: int, ok: bool) -> None:
    assert (judged(party().value({"iat": NOW - age}), max_age=max_age).result is Result.PASSED) is ok


# --- several -----------------------------------------------------------------------------------------------------

ELSEWHERE = party().value(x5u=OTHER_X5U)  # its certificate cannot be had


@pytest.mark.parametrize(
    ("values", "result", "found_rules", "results"),
    [
        pytest.param([], Result.FAILED, {Rule.MISSING}, "", id="none"),
        pytest.param([UNSUPPORTED], Result.FAILED, {Rule.MISSING}, "i", id="unsupported-alone"),
        pytest.param([UNSUPPORTED, GOOD], Result.PASSED, set(), "ip", id="unsupported-is-ignored"),
        pytest.param([STALE, GOOD], Result.PASSED, set(), "fp", id="second-is-good"),
        pytest.param([GOOD, STALE, b"junk"], Result.PASSED, set(), "pff", id="first-is-good"),
        pytest.param([GOOD, GOOD], Result.PASSED, set(), "pp", id="twice"),
        pytest.param([ELSEWHERE, GOOD], Result.PASSED, set(), "up", id="one-unknown-one-good"),
        pytest.param([STALE, ELSEWHERE], Result.UNKNOWN, {Rule.STALE, Rule.UNREACHABLE}, "fu", id="unknown-may-be-good"),
        pytest.param([STALE, b"junk"], Result.FAILED, {Rule.STALE, Rule.INVALID}, "ff", id="all-fail"),
        pytest.param([b"junk"] * (MAX_VALUES - 1) + [GOOD], Result.PASSED, set(), "f" * (MAX_VALUES - 1) + "p", id="last-that-is-looked-at"),
        pytest.param([b"junk"] * MAX_VALUES + [GOOD], Result.FAILED, {Rule.INVALID}, "f" * MAX_VALUES + "i", id="one-too-many"),
        pytest.param([div(SECOND, CALLED)], Result.FAILED, {Rule.MISSING}, "p", id="diversion-alone"),
    ],
)  # fmt: skip
def test_several(values: list[bytes], result: Result, found_rules: set[Rule], results: str) -> None:
    found = verify(CALL, values, CERTIFICATES, NOW)
    assert (found.result, rules(found)) == (result, found_rules)
    assert "".join("i" if each.ignored else each.result[0] for each in found.identities) == results


def test_the_one_that_decides() -> None:
    found = verify(CALL, [UNSUPPORTED, STALE, ELSEWHERE, GOOD], CERTIFICATES, NOW)
    assert found.decisive is found.identities[3]
    assert (found.decisive.claims, found.decisive.header, found.decisive.ppt) == (CLAIMS, HEADER, "shaken")
    assert len(found.decisive.signature) == 64
    assert verify(CALL, [UNSUPPORTED], CERTIFICATES, NOW).decisive is None
    assert verify(CALL, [UNSUPPORTED], CERTIFICATES, NOW).checks == ()


@pytest.mark.parametrize(
    ("values", "urls"),
    [
        pytest.param([GOOD, GOOD, ELSEWHERE], (X5U, OTHER_X5U), id="each-once"),
        pytest.param([base(party(), compact=True)], (X5U,), id="compact-has-info-only"),
        pytest.param([UNSUPPORTED, b"junk", b""], (), id="not-for-what-is-not-judged"),
        pytest.param(
            [GOOD.replace(b"info=<https://cert.", b"info=<http://169.254.169.254/")], (), id="info-is-not-x5u"
        ),
        pytest.param([b"junk"] * MAX_VALUES + [GOOD], (), id="too-many"),
    ],
)
def test_needs(values: list[bytes], urls: tuple[str, ...]) -> None:
    assert needs(values) == urls


def test_values_that_were_read_are_judged_like_their_octets() -> None:
    values = [GOOD, STALE, UNSUPPORTED, b"no token", *[GOOD] * 8]

    found = verify(CALL, read(values), CERTIFICATES, NOW)

    assert found == verify(CALL, values, CERTIFICATES, NOW)
    assert needs(read(values)) == needs(values) == (X5U,)
    assert [each.ignored for each in found.identities[-2:]] == [True, True]  # too many
