"""Attestation and verstat: what is signed, and what is told, follows from what was checked."""

from __future__ import annotations

from array import array
from dataclasses import replace
from typing import Any

import pytest

from proxy.call.directory import Directory
from proxy.call.model import Call
from proxy.call.trunk import RuleAction
from proxy.checks.attestation import attestation, verstat
from proxy.checks.base import Facts, Verdict
from proxy.checks.policy import effective
from proxy.checks.verdict import judge
from tests.checks.calls import call, facts, trunk
from tests.checks.signed import FROM, PEER, knowing, signed, terms
from tests.stirshaken.scene import CALLED, CALLER, GOOD, SECOND, STALE, UNSUPPORTED, X5U, Party, base, div, party

POLICY = effective({}, {})
OTHER = "<sip:+862477770000@h>;tag=a"
HIDDEN = "<sip:anonymous@anonymous.invalid>;tag=a"
PAI = "P-Asserted-Identity: <sip:+862488880002@h>"
ASSERTED = trunk(screening="asserted")


def verdict(asked: Call, known: Facts) -> Verdict:
    return judge(asked, known, POLICY, "monitor")


def level(asked: Call, **more: Any) -> str:
    known = replace(facts(), terms=terms(**more))
    return attestation(asked, verdict(asked, known), known)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        pytest.param(call(), "A", id="allocated"),
        pytest.param(call(PAI, caller=HIDDEN), "A", id="hidden-but-asserted"),
        pytest.param(call(caller=OTHER), "B", id="spoofed"),
        pytest.param(call(PAI, caller=OTHER), "B", id="spoofed-from"),
        pytest.param(call("Remote-Party-ID: <sip:10086@h>"), "B", id="spoofed-remote-party"),
        pytest.param(call("Diversion: <sip:10086@h>"), "B", id="spoofed-diversion"),
        pytest.param(call(caller='"95588" <sip:02488880001@h>;tag=a'), "B", id="spoofed-name"),
        pytest.param(call(on=trunk(suspended=True)), "B", id="suspended"),
        pytest.param(call(PAI, on=ASSERTED), "A", id="asserted"),
        pytest.param(call(PAI, caller="<sip:alice@h>;tag=a", on=ASSERTED), "A", id="asserted-without-another-number"),
        pytest.param(call(PAI, caller=OTHER, on=ASSERTED), "B", id="asserted-with-a-from-that-nobody-screens"),
        pytest.param(call(caller=HIDDEN), "", id="nobody"),
        pytest.param(call(to="sip:110@h"), "", id="emergency"),
        pytest.param(replace(call(), in_dialog=True), "", id="inside-a-call"),
        pytest.param(call(on=trunk(role="core")), "", id="from-the-core"),
        pytest.param(signed(), "C", id="gateway"),
        pytest.param(signed(GOOD), "", id="gateway-signed"),
        pytest.param(signed(UNSUPPORTED), "", id="gateway-signed-for-another-purpose"),
    ],
)
def test_attestation(asked: Call, expected: str) -> None:
    assert level(asked) == expected
    assert level(asked, sign=False) == ""


def test_a_policy_that_ignores_a_rule_proves_nothing() -> None:
    asked, known = call(caller=OTHER), replace(facts(), terms=terms())
    made = judge(asked, known, effective({}, {"caller": RuleAction("ignore")}), "block")
    assert (made.findings, attestation(asked, made, known)) == ((), "B")


def test_a_check_that_broke_proves_nothing() -> None:
    asked, known = call(), replace(facts(), terms=terms())
    torn = Directory({}, {}, array("Q", [0]), array("Q"), array("I"), ())  # its arrays are torn
    made = verdict(asked, replace(known, directory=torn))
    assert attestation(asked, made, known) == "B"


SAME = f"P-Asserted-Identity: <tel:+{CALLER.value}>"
SIGNER: Party = party()


@pytest.mark.parametrize(
    ("asked", "verify", "expected"),
    [
        pytest.param(signed(GOOD), "off", "", id="off"),
        pytest.param(signed(GOOD, on=replace(PEER, role="core")), "required", "", id="core"),
        pytest.param(signed(), "when-present", "No-TN-Validation", id="none"),
        pytest.param(signed(), "required", "TN-Validation-Failed", id="none-required"),
        pytest.param(signed(UNSUPPORTED), "when-present", "No-TN-Validation", id="not-understood"),
        pytest.param(signed(div(CALLED, SECOND)), "when-present", "No-TN-Validation", id="div-alone"),
        pytest.param(signed(GOOD), "when-present", "TN-Validation-Passed", id="full"),
        pytest.param(signed(base(SIGNER)), "when-present", "TN-Validation-Passed", id="base"),
        pytest.param(signed(SIGNER.value({"attest": "B"})), "required", "No-TN-Validation", id="partial"),
        pytest.param(signed(SIGNER.value({"attest": "C"})), "required", "No-TN-Validation", id="gateway"),
        pytest.param(signed(SIGNER.value({"attest": "C"}), GOOD), "required", "TN-Validation-Passed", id="gateway-and-full"),
        pytest.param(signed(SIGNER.value({"attest": "C"}), STALE), "required", "No-TN-Validation", id="gateway-and-stale"),
        pytest.param(signed(SIGNER.value({"attest": "C"}), div(CALLED, SECOND)), "required", "No-TN-Validation", id="gateway-and-div"),
        pytest.param(signed(STALE), "when-present", "TN-Validation-Failed", id="stale"),
        pytest.param(signed(STALE, GOOD), "when-present", "TN-Validation-Passed", id="one-good-is-enough"),
        pytest.param(signed(GOOD, fields=(SAME,)), "when-present", "TN-Validation-Passed", id="asserted"),
        pytest.param(signed(GOOD, fields=(SAME, SAME)), "when-present", "TN-Validation-Passed", id="asserted-twice"),
        pytest.param(signed(GOOD, fields=(SAME, "P-Asserted-Identity: <tel:10086>")), "when-present", "TN-Validation-Failed", id="asserted-another-too"),
        pytest.param(signed(GOOD, fields=(SAME,), caller="<sip:10086@h>;tag=a"), "when-present", "TN-Validation-Failed", id="shows-another"),
        pytest.param(signed(GOOD, fields=(SAME, "P-Asserted-Identity: <tel:10086>"), on=replace(PEER, screening="asserted")), "when-present", "No-TN-Validation", id="a-mark-on-both-would-vouch-for-both"),
    ],
)  # fmt: skip
def test_verstat(asked: Call, verify: str, expected: str) -> None:
    known = knowing(asked, verify)
    assert verstat(asked, verdict(asked, known), known) == expected


def test_unreachable_says_nothing_of_the_number() -> None:
    asked = signed(SIGNER.value(x5u=X5U + "x"))
    known = knowing(asked)
    assert verstat(asked, verdict(asked, known), known) == "No-TN-Validation"


def test_a_forwarding_customers_assertion_is_not_what_was_signed() -> None:
    """The token names the caller in From; the mark would go on the trunk's own number."""
    asked = signed(GOOD, fields=("P-Asserted-Identity: <tel:+862488880001>", "Diversion: <tel:+862488880001>"), caller=FROM, on=ASSERTED)  # fmt: skip
    known = knowing(asked)
    assert [name for name, result in verdict(asked, known).results if result.outcome.value == "passed"][
        -1
    ] == "identity"
    assert verstat(asked, verdict(asked, known), known) == "No-TN-Validation"
