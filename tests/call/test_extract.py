"""From an INVITE to the facts of a call: every field that names a caller, in wire order, whatever it holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.call.extract import called_of
from proxy.call.model import Claim, Reading
from proxy.sip.message import parse
from proxy.sip.request import Request
from tests.checks.calls import PLAN, call
from tests.story import request

N, A, M, O = Reading.NUMBER, Reading.ANONYMOUS, Reading.MALFORMED, Reading.ABSENT  # noqa: E741  # O as in nothing
OURS = "+862488880001"


def seen(claim: Claim) -> tuple[str, str, Reading]:
    return claim.header, claim.number, claim.reading


@pytest.mark.parametrize(
    ("sender", "number", "reading"),
    [
        pytest.param("<sip:02488880001@h>;tag=a", OURS, N, id="national"),
        pytest.param("sip:+862488880001@h;tag=a", OURS, N, id="addr-spec"),
        pytest.param("<tel:+86-24-8888-0001>;tag=a", OURS, N, id="tel"),
        pytest.param("<tel:2488880001;phone-context=+86>;tag=a", OURS, N, id="tel-with-context"),
        pytest.param("<sip:2488880001;phone-context=+86@h;user=phone>;tag=a", OURS, N, id="context-in-the-user-part"),
        pytest.param("<sip:88880001;phone-context=example.com@h>;tag=a", OURS, N, id="context-that-is-a-domain"),
        pytest.param("<sip:%30%32488880001@h>;tag=a", OURS, N, id="escapes"),
        pytest.param("<sip:02488880001:95588@h>;tag=a", "", M, id="password"),
        pytest.param("<sips:02488880001:@h>;tag=a", "", M, id="empty-password"),
        pytest.param("<sip:02488880001@h:5060;user=phone>;tag=a", OURS, N, id="port-is-no-password"),
        pytest.param("<sip:02488880001;tgrp=12345;trunk-context=+86@h>;tag=a", OURS, N, id="known-user-parameters"),
        pytest.param("<sip:02488880001;x=y;flag@h>;tag=a", OURS, N, id="unknown-user-parameters"),
        pytest.param("<sip:02488880001;95588@h>;tag=a", "", M, id="user-parameter-is-a-number"),
        pytest.param("<sip:02488880001;x=9-5-5-8-8@h>;tag=a", "", M, id="user-parameter-has-a-number"),
        pytest.param("<sip:02488880001;%39%35%35%38%38@h>;tag=a", "", M, id="user-parameter-escaped"),
        pytest.param("<sip:02488880001;９５５８８@h>;tag=a", "", M, id="user-parameter-full-width"),
        pytest.param("<sip:02488880001;%zz@h>;tag=a", "", M, id="user-parameter-broken-escape"),
        pytest.param("<tel:02488880001;95588>;tag=a", "", M, id="tel-parameter-is-a-number"),
        pytest.param("<tel:+862488880001;ext=8001>;tag=a", OURS, N, id="tel-extension"),
        pytest.param("<sip:88880001;phone-context=+8610;phone-context=+8624@h>;tag=a", "", M, id="two-contexts"),
        pytest.param("<sip:88880001;phone-context=+8624;Phone-Context=+8624@h>;tag=a", "", M, id="one-context-twice"),
        pytest.param(
            "<sip:88880001;phone-context=+8610@h;phone-context=+8624>;tag=a", "", M, id="contexts-in-both-places"
        ),
        pytest.param("<tel:88880001;phone-context=+8610;phone-context=+8624>;tag=a", "", M, id="tel-two-contexts"),
        pytest.param("<sip:88880001;phone-context=%2B8610@h>;tag=a", "+861088880001", N, id="escaped-context"),
        pytest.param(
            "<sip:88880001@h;phone-context=+8610>;tag=a", "", M, id="context-of-the-URI-that-changes-the-number"
        ),
        pytest.param("<sip:88880001@h;phone-context=+8624>;tag=a", OURS, N, id="context-of-the-URI-that-does-not"),
        pytest.param("<sip:02488880001" + ";a" * 600 + "@h>;tag=a", "", M, id="endless-parameters"),
        pytest.param("<sip:" + "%30" * 65 + "@h>;tag=a", "", M, id="endless-number"),
        pytest.param("<sip:anonymous@anonymous.invalid>;tag=a", "", A, id="anonymous"),
        pytest.param("<sip:Anonymous@h>;tag=a", "", A, id="anonymous-elsewhere"),
        pytest.param("<sip:anonymous.invalid>;tag=a", "", A, id="anonymous-host"),
        pytest.param("<sip:h>;tag=a", "", O, id="no-user"),
        pytest.param("<sip:192.0.2.1>;tag=a", "", O, id="no-user-at-an-address"),
        pytest.param("<sip:95588>;tag=a", "+8695588", N, id="host-is-a-number"),
        pytest.param("sip:95588;x=1@h;tag=a", "+8695588", N, id="addr-spec-host-is-a-number"),
        pytest.param("<sip:95588.invalid>;tag=a", "+8695588", N, id="first-label-is-a-number"),
        pytest.param("<sip:anonymous@95588>;tag=a", "+8695588", N, id="anonymous-at-a-number"),
        pytest.param("<sip:anonymous@192.0.2.1>;tag=a", "", A, id="anonymous-at-an-address"),
        pytest.param("<sip:110>;tag=a", "", M, id="host-is-a-short-number"),
        pytest.param("<sip:anonymous@110>;tag=a", "", M, id="anonymous-at-a-short-number"),
        pytest.param("<sip:alice@h>;tag=a", "", M, id="name"),
        pytest.param("<sip:１３８@h>;tag=a", "", M, id="full-width-digits"),
        pytest.param("<sip:%zz@h>;tag=a", "", M, id="broken-escape"),
        pytest.param("<sip:02488880001%0d%0a@h>;tag=a", "", M, id="escaped-line-end"),
        pytest.param("<urn:service:sos>;tag=a", "", M, id="urn"),
    ],
)
def test_from(sender: str, number: str, reading: Reading) -> None:
    (claim,) = call(caller=sender).claims
    assert seen(claim) == ("From", number, reading)
    assert claim.value == sender


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param(["P-Asserted-Identity: <sip:95588@h>, <tel:+862488880001>"], [("P-Asserted-Identity", "+8695588", N), ("P-Asserted-Identity", OURS, N)], id="two-values-in-a-line"),
        pytest.param(["p-asserted-identity: <sip:95588@h>", "P-ASSERTED-IDENTITY : <sip:10086@h>"], [("P-Asserted-Identity", "+8695588", N), ("P-Asserted-Identity", "+8610086", N)], id="two-lines-however-spelt"),
        pytest.param(["P-Preferred-Identity: <sip:95588@h>"], [("P-Preferred-Identity", "+8695588", N)], id="preferred"),
        pytest.param(["Remote-Party-ID: <sip:95588@h>;party=calling;privacy=off"], [("Remote-Party-ID", "+8695588", N)], id="rpid"),
        pytest.param(["Diversion: <sip:95588@h>;reason=no-answer, <sip:10086@h>"], [("Diversion", "+8695588", N), ("Diversion", "+8610086", N)], id="diversion"),
        pytest.param(["P-Asserted-Identity: <sip:95588>"], [("P-Asserted-Identity", "", M)], id="asserted-host"),
        pytest.param(["P-Preferred-Identity: <sip:h>"], [("P-Preferred-Identity", "", M)], id="preferred-host"),
        pytest.param(["Remote-Party-ID: <sip:anonymous.invalid>"], [("Remote-Party-ID", "", M)], id="rpid-host"),
        pytest.param(["P-Asserted-Identity: <sip:anonymous@anonymous.invalid>"], [("P-Asserted-Identity", "", A)], id="asserted-anonymous"),
        pytest.param(["Remote-Party-ID: <sip:13800138000@h>;party=called"], [], id="rpid-of-the-callee"),
        pytest.param(["Remote-Party-ID: <sip:95588@h>;party=called"], [("Remote-Party-ID", "+8695588", N)], id="rpid-of-another-callee"),
        pytest.param(["Remote-Party-ID: <sip:95588@h>;party=called;party=calling"], [("Remote-Party-ID", "+8695588", N)], id="rpid-of-both"),
        pytest.param(["Remote-Party-ID: <sip:95588@h>;PARTY=Calling"], [("Remote-Party-ID", "+8695588", N)], id="rpid-in-capitals"),
        pytest.param(["Remote-Party-ID: <sip:95588@h;party=called>"], [("Remote-Party-ID", "+8695588", N)], id="rpid-party-of-the-URI"),
        pytest.param(["P-Asserted-Identity: <sip:95588@h>;party=called"], [("P-Asserted-Identity", "+8695588", N)], id="party-of-another-field"),
        pytest.param(["History-Info: <sip:95588@h>;index=1, <sip:13800138000@h>;index=1.1"], [("History-Info", "+8695588", N)], id="history-info-ends-with-the-target"),
        pytest.param(["History-Info: <sip:95588@h>;index=1", "History-Info: <tel:+8613800138000>;index=1.1"], [("History-Info", "+8695588", N)], id="history-info-over-two-lines"),
        pytest.param(["History-Info: <sip:13800138000@h>;index=1"], [], id="history-info-of-the-target"),
        pytest.param(["History-Info: <sip:95588@h>;index=1"], [("History-Info", "+8695588", N)], id="history-info-without-the-target"),
        pytest.param(["History-Info: <sip:13800138000@h>;index=1, <sip:95588@h>;index=1.1"], [("History-Info", "+8613800138000", N), ("History-Info", "+8695588", N)], id="history-info-ends-elsewhere"),
        pytest.param(["History-Info: <sip:95588@h>;index=1, <sip:h>;index=1.1"], [("History-Info", "+8695588", N), ("History-Info", "", O)], id="history-info-ends-with-nobody"),
        pytest.param(["P-Asserted-Identity: <sip:95588@h"], [("P-Asserted-Identity", "", M)], id="broken-value"),
        pytest.param(['P-Asserted-Identity: "a, <sip:1@h>" <sip:95588@h>'], [("P-Asserted-Identity", "+8695588", N)], id="comma-in-quotes"),
        pytest.param(["X-Asserted: <sip:95588@h>"], [], id="another-field"),
    ],
)  # fmt: skip
def test_claims(fields: list[str], expected: list[tuple[str, str, Reading]]) -> None:
    claims = call(*fields, caller="<sip:h>;tag=a").claims
    assert [seen(claim) for claim in claims] == [("From", "", O), *expected]


def test_history_info_of_a_target_that_is_no_number() -> None:
    claims = call("History-Info: <sip:95588@h>;index=1, <sip:alice@x>;index=1.1", to="sip:alice@h").claims
    assert [claim.number for claim in claims] == [OURS, "+8695588"]


def test_claims_beyond_a_hundred_are_one_that_is_no_number() -> None:
    claims = call("Diversion: " + "<sip:95588@h>," * 150, "Diversion: <sip:10086@h>").claims
    assert [claim.reading for claim in claims] == [N] * 100 + [M]


@pytest.mark.parametrize(
    ("fields", "caller"),
    [
        pytest.param([], OURS, id="from"),
        pytest.param(["P-Asserted-Identity: <sip:95588@h>"], "+8695588", id="asserted"),
        pytest.param(["Remote-Party-ID: <sip:10086@h>", "P-Preferred-Identity: <sip:95588@h>"], "+8695588", id="preferred-before-rpid"),
        pytest.param(["P-Asserted-Identity: <sip:alice@h>, <sip:95588@h>"], "+8695588", id="the-first-that-is-a-number"),
        pytest.param(["Diversion: <sip:95588@h>"], OURS, id="a-redirecting-number-does-not-call"),
    ],
)  # fmt: skip
def test_caller(fields: list[str], caller: str) -> None:
    assert call(*fields).caller == caller


@pytest.mark.parametrize(
    ("sender", "display"),
    [
        ('"10086" <sip:1@h>;tag=a', "10086"),
        ('"say \\"hi\\"" <sip:1@h>;tag=a', 'say "hi"'),
        ("Acme <sip:1@h>;tag=a", "Acme"),
        ('"呼叫中心" <sip:1@h>;tag=a', "呼叫中心"),
        ("<sip:1@h>;tag=a", ""),
    ],
)
def test_display_name(sender: str, display: str) -> None:
    assert call(caller=sender).claims[0].display == display


@pytest.mark.parametrize(
    ("uri", "called", "emergency"),
    [
        ("sip:13800138000@h", "+8613800138000", False),
        ("sip:9110@h", "110", True),
        ("sip:110;phone-context=+86@h", "110", True),
        ("tel:110", "110", True),
        ("sip:110@h;user=phone;transport=udp", "110", True),
        ("tel:110;phone-context=+8624", "110", True),
        ("sip:110;phone-context=pbx.example.cn@h", "110", True),
        ("sip:%31%31%30@h", "110", True),
        ("sip:110;npdi;rn=+8613800138000@h;user=phone", "110;npdi;rn=+8613800138000;user=phone", False),
        ("tel:110;rn=+8613800138000", "110;rn=+8613800138000", False),
        ("tel:110;phone-context=+86;ext=5", "+86110", False),
        ("sip:110;phone-context=+86;phone-context=+8@h", "110;phone-context=+86;phone-context=+8", False),
        ("sip:110;phone-context=+8613800138@h", "+8613800138110", False),
        ("sip:0;phone-context=+8611@h", "+86110", False),
        ("sip:110@h;phone-context=+86", "+86110", False),
        ("sip:110@h;maddr=10.9.9.9", "110;maddr=10.9.9.9", False),
        ("sip:110:1@h", "110", False),
        ("sip:" + "1" * 1000 + "@h", "1" * 64, False),
        ("sip:8001;tgrp=x@h", "8001", False),
        ("urn:service:sos", "urn:service:sos", True),
        ("sip:alice@h", "alice", False),
        ("sip:h", "", False),
    ],
)
def test_called(uri: str, called: str, emergency: bool) -> None:
    assert called_of(Request(parse(request("INVITE", uri))), PLAN) == (called, emergency)


@pytest.mark.parametrize(
    ("fields", "privacy"),
    [([], set()), (["Privacy: id"], {"id"}), (["Privacy: Header; ID ;critical"], {"header", "id", "critical"})],
)
def test_privacy(fields: list[str], privacy: set[str]) -> None:
    assert call(*fields).privacy == privacy


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=60))
def test_whatever_a_field_holds_becomes_a_claim(value: str) -> None:
    claims = call(f"Remote-Party-ID: {value}", f"Diversion: {value}").claims
    assert {claim.header for claim in claims} <= {"From", "Remote-Party-ID", "Diversion"}
    for claim in claims:
        assert (claim.number != "") == (claim.reading is N)
