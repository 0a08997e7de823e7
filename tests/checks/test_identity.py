"""identity: what became of the tokens of a call, under the terms of its trunk."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from proxy.checks.base import NOT_APPLICABLE, Facts, Outcome
from proxy.checks.identity import CHECK, EVIDENCE, asked, claims_text, diverting, looks
from proxy.checks.policy import effective
from proxy.checks.verdict import judge as verdict
from tests.checks.calls import call, facts
from tests.checks.signed import FROM, PEER, knowing, signed, terms, verified
from tests.stirshaken.scene import (
    CALLED,
    CALLER,
    CLAIMS,
    GOOD,
    HEADER,
    SECOND,
    STALE,
    UNSUPPORTED,
    X5U,
    div,
    diversion,
    party,
    raw,
)

STRANGER = "10086"
SELF_MADE = party(trusted=False)
UNTRUSTED = {X5U: SELF_MADE.validated}


def result(asked_: Any, verify: Any = "when-present", **more: Any) -> tuple[str, list[str]]:
    found = CHECK.judge(asked_, knowing(asked_, verify, **more))
    return found.outcome.value, [finding.rule.removeprefix("identity.") for finding in found.findings]


@pytest.mark.parametrize(
    ("values", "verify", "expected"),
    [
        pytest.param((), "off", ("not applicable", []), id="off-without"),
        pytest.param((STALE,), "off", ("not applicable", []), id="off-with-a-bad-one"),
        pytest.param((), "when-present", ("not applicable", []), id="none"),
        pytest.param((), "required", ("failed", ["missing"]), id="none-required"),
        pytest.param((GOOD,), "required", ("passed", []), id="good"),
        pytest.param((STALE,), "when-present", ("failed", ["stale"]), id="stale"),
        pytest.param((STALE, GOOD), "required", ("passed", []), id="one-good-is-enough"),
        pytest.param((UNSUPPORTED,), "when-present", ("not applicable", []), id="not-understood"),
        pytest.param((UNSUPPORTED,), "required", ("failed", ["missing"]), id="not-understood-required"),
        pytest.param((UNSUPPORTED, STALE), "required", ("failed", ["stale"]), id="not-understood-and-stale"),
        pytest.param((div(CALLED, SECOND),), "when-present", ("not applicable", []), id="div-alone"),
        pytest.param((div(CALLED, SECOND),), "required", ("failed", ["missing"]), id="div-alone-proves-no-caller"),
        pytest.param((b"",), "when-present", ("failed", ["invalid"]), id="empty"),
        pytest.param((b"x",) * 12, "when-present", ("failed", ["invalid"] * 10), id="too-many"),
        pytest.param((party().value({"dest": {"tn": [SECOND.value]}}), div(CALLED, SECOND)), "required", ("passed", []), id="diverted"),
        pytest.param((party().value({"dest": {"tn": [SECOND.value]}}),), "when-present", ("failed", ["mismatch"]), id="diverted-without-div"),
        pytest.param((party().value({"orig": {"tn": "12155559999"}}),), "when-present", ("failed", ["mismatch"]), id="other-caller"),
    ],
)  # fmt: skip
def test_terms(values: tuple[bytes, ...], verify: str, expected: tuple[str, list[str]]) -> None:
    assert result(signed(*values), verify) == expected


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        pytest.param(UNTRUSTED, ("failed", ["untrusted", "invalid"]), id="untrusted-and-another-key"),
        pytest.param({X5U: "expired"}, ("failed", ["untrusted"]), id="expired"),
        pytest.param({X5U: "refused_url"}, ("failed", ["invalid"]), id="refused-url"),
        pytest.param({X5U: "deadline"}, ("unavailable", ["unreachable"]), id="deadline"),
        pytest.param({}, ("unavailable", ["unreachable"]), id="not-fetched"),
    ],
)
def test_certificates(known: dict[str, Any], expected: tuple[str, list[str]]) -> None:
    asked_ = signed(GOOD)
    assert result(asked_, verification=verified(asked_, known)) == expected


def test_unknown_says_why_and_proves_nothing_against_the_call() -> None:
    other = party().value({"iat": CLAIMS["iat"]}, x5u="https://dead.example/x")
    found = CHECK.judge(signed(STALE, other), knowing(signed(STALE, other)))
    assert (found.outcome, found.cause) == (Outcome.UNAVAILABLE, "no certificate: not fetched")
    assert [(finding.rule, finding.nth) for finding in found.findings] == [("identity.unreachable", 2)]


def test_what_was_not_looked_at_is_unavailable() -> None:
    found = CHECK.judge(signed(GOOD), replace(facts(), terms=terms("required")))
    assert (found.outcome, found.cause, found.findings) == (Outcome.UNAVAILABLE, "identity was not verified", ())


def test_inside_a_call_none_is_required() -> None:
    inside = replace(signed(), in_dialog=True)
    assert CHECK.judge(inside, knowing(inside, "required")) == NOT_APPLICABLE
    assert result(replace(signed(STALE), in_dialog=True), "required") == ("failed", ["stale"])


def test_a_fault_inside_a_call_is_found_all_the_same() -> None:
    assert result(replace(signed(UNSUPPORTED), in_dialog=True), "required") == ("not applicable", [])


@pytest.mark.parametrize(
    ("fields", "caller", "on", "header"),
    [
        pytest.param((), FROM, PEER, None, id="from-alone"),
        pytest.param((f"P-Asserted-Identity: <tel:+{CALLER.value}>",), FROM, PEER, None, id="the-same"),
        pytest.param((f"P-Asserted-Identity: <tel:+{CALLER.value}>",), f"<sip:{STRANGER}@h>;tag=a", PEER, "From", id="from"),
        pytest.param((f"P-Asserted-Identity: <tel:+{CALLER.value}>", "Diversion: <sip:1@h>"), f"<sip:{STRANGER}@h>;tag=a", PEER, "From", id="a-made-up-diversion-excuses-nothing"),
        pytest.param((f"P-Asserted-Identity: <tel:+{CALLER.value}>",), "<sip:anonymous@anonymous.invalid>;tag=a", PEER, None, id="hidden-from"),
        pytest.param((f"P-Asserted-Identity: <tel:+{CALLER.value}>",), f"<sip:{STRANGER}@h>;tag=a", replace(PEER, screening="asserted"), None, id="asserted-screening"),
        pytest.param((f"Remote-Party-ID: <sip:{STRANGER}@h>",), FROM, PEER, "Remote-Party-ID", id="remote-party"),
        pytest.param((f"P-Preferred-Identity: <sip:{STRANGER}@h>",), FROM, PEER, "P-Preferred-Identity", id="preferred"),
        pytest.param((f"P-Asserted-Identity: <tel:+{CALLER.value}>, <tel:{STRANGER}>",), FROM, PEER, "P-Asserted-Identity", id="second-asserted"),
        pytest.param((f"Diversion: <sip:{STRANGER}@h>",), FROM, PEER, None, id="who-diverts-is-no-caller"),
    ],
)  # fmt: skip
def test_nobody_else_is_shown_than_who_is_signed(
    fields: tuple[str, ...], caller: str, on: Any, header: str | None
) -> None:
    asked_ = signed(GOOD, fields=fields, caller=caller, on=on)
    found = CHECK.judge(asked_, knowing(asked_))
    assert [(finding.rule, finding.header) for finding in found.findings] == (
        [] if header is None else [("identity.mismatch", header)]
    )


def test_a_peer_cannot_hide_a_spoofed_assertion_behind_a_diversion() -> None:
    """The token names From, P-Asserted-Identity somebody else: of a peer, the asserted number has to be signed."""
    fields = (f"P-Asserted-Identity: <tel:{STRANGER}>", "Diversion: <sip:1@h>")
    asked_ = signed(GOOD, fields=fields, on=replace(PEER, screening="asserted"))
    assert result(asked_) == ("failed", ["mismatch"])


@pytest.mark.parametrize(
    ("on", "values", "verify", "expected"),
    [
        (PEER, (GOOD,), "when-present", True),
        (PEER, (GOOD,), "off", False),
        (PEER, (GOOD,), None, False),
        (PEER, (), "required", False),
        (replace(PEER, role="core"), (GOOD,), "required", False),
    ],
)
def test_which_tokens_are_verified(on: Any, values: tuple[bytes, ...], verify: Any, expected: bool) -> None:
    assert looks(signed(*values, on=on), Facts(facts().directory, facts().today, terms(verify))) is expected


def test_the_core_side_is_trusted() -> None:
    core = signed(STALE, on=replace(PEER, role="core"))
    assert CHECK.judge(core, knowing(core, "required")) == NOT_APPLICABLE


DIVERTING = (
    "Diversion: <sip:+862488880009@h>, <sip:10086@h>",
    "History-Info: <sip:+862488880008@h>;index=1, <sip:9@h>",
)


def test_only_an_own_number_diverts() -> None:
    own, peers = call(*DIVERTING), call(*DIVERTING, on=PEER)
    assert diverting(own, facts()) == ("+862488880009", "+862488880008")
    assert [each.value for each in asked(own, facts()).dest] == ["8613800138000", "862488880009", "862488880008"]
    assert [each.value for each in asked(peers, facts()).dest] == ["8613800138000"]


def test_evidence_is_one_short_line_whatever_is_claimed() -> None:
    deep: Any = "x"
    for _ in range(6):
        deep = {"\u202e\r\n": [deep, None, 1.5]}
    token = raw(
        {**HEADER, "x5u": "https://a.example/" + "a" * 100}, {**CLAIMS, "dest": deep, "attest": ["\x1b[2J"] * 100}
    )
    finding = CHECK.judge(signed(token), knowing(signed(token))).findings[0]
    assert (finding.rule, finding.nth, len(finding.value)) == ("identity.invalid", 1, EVIDENCE)
    assert finding.value.isprintable()


def test_evidence_cannot_name_another_signer() -> None:
    """x5u and ppt stand in the header of a token; members of these names among its claims say nothing."""
    token = raw(HEADER, {**CLAIMS, "x5u": "https://victim.example/sp.pem", "ppt": "div", "iat": 1})
    found = knowing(signed(token)).verification
    assert found is not None
    assert claims_text(found.identities[0]) == (
        f"ppt=shaken attest=A orig=tn:{CALLER.value} dest=tn:{CALLED.value} iat=1 x5u={X5U}"
    )


@pytest.mark.parametrize(
    ("values", "known", "emergency", "on_error", "expected"),
    [
        pytest.param((STALE,), None, False, "pass", ("reject", 403, "Stale Date"), id="stale"),
        pytest.param((), None, False, "pass", ("reject", 428, "Use Identity Header"), id="missing"),
        pytest.param((b"x",), None, False, "pass", ("reject", 438, "Invalid Identity Header"), id="invalid"),
        pytest.param((SELF_MADE.value(),), UNTRUSTED, False, "pass", ("reject", 437, "Unsupported Credential"), id="untrusted"),
        pytest.param((GOOD,), {}, False, "pass", ("pass", 0, ""), id="unreachable"),
        pytest.param((GOOD,), {}, False, "reject", ("reject", 436, "Bad Identity Info"), id="unreachable-rejected"),
        pytest.param((STALE,), None, True, "reject", ("pass", 0, ""), id="emergency-stale"),
        pytest.param((), None, True, "reject", ("pass", 0, ""), id="emergency-missing"),
        pytest.param((GOOD,), {}, True, "reject", ("pass", 0, ""), id="emergency-unreachable"),
    ],
)  # fmt: skip
def test_what_follows(
    values: tuple[bytes, ...], known: Any, emergency: bool, on_error: Any, expected: tuple[str, int, str]
) -> None:
    asked_ = replace(signed(*values), emergency=emergency)
    found = verified(asked_, known) if values else None
    for mode in ("block", "monitor"):
        made = verdict(asked_, knowing(asked_, "required", verification=found), effective({}, {}, on_error), mode)
        answer = (made.answer.status, made.answer.phrase) if made.answer else (0, "")
        assert (made.action, *answer) == expected
        assert made.enforced is (mode == "block" or made.action == "pass")


def test_attestation_below_what_is_demanded() -> None:
    asked_ = signed(party().value({"attest": "C"}))
    assert result(asked_, attestation="B") == ("failed", ["attestation"])
    assert result(asked_, attestation="C") == ("passed", [])


def test_somebody_elses_div_does_not_lead_here() -> None:
    link = diversion(party(), CALLED, SECOND, X5U, orig={"tn": "12155559999"})
    assert result(signed(party().value({"dest": {"tn": [SECOND.value]}}), link))[0] == "failed"
