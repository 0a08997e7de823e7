"""Identity fields judged by their certificates: what these may sign, and what follows when there is none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stirshaken.constraints import Constraints
from stirshaken.findings import Check, Result, Rule
from stirshaken.tnauthlist import One, Range, Spc
from stirshaken.verify import verify
from tests.stirshaken.scene import CALL, GOOD, NOW, NUMBERS, SIP, X5U, Party, base, check, judged, party, rules


@pytest.mark.parametrize(
    ("signer", "rule", "name"),
    [
        pytest.param(party(days=0.5), Rule.UNTRUSTED, "certificate.dates", id="expired"),
        pytest.param(party(start=NOW + 86_400), Rule.UNTRUSTED, "certificate.dates", id="not-yet-valid"),
        pytest.param(party(trusted=False), Rule.UNTRUSTED, "certificate.path", id="no-path"),
        pytest.param(party(One("12155551213")), Rule.NOT_AUTHORISED, "coverage", id="another-number"),
        pytest.param(party(Range("12155551213", 1000)), Rule.NOT_AUTHORISED, "coverage", id="just-outside"),
        pytest.param(party(Spc("709J"), One("12155551213")), Rule.NOT_AUTHORISED, "coverage", id="listed-numbers-bind-a-provider"),
        pytest.param(party(allowed=Constraints(must_include=("confidence",))), Rule.NOT_AUTHORISED, "constraints", id="claim-demanded"),
        pytest.param(party(allowed=Constraints(permitted=(("attest", ("B", "C")),))), Rule.NOT_AUTHORISED, "constraints", id="value-not-permitted"),
        pytest.param(party(allowed=Constraints(must_exclude=("origid",))), Rule.NOT_AUTHORISED, "constraints", id="claim-forbidden"),
    ],
)  # fmt: skip
def test_certificate_is_wrong(signer: Party, rule: Rule, name: str) -> None:
    found = judged(signer.value(), validated=signer.validated)
    assert (found.result, rules(found)) == (Result.FAILED, {rule})
    assert check(found, name).ok is False
    assert check(found, "signature").ok is True


@pytest.mark.parametrize(
    "signer",
    [
        pytest.param(party(*NUMBERS), id="in-a-range"),
        pytest.param(party(One("12155551212")), id="by-itself"),
        pytest.param(party(allowed=Constraints(permitted=(("attest", ("A",)),), must_exclude=("rph",))), id="constraints-kept"),
    ],
)  # fmt: skip
def test_certificate_is_right(signer: Party) -> None:
    found = judged(signer.value(), validated=signer.validated, spc_suffices=signer.validated.spc is not None)
    assert (found.result, found.findings) == (Result.PASSED, ())


def test_a_provider_code_need_not_suffice() -> None:
    found = judged(GOOD, spc_suffices=False)
    assert (found.result, rules(found)) == (Result.FAILED, {Rule.NOT_AUTHORISED})


def test_numbers_are_no_authority_over_uris() -> None:
    value = party().value({"orig": {"uri": SIP.value}})
    found = judged(value, replace(CALL, orig=SIP))
    assert (found.result, rules(found), check(found, "orig").ok) == (Result.FAILED, {Rule.NOT_AUTHORISED}, True)


def test_a_kept_verdict_ends_with_its_certificates() -> None:
    signer = party(days=1.5)
    later = int(signer.validated.not_after) + 1
    value = signer.value({"iat": later})
    assert verify(CALL, [value], {X5U: signer.validated}, later - 1).result is Result.PASSED
    found = verify(CALL, [value], {X5U: signer.validated}, later)
    assert (found.result, rules(found)) == (Result.FAILED, {Rule.UNTRUSTED})


@pytest.mark.parametrize(
    ("cause", "result", "rule"),
    [
        pytest.param("timeout", Result.UNKNOWN, Rule.UNREACHABLE, id="timeout"),
        pytest.param("status", Result.UNKNOWN, Rule.UNREACHABLE, id="status"),
        pytest.param("busy", Result.UNKNOWN, Rule.UNREACHABLE, id="busy"),
        pytest.param("", Result.UNKNOWN, Rule.UNREACHABLE, id="no-cause"),
        pytest.param("refused_url", Result.FAILED, Rule.INVALID, id="url-outside-the-rule"),
        pytest.param("unusable", Result.FAILED, Rule.UNTRUSTED, id="no-certificates-there"),
        pytest.param("expired", Result.FAILED, Rule.UNTRUSTED, id="expired"),
    ],
)
def test_no_certificate(cause: str, result: Result, rule: Rule) -> None:
    found = judged(GOOD, validated=cause)
    assert (found.result, rules(found)) == (result, {rule})
    assert (check(found, "signature").ok, check(found, "orig").ok) == (None, True)
    assert check(found, "certificate").ok is (None if result is Result.UNKNOWN else False)


def test_where_info_is_not_x5u_nothing_was_to_be_fetched() -> None:
    found = verify(CALL, [GOOD.replace(b"info=<https://cert.", b"info=<https://b.")], {}, NOW)
    assert (found.result, rules(found), check(found, "certificate").ok) == (Result.FAILED, {Rule.INVALID}, None)


def test_compact_form_has_no_extensions() -> None:
    found = judged(base(party(), compact=True) + b";ppt=shaken", replace(CALL, date=float(NOW)))
    assert (found.result, check(found, "form").detail) == (Result.FAILED, "token: extensions need the full form")


def test_what_fails_without_a_certificate_has_failed() -> None:
    found = judged(party().value({"iat": NOW - 100}), validated="timeout")
    assert (found.result, rules(found)) == (Result.FAILED, {Rule.STALE, Rule.UNREACHABLE})


def test_a_check_that_could_not_be_made_is_unknown() -> None:
    open_ = replace(party().validated, checks=(*party().validated.checks, Check("revocation", None, "list is too old")))
    found = judged(GOOD, validated=open_)
    assert (found.result, rules(found)) == (Result.UNKNOWN, {Rule.UNREACHABLE})


def test_a_certificate_without_a_key_or_authority() -> None:
    bare = replace(party().validated, public_key=None, authority=None)
    found = judged(GOOD, validated=bare)
    assert (found.result, check(found, "signature").ok, check(found, "coverage").ok) == (Result.UNKNOWN, None, None)


@pytest.mark.parametrize(
    ("demanded", "attest", "ok"),
    [(d, a, a <= d) for d in "ABC" for a in "ABC"],
)
def test_attestation(demanded: str, attest: str, ok: bool) -> None:
    found = judged(party().value({"attest": attest}), attestation=demanded)
    assert (found.result is Result.PASSED, rules(found)) == (ok, set() if ok else {Rule.ATTESTATION})


def test_attestation_of_tokens_that_have_none() -> None:
    assert rules(judged(base(party()), attestation="C")) == {Rule.ATTESTATION}
    # a base token is free to carry a claim of that name, which means nothing
    assert rules(judged(base(party(), {"attest": "A"}), attestation="C")) == {Rule.ATTESTATION}
    with pytest.raises(ValueError, match="level"):
        judged(GOOD, attestation="D")
