"""caller: every calling number is the trunk's own."""

from __future__ import annotations

from datetime import date

import pytest

from proxy.call.barred import Bar
from proxy.call.directory import DirectoryBuilder, key_of
from proxy.checks.base import Facts, Outcome
from proxy.checks.caller import judge
from tests.checks.calls import GOOD, TODAY, call, facts, trunk

PAI = "P-Asserted-Identity: <sip:+862488880002@h>"
SPOOFED = "<sip:+862477770000@h>"
ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=a'

CASES = [
    pytest.param(GOOD, (), [], id="own number in From"),
    pytest.param(GOOD, (PAI,), [], id="own numbers in From and PAI"),
    pytest.param(GOOD, (PAI, "P-Asserted-Identity: <tel:+862488880002>"), [], id="sip and tel PAI of one number"),
    pytest.param("<sip:4008001234@h>;tag=a", (), [], id="400 number"),
    pytest.param("sip:88880001@h;tag=a", (), [], id="local number without angle brackets"),
    pytest.param("<tel:88880001;phone-context=+8624>;tag=a", (), [], id="local tel URI with its context"),
    pytest.param("<sip:%2B862488880001@h>;tag=a", (), [], id="escaped plus"),
    pytest.param("<sip:02488880001;tgrp=x@h>;tag=a", (), [], id="user parameters"),
    pytest.param(SPOOFED + ";tag=a", (), ["caller.not_allocated"], id="another customer's number"),
    pytest.param(SPOOFED + ";tag=a", (PAI,), ["caller.not_allocated"], id="a good PAI excuses no From"),
    pytest.param(GOOD, (f"P-Asserted-Identity: {SPOOFED}",), ["caller.not_allocated"], id="a good From excuses no PAI"),
    pytest.param(GOOD, (f"P-Preferred-Identity: {SPOOFED}",), ["caller.not_allocated"], id="nor PPI"),
    pytest.param(GOOD, (f"Remote-Party-ID: {SPOOFED}",), ["caller.not_allocated"], id="nor Remote-Party-ID"),
    pytest.param(
        GOOD,
        (PAI, f"P-Asserted-Identity: {SPOOFED}"),
        ["caller.not_allocated", "caller.conflict"],
        id="second PAI field",
    ),
    pytest.param(
        GOOD,
        (PAI + f", {SPOOFED}",),
        ["caller.not_allocated", "caller.conflict"],
        id="second PAI value in one field",
    ),
    pytest.param(
        GOOD,
        (PAI, "Remote-Party-ID: <sip:+862488880003@h>"),
        ["caller.conflict"],
        id="PAI and RPID contradict",
    ),
    pytest.param("<sip:02466660000@h>;tag=a", (), ["caller.not_allocated"], id="ended allocation"),
    pytest.param("<sip:110@h>;tag=a", (), ["caller.malformed"], id="short number"),
    pytest.param("<sip:alice@h>;tag=a", (), ["caller.malformed"], id="a name"),
    pytest.param("<sip:alice@h>;tag=a", (PAI,), ["caller.malformed"], id="a name behind a good PAI"),
    pytest.param("<sip:０２４８８８８０００１@h>;tag=a", (), ["caller.malformed"], id="full-width digits"),
    pytest.param("<sip:0248888%0001@h>;tag=a", (), ["caller.malformed"], id="broken escape"),
    pytest.param("<sip:02488880001%00@h>;tag=a", (), ["caller.malformed"], id="escaped NUL"),
    pytest.param("<mailto:x@h>;tag=a", (), ["caller.malformed"], id="another scheme"),
    pytest.param("<sip:h>;tag=a", (), ["caller.missing"], id="no user at all"),
    pytest.param("<sip:h>;tag=a", (PAI,), [], id="no user in From, PAI names the caller"),
    pytest.param("<sip:95588>;tag=a", (PAI,), ["caller.not_allocated"], id="a number for a host"),
    pytest.param("<sip:110.example.cn>;tag=a", (PAI,), ["caller.malformed"], id="a short number for a host"),
    pytest.param("<sip:anonymous@95588>;tag=a", (PAI,), ["caller.not_allocated"], id="anonymous at a number"),
    pytest.param("<sip:192.0.2.1>;tag=a", (PAI,), [], id="an address for a host"),
    pytest.param(GOOD, ("P-Asserted-Identity: <sip:95588>",), ["caller.malformed"], id="PAI without a user"),
    pytest.param(GOOD, (PAI, "P-Preferred-Identity: <sip:h>"), ["caller.malformed"], id="PPI without a user"),
    pytest.param(GOOD, ("Remote-Party-ID: <sip:95588>",), ["caller.malformed"], id="RPID without a user"),
    pytest.param(GOOD, ("Remote-Party-ID: <sip:13800138000@h>;party=called",), [], id="RPID names the callee"),
    pytest.param("<sip:02488880001;95588@h>;tag=a", (), ["caller.malformed"], id="a number in a user parameter"),
    pytest.param("<sip:02488880001:95588@h>;tag=a", (), ["caller.malformed"], id="a number for a password"),
    pytest.param(ANONYMOUS, (), ["caller.anonymous"], id="anonymous"),
    pytest.param(ANONYMOUS, (PAI, "Privacy: id"), [], id="anonymous to the callee, known to us"),
    pytest.param(
        ANONYMOUS,
        (f"P-Asserted-Identity: {SPOOFED}",),
        ["caller.not_allocated"],
        id="anonymous, and not ours",
    ),
    pytest.param(
        "<sip:10086@anonymous.invalid>;tag=a",
        (),
        ["caller.not_allocated"],
        id="a number at anonymous.invalid",
    ),
    pytest.param(GOOD, ("Diversion: <sip:+862488880009@h>;reason=unconditional",), [], id="forwarded by an own number"),
    pytest.param(GOOD, (f"Diversion: {SPOOFED}",), ["caller.redirected"], id="forwarded by a stranger's number"),
    pytest.param(GOOD, ("Diversion: <sip:alice@h>",), ["caller.redirected"], id="forwarded by nobody"),
    pytest.param(
        GOOD,
        ("History-Info: <sip:+862488880009@h>;index=1, <sip:13800138000@h>;index=1.1",),
        [],
        id="History-Info: the last entry is the callee",
    ),
    pytest.param(
        GOOD,
        ("History-Info: <sip:10086@h>;index=1, <sip:13800138000@h>;index=1.1",),
        ["caller.redirected"],
        id="History-Info: redirected by a stranger's number",
    ),
    pytest.param(
        GOOD,
        ("History-Info: <sip:10086@h>;index=1", "History-Info: <sip:13800138000@h>;index=1.1"),
        ["caller.redirected"],
        id="History-Info: in two fields",
    ),
    pytest.param(GOOD, ("History-Info: <sip:10086@h>;index=1",), ["caller.redirected"], id="History-Info: no callee"),
]


