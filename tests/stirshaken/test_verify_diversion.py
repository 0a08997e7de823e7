"""Diverted calls (RFC 8946): a chain of div tokens leads from whom the caller called to whom the call goes."""

from __future__ import annotations

import pytest

from stirshaken.certificate import Validated
from stirshaken.claims import SignedCall
from stirshaken.findings import Result, Rule
from stirshaken.numbers import Identifier
from stirshaken.tnauthlist import One
from stirshaken.verify import verify
from tests.stirshaken.scene import (
    CALLED,
    CALLER,
    CERTIFICATES,
    GOOD,
    NOW,
    OTHER_X5U,
    SECOND,
    STALE,
    THIRD,
    X5U,
    check,
    div,
    diversion,
    party,
    rules,
)


def number(index: int) -> Identifier:
    return Identifier("tn", str(12155551300 + index))


def chain(length: int) -> list[bytes]:
    """Diversions from CALLED over so many links, in the order of the call."""
    stations = [CALLED, *map(number, range(length))]
    return [div(stations[n + 1], stations[n]) for n in range(length)]


@pytest.mark.parametrize(
    ("links", "call_dest", "result"),
    [
        pytest.param([div(SECOND, CALLED)], SECOND, Result.PASSED, id="one-link"),
        pytest.param([div(SECOND, CALLED), div(THIRD, SECOND)], THIRD, Result.PASSED, id="two-links"),
        pytest.param([div(THIRD, SECOND), div(SECOND, CALLED)], THIRD, Result.PASSED, id="in-any-order"),
        pytest.param(chain(5), number(4), Result.PASSED, id="five-links"),
        pytest.param(chain(6), number(5), Result.FAILED, id="six-links"),
        pytest.param([div(SECOND, CALLED), div(CALLED, SECOND)], SECOND, Result.PASSED, id="back-and-forth"),
        pytest.param([], SECOND, Result.FAILED, id="no-link"),
        pytest.param([div(THIRD, SECOND)], THIRD, Result.FAILED, id="first-link-missing"),
        pytest.param([div(SECOND, CALLED)], THIRD, Result.FAILED, id="last-link-missing"),
        pytest.param([div(CALLED, SECOND)], SECOND, Result.FAILED, id="wrong-way"),
        pytest.param([div(SECOND, CALLED, iat=NOW - 100)], SECOND, Result.FAILED, id="stale-link"),
        pytest.param([div(SECOND, CALLED, orig={"tn": THIRD.value})], SECOND, Result.FAILED, id="another-caller"),
        pytest.param([div(SECOND, CALLED, opt="x")], SECOND, Result.FAILED, id="opt-in-div"),
        pytest.param([div(SECOND, CALLED, div={"tn": CALLED.value, "hi": "1.1"})], SECOND, Result.PASSED, id="history-index"),
        pytest.param([div(SECOND, CALLED, div={"tn": "121555551213"})], SECOND, Result.FAILED, id="a-digit-too-many"),
        pytest.param([div(SECOND, CALLED, div={"tn": [CALLED.value]})], SECOND, Result.FAILED, id="div-is-an-array"),
        pytest.param([div(SECOND, CALLED, div=CALLED.value)], SECOND, Result.FAILED, id="div-is-text"),
        pytest.param([div(SECOND, CALLED, div={})], SECOND, Result.FAILED, id="div-is-empty"),
        pytest.param([diversion(party(One(CALLED.value)), SECOND, CALLED, OTHER_X5U)], SECOND, Result.PASSED, id="signed-by-who-diverts"),
        pytest.param([diversion(party(One(CALLER.value)), SECOND, CALLED, OTHER_X5U)], SECOND, Result.FAILED, id="signed-by-the-caller"),
        pytest.param([diversion(party(), SECOND, CALLED, "https://gone.example/c.pem")], SECOND, Result.UNKNOWN, id="certificate-out-of-reach"),
    ],
)  # fmt: skip
def test_diversion(links: list[bytes], call_dest: Identifier, result: Result, request: pytest.FixtureRequest) -> None:
    covered = CALLER if request.node.callspec.id == "signed-by-the-caller" else CALLED
    certificates: dict[str, Validated | str] = {X5U: party().validated, OTHER_X5U: party(One(covered.value)).validated}
    found = verify(SignedCall(CALLER, (call_dest,)), [GOOD, *links], certificates, NOW)
    assert found.result is result
    if result is Result.FAILED:
        assert Rule.MISMATCH in rules(found)
        assert check(found, "dest").ok is False


def test_who_diverts_attests_nothing() -> None:
    call = SignedCall(CALLER, (SECOND,))
    found = verify(call, [GOOD, div(SECOND, CALLED)], CERTIFICATES, NOW, attestation="A")
    assert [each.result for each in found.identities] == [Result.PASSED, Result.PASSED]


def test_a_good_diversion_does_not_save_a_bad_original() -> None:
    found = verify(SignedCall(CALLER, (SECOND,)), [STALE, div(SECOND, CALLED)], CERTIFICATES, NOW)
    assert (found.result, rules(found)) == (Result.FAILED, {Rule.STALE})


def test_a_failed_diversion_is_part_of_what_was_found() -> None:
    values = [GOOD, div(SECOND, CALLED, iat=NOW - 100)]
    found = verify(SignedCall(CALLER, (SECOND,)), values, CERTIFICATES, NOW)
    assert rules(found) == {Rule.MISMATCH, Rule.STALE}
