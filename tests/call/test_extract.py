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
        pytest.param("<sip:02488880001:secret@h>;tag=a", OURS, N, id="password"),
        pytest.param("<sip:anonymous@anonymous.invalid>;tag=a", "", A, id="anonymous"),
        pytest.param("<sip:Anonymous@h>;tag=a", "", A, id="anonymous-elsewhere"),
        pytest.param("<sip:anonymous.invalid>;tag=a", "", A, id="anonymous-host"),
        pytest.param("<sip:h>;tag=a", "", O, id="no-user"),
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
        pytest.param(["History-Info: <sip:95588@h>;index=1, <sip:10086@h>;index=1.1"], [("History-Info", "+8695588", N)], id="history-info-without-its-last"),
        pytest.param(["P-Asserted-Identity: <sip:95588@h"], [("P-Asserted-Identity", "", M)], id="broken-value"),
        pytest.param(['P-Asserted-Identity: "a, <sip:1@h>" <sip:95588@h>'], [("P-Asserted-Identity", "+8695588", N)], id="comma-in-quotes"),
        pytest.param(["X-Asserted: <sip:95588@h>"], [], id="another-field"),
    ],
)  # fmt: skip
def test_claims(fields: list[str], expected: list[tuple[str, str, Reading]]) -> None:
    claims = call(*fields, caller="<sip:h>;tag=a").claims
    assert [seen(claim) for claim in claims] == [("From", "", O), *expected]


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