@pytest.mark.parametrize(("caller", "fields", "rules"), CASES)
def test_strict_screening(caller: str, fields: tuple[str, ...], rules: list[str]) -> None:
    result = judge(call(*fields, caller=caller), facts())

    assert [finding.rule for finding in result.findings] == rules
    assert result.outcome is (Outcome.FAILED if rules else Outcome.PASSED)


@pytest.mark.parametrize(
    ("caller", "fields", "rules"),
    [
        pytest.param(SPOOFED + ";tag=a", (PAI,), [], id="From is the user's own"),
        pytest.param("<sip:alice@h>;tag=a", (PAI,), [], id="From may be a name"),
        pytest.param(GOOD, (), ["caller.missing"], id="PAI is required"),
        pytest.param(GOOD, ("P-Preferred-Identity: <tel:+862488880002>",), ["caller.missing"], id="PPI is no PAI"),
        pytest.param(GOOD, ("Remote-Party-ID: <tel:+862488880002>",), ["caller.missing"], id="nor is RPID"),
        pytest.param(
            GOOD,
            (PAI, f"P-Preferred-Identity: {SPOOFED}"),
            ["caller.not_allocated"],
            id="PPI must be allocated, too",
        ),
        pytest.param(SPOOFED + ";tag=a", ("P-Asserted-Identity: <sip:h>",), ["caller.malformed"], id="PAI of nobody"),
        pytest.param(GOOD, (f"P-Asserted-Identity: {SPOOFED}",), ["caller.not_allocated"], id="PAI must be allocated"),
        pytest.param(
            GOOD,
            (PAI, f"Remote-Party-ID: {SPOOFED}"),
            ["caller.not_allocated", "caller.conflict"],
            id="and RPID",
        ),
    ],
)
def test_asserted_screening(caller: str, fields: tuple[str, ...], rules: list[str]) -> None:
    result = judge(call(*fields, caller=caller, on=trunk(screening="asserted")), facts())

    assert [finding.rule for finding in result.findings] == rules


@pytest.mark.parametrize(
    ("caller", "rules"),
    [
        pytest.param(SPOOFED + ";tag=a", [], id="numbers are the other carrier's affair"),
        pytest.param("<sip:alice@h>;tag=a", ["caller.malformed"], id="but they must be numbers"),
        pytest.param(ANONYMOUS, ["caller.anonymous"], id="and there must be one"),
    ],
)
def test_peer_trunk(caller: str, rules: list[str]) -> None:
    assert [finding.rule for finding in judge(call(caller=caller, on=trunk(role="peer")), facts()).findings] == rules


def test_core_side_is_trusted() -> None:
    assert judge(call(caller=SPOOFED, on=trunk(role="core")), facts()).outcome is Outcome.NOT_APPLICABLE


def test_evidence_is_what_stood_on_the_wire() -> None:
    finding = judge(call(caller='"x"  <sip:+862477770000@h>;tag=a'), facts()).findings[0]

    assert (finding.header, finding.value) == ("From", '"x"  <sip:+862477770000@h>;tag=a')
    assert finding.expected == "a number allocated to trunk acme-1"  # and not whose it is


@pytest.mark.parametrize("role", ["peer", "access"])
def test_numbers_that_nobody_calls_from(role: str) -> None:
    made = DirectoryBuilder()
    made.add_trunk(trunk())
    made.add("acme-1", "+862488880000", "+862488880099")
    made.add_bar(key_of("+862488880001"), key_of("+862488880001"), Bar("hot line"))
    made.add_bar(key_of("+862488880002"), key_of("+862488880002"), Bar("was one", None, date(2025, 12, 31)))
    barred = Facts(made.build(), TODAY)
    found = judge(call(on=trunk(role=role)), barred).findings
    assert [(finding.rule, finding.header) for finding in found] == [("caller.dno", "From")]
    others = judge(call(caller="<sip:02488880002@h>;tag=a", on=trunk(role=role)), barred)
    assert others.outcome is Outcome.PASSED
    behind = judge(
        call("P-Asserted-Identity: <tel:+862488880001>", caller="<sip:02488880002@h>;tag=a", on=trunk(role=role)),
        barred,
    )
    assert [(finding.rule, finding.header) for finding in behind.findings] == [("caller.dno", "P-Asserted-Identity")]
