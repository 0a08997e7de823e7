"""Signed calls: what stands in the value, what is refused, and that the verifier takes it."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from stirshaken import canonical, identity, passport
from stirshaken.claims import SignedCall
from stirshaken.errors import MalformedError
from stirshaken.findings import Result
from stirshaken.numbers import Identifier
from stirshaken.sign import Signer
from stirshaken.verify import verify
from tests.stirshaken.scene import CALLED, CALLER, NOW, ORIGID, SECOND, THIRD, X5U, party

URI = Identifier("uri", "sip:bob@example.com")


def signer() -> Signer:
    return Signer(party().holder.key, X5U)


def claims_of(value: str) -> dict[str, Any]:
    return passport.decode(identity.parse(value.encode()).token).claims


def test_shaken_value() -> None:
    value = signer().shaken(CALLER, [CALLED], "A", ORIGID, NOW + 0.9)
    read = identity.parse(value.encode())
    token = passport.decode(read.token)
    assert (read.info, read.alg, read.ppt, read.params) == (X5U, "ES256", "shaken", ())
    assert token.header == {"alg": "ES256", "ppt": "shaken", "typ": "passport", "x5u": X5U}
    assert token.claims == {"attest": "A", "dest": {"tn": ["12155551213"]}, "iat": NOW, "orig": {"tn": "12155551212"}, "origid": ORIGID}  # fmt: skip
    assert canonical.encode(token.claims).startswith(b'{"attest":"A","dest":{"tn":["12155551213"]},"iat":1800000000,')


def test_dest_is_sorted_and_each_stands_once() -> None:
    value = signer().shaken(CALLER, [THIRD, URI, CALLED, THIRD], "B", ORIGID, NOW)
    assert claims_of(value)["dest"] == {"tn": [CALLED.value, THIRD.value], "uri": [URI.value]}


def test_keys_of_media_are_sorted() -> None:
    keys = [{"alg": "sha-256", "dig": "BB"}, {"alg": "sha-256", "dig": "AA"}]
    assert claims_of(signer().shaken(CALLER, [CALLED], "A", ORIGID, NOW, keys))["mky"] == keys[::-1]


def test_div_value() -> None:
    value = signer().div(CALLER, [SECOND], CALLED, NOW)
    assert identity.parse(value.encode()).ppt == "div"
    assert claims_of(value) == {"dest": {"tn": [SECOND.value]}, "div": {"tn": CALLED.value}, "iat": NOW, "orig": {"tn": CALLER.value}}  # fmt: skip


@pytest.mark.parametrize("attest", ["A", "B", "C"])
def test_the_verifier_takes_it(attest: str) -> None:
    value = signer().shaken(CALLER, [SECOND, CALLED], attest, ORIGID.upper(), NOW).encode()
    found = verify(SignedCall(CALLER, (CALLED,)), [value], {X5U: party().validated}, NOW)
    assert (found.result, found.findings) == (Result.PASSED, ())


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(ec.generate_private_key(ec.SECP384R1()), id="p-384"),
        pytest.param(ec.generate_private_key(ec.SECP256K1()), id="secp256k1"),
        pytest.param(ed25519.Ed25519PrivateKey.generate(), id="ed25519"),
        pytest.param(rsa.generate_private_key(65537, 2048), id="rsa"),
        pytest.param(None, id="none"),
    ],
)
def test_the_key_must_be_p256(key: object) -> None:
    with pytest.raises(MalformedError, match="P-256"):
        Signer(key, X5U)


@pytest.mark.parametrize(
    ("dest", "attest", "origid", "x5u", "reason"),
    [
        pytest.param([CALLED], "D", ORIGID, X5U, "attest", id="unknown-level"),
        pytest.param([CALLED], "a", ORIGID, X5U, "attest", id="lower-case-level"),
        pytest.param([CALLED], "", ORIGID, X5U, "attest", id="no-level"),
        pytest.param([CALLED], "A", "1", X5U, "origid", id="origid-no-uuid"),
        pytest.param([CALLED], "A", ORIGID + "\n", X5U, "origid", id="origid-with-line-end"),
        pytest.param([CALLED], "A", "{" + ORIGID + "}", X5U, "origid", id="origid-in-braces"),
        pytest.param([], "A", ORIGID, X5U, "dest", id="nobody-called"),
        pytest.param([Identifier("tn", str(n)) for n in range(10, 75)], "A", ORIGID, X5U, "dest", id="too-many"),
        pytest.param([CALLED], "A", ORIGID, "", "x5u", id="no-url"),
        pytest.param([CALLED], "A", ORIGID, "https://a.example/>x", "info", id="url-breaks-out"),
    ],
)
def test_refused(dest: list[Identifier], attest: str, origid: str, x5u: str, reason: str) -> None:
    with pytest.raises(MalformedError, match=reason):
        Signer(party().holder.key, x5u).shaken(CALLER, dest, attest, origid, NOW)


def test_the_longest_value_can_be_read_back() -> None:
    dest = [Identifier("tn", str(10**14 + n)) for n in range(64)]
    assert len(claims_of(signer().shaken(CALLER, dest, "A", ORIGID, NOW))["dest"]["tn"]) == 64
