"""Bodies of requests: what is taken, and what is said of all else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.admin.stir_errors import Fault
from proxy.admin.stir_requests import signing_request, verification_request
from stirshaken.numbers import Identifier
from tests.admin.stage import ORIGID, signing, verification

NOW = 1443208345


def fault(read: Any, body: object) -> tuple[str, list[str]]:
    with pytest.raises(Fault) as caught:
        read(body if isinstance(body, bytes) else json.dumps(body).encode())
    ((_, said),) = json.loads(caught.value.answer(()).body)["requestError"].items()
    return said["messageId"], said.get("variables", [])


def test_a_signing_request() -> None:
    asked = signing_request(json.dumps(signing(NOW, orig="+1-(215).555-1212")).encode())
    assert (asked.attest, asked.iat, asked.origid) == ("A", NOW, ORIGID)
    assert (asked.orig, asked.dest) == (Identifier("tn", "12155551212"), (Identifier("tn", "12355551212"),))


def test_a_verification_request() -> None:
    asked = verification_request(json.dumps(verification("a;info=<b>, c;info=<d>", NOW)).encode())
    assert (asked.orig, asked.dest, asked.time) == (Identifier("tn", "12155551212"), (Identifier("tn", "12355551212"),), NOW)  # fmt: skip
    assert asked.values == (b"a;info=<b>", b"c;info=<d>")


def test_a_line_that_cannot_be_parted_is_one_value() -> None:
    assert verification_request(json.dumps(verification('a, "', NOW)).encode()).values == (b'a, "',)


MANY = {"tn": ["1"] * 65}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param({"orig": {}}, ["orig", "tn is missing"], id="no-tn"),
        pytest.param({"orig": {"tn": "12155551212", "uri": "sip:a"}}, ["orig", "only tn is supported"], id="uri-too"),
        pytest.param({"orig": {"tn": 12155551212}}, ["orig", "tn is no telephone number"], id="number"),
        pytest.param({"orig": {"tn": "1 215 555 1212"}}, ["orig", "tn is no telephone number"], id="spaces"),
        pytest.param({"orig": {"tn": "１２１５５５５１２１２"}}, ["orig", "tn is no telephone number"], id="full-width"),
        pytest.param({"orig": {"tn": "12155551212\n"}}, ["orig", "tn is no telephone number"], id="line-feed"),
        pytest.param({"orig": {"tn": ""}}, ["orig", "tn is no telephone number"], id="empty"),
        pytest.param({"orig": {"tn": "+"}}, ["orig", "tn is no telephone number"], id="only-plus"),
        pytest.param({"orig": {"tn": "1" * 16}}, ["orig", "tn is no telephone number"], id="16-digits"),
        pytest.param({"dest": MANY}, ["dest", "tn is not a list of 1 to 64 telephone numbers"], id="65-dest"),
        pytest.param({"dest": {"tn": ["1", None]}}, ["dest", "tn is no telephone number"], id="none-in-dest"),
        pytest.param({"iat": True}, ["iat", "not a whole number of seconds since 1970"], id="boolean"),
        pytest.param({"iat": 1443208345.0}, ["iat", "not a whole number of seconds since 1970"], id="float"),
        pytest.param({"iat": 0}, ["iat", "not a whole number of seconds since 1970"], id="zero"),
        pytest.param({"attest": "a"}, ["attest", "none of A, B, C"], id="small-letter"),
        pytest.param({"origid": f"{ORIGID}\n"}, ["origid", "not a UUID"], id="uuid-and-line-feed"),
        pytest.param({"mky": []}, ["mky", "unknown parameter"], id="unknown"),
        pytest.param({"attest": None}, ["attest", "none of A, B, C"], id="null"),
    ],
)  # fmt: skip
def test_parameters_of_signing(change: dict[str, object], expected: list[str]) -> None:
    body = {"signingRequest": {**signing(NOW)["signingRequest"], **change}}
    assert fault(signing_request, body) == ("SVC4005", expected)


@pytest.mark.parametrize("parameter", ["from", "to", "time", "identity"])
def test_parameters_of_verification_that_are_missing_or_mistyped(parameter: str) -> None:
    members = verification("a", NOW)["verificationRequest"]
    assert fault(verification_request, {"verificationRequest": {**members, parameter: [1]}})[1][0] == parameter
    del members[parameter]
    assert fault(verification_request, {"verificationRequest": members}) == ("SVC4001", [parameter])


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"[]", ("SVC4006", ["JSON: not an object"])),
        (b"\xff", ("SVC4006", ["JSON: malformed"])),
        (b'{"signingRequest": {}, "signingRequest": {}}', ("SVC4006", ["JSON: a name stands twice"])),
        (b'{"signingRequest": NaN}', ("SVC4006", ["JSON: NaN and Infinity are no JSON"])),
        (b'{"signingRequest": ' + b"[" * 60_000, ("SVC4006", ["JSON: too deep"])),
        (b'{"signingRequest": []}', ("SVC4005", ["signingRequest", "not an object"])),
        (b'{"signingRequest": {}, "x": 1}', ("SVC4005", ["x", "unknown parameter"])),
        (b'{"verificationRequest": {}}', ("SVC4001", ["signingRequest"])),
    ],
)
def test_bodies(body: bytes, expected: tuple[str, list[str]]) -> None:
    assert fault(signing_request, body) == expected


@pytest.mark.parametrize("identity", ["", " ", 1, None])
def test_no_identity(identity: Any) -> None:
    assert fault(verification_request, verification(identity, NOW)) == ("SVC4005", ["identity", "not the value of an Identity header field"])  # fmt: skip
