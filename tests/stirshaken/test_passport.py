"""PASSporTs: form checked, octets kept, signatures of P-256 and nothing else."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from stirshaken import base64url, passport
from stirshaken.errors import MalformedError
from stirshaken.numbers import Identifier
from stirshaken.passport import MAX_TOKEN, ORDER, UnsupportedError, decode, encode, rebuild, sign, verify_signature

KEY = ec.derive_private_key(7, ec.SECP256R1())
URL = "https://cert.example.org/passport.cer"
HEADER: dict[str, Any] = {"alg": "ES256", "typ": "passport", "x5u": URL}
CLAIMS: dict[str, Any] = {"dest": {"tn": ["12155551213"]}, "iat": 1443208345, "orig": {"tn": "12155551212"}}
SHAKEN = CLAIMS | {"attest": "A", "origid": "123e4567-e89b-12d3-a456-426655440000"}
NOWHERE = base64url.encode(bytes(64))


def token(header: object = HEADER, claims: object = CLAIMS, signature: str = NOWHERE) -> bytes:
    """A token of any header and claims, good or bad, written as Python writes JSON."""
    parts = [base64url.encode(json.dumps(part).encode()) for part in (header, claims)]
    return ".".join([*parts, signature]).encode()


def without(values: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key != name}


def test_what_is_written_is_read() -> None:
    text = encode(HEADER | {"ppt": "shaken"}, SHAKEN, sign(KEY))
    read = decode(text.encode())

    assert (read.header, read.claims) == (HEADER | {"ppt": "shaken"}, SHAKEN)
    assert (read.x5u, read.ppt, read.iat) == (URL, "shaken", 1443208345)
    assert (read.orig, read.dest) == (Identifier("tn", "12155551212"), (Identifier("tn", "12155551213"),))
    assert read.signing_input + b"." + base64url.encode(read.signature).encode() == text.encode()
    assert verify_signature(KEY.public_key(), read.signing_input, read.signature)


def test_canonical_octets_are_signed() -> None:
    signed: list[bytes] = []
    claims = {"orig": {"uri": "sip:a@h"}, "iat": 1, "dest": {"uri": ["sip:c@h", "sip:b@h"], "tn": ["2", "1"]}}
    encode(HEADER, claims, lambda octets: (signed.append(octets), bytes(64))[1])

    header, payload = (base64url.decode(part) for part in signed[0].split(b"."))
    assert header == b'{"alg":"ES256","typ":"passport","x5u":"https://cert.example.org/passport.cer"}'
    assert payload == b'{"dest":{"tn":["1","2"],"uri":["sip:b@h","sip:c@h"]},"iat":1,"orig":{"uri":"sip:a@h"}}'


def test_octets_are_kept_as_received() -> None:
    text = token(
        {"x5u": URL, "typ": "passport", "alg": "ES256", "kid": "é"},
        {"orig": {"tn": "1"}, "iat": 1, "dest": {"uri": ["sip:A@h"]}, "new": 1.5},
    )
    read = decode(text)

    assert read.signing_input == text.rpartition(b".")[0]
    assert read.dest == (Identifier("uri", "sip:a@h"),)


@pytest.mark.parametrize(
    "header",
    [
        without(HEADER, "typ"), HEADER | {"typ": "JWT"}, HEADER | {"typ": "PASSporT"}, HEADER | {"typ": ["passport"]}, without(HEADER, "alg"), HEADER | {"alg": None}, HEADER | {"alg": ["ES256"]},
        HEADER | {"crit": []}, HEADER | {"crit": ["exp"]}, HEADER | {"crit": None}, without(HEADER, "x5u"), HEADER | {"x5u": ""}, HEADER | {"x5u": [URL]}, HEADER | {"x5u": "https://h/ x"}, HEADER | {"x5u": "https://h/\n"},
        HEADER | {"x5u": "https://é/"}, HEADER | {"x5u": "x" * 2049}, HEADER | {"ppt": ""}, HEADER | {"ppt": None}, HEADER | {"ppt": ["shaken"]}, HEADER | {"ppt": "a b"}, HEADER | {"ppt": "x" * 33}, [], "x", {},
    ],
)  # fmt: skip
def test_header_refused(header: Any) -> None:
    with pytest.raises(MalformedError) as caught:
        decode(token(header))
    assert not isinstance(caught.value, UnsupportedError)
    if isinstance(header, dict):
        with pytest.raises(MalformedError):
            encode(header, CLAIMS, sign(KEY))


@pytest.mark.parametrize("alg", ["none", "None", "HS256", "RS256", "ES384", "es256", "EdDSA", ""])
def test_other_algorithms_are_unsupported(alg: str) -> None:
    with pytest.raises(UnsupportedError):
        decode(token(HEADER | {"alg": alg}))


@pytest.mark.parametrize(
    "change",
    [
        {"iat": "1443208345"}, {"iat": True}, {"iat": 1.0}, {"iat": 1443208345.5}, {"iat": -1}, {"iat": None}, {"iat": 2**64}, {"iat": []},
        {"orig": None}, {"orig": {}}, {"orig": "12155551212"}, {"orig": {"tn": ["12155551212"]}}, {"orig": {"tn": 12155551212}}, {"orig": {"tn": ""}}, {"orig": {"tn": "alice"}}, {"orig": {"tn": "1", "uri": "sip:a@h"}}, {"orig": {"email": "a@b"}},
        {"orig": {"uri": "alice"}}, {"orig": [{"tn": "1"}]}, {"orig": {"tn": "1" * 16}},
        {"dest": None}, {"dest": {}}, {"dest": []}, {"dest": {"tn": "12155551213"}}, {"dest": {"tn": []}}, {"dest": {"tn": [1]}}, {"dest": {"tn": [["1"]]}}, {"dest": {"tn": ["x"]}}, {"dest": {"tn": ["1"], "uri": []}}, {"dest": {"tn": ["1"], "new": ["1"]}}, {"dest": {"uri": ["sip:a b"]}}, {"dest": {"tn": {"1": 1}}},
    ],
)  # fmt: skip
def test_claims_refused(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedError):
        decode(token(claims=CLAIMS | change))
    with pytest.raises(MalformedError):
        encode(HEADER, CLAIMS | change, sign(KEY))


@pytest.mark.parametrize("name", ["iat", "orig", "dest"])
def test_claims_missing(name: str) -> None:
    with pytest.raises(MalformedError):
        decode(token(claims=without(CLAIMS, name)))


def test_several_destinations() -> None:
    read = decode(token(claims=CLAIMS | {"dest": {"tn": ["1", "+2"], "uri": ["sip:a@h"]}}))
    assert read.dest == (Identifier("tn", "1"), Identifier("tn", "2"), Identifier("uri", "sip:a@h"))


GOOD = token()
HEAD, BODY, _ = GOOD.split(b".")


@pytest.mark.parametrize(
    "text",
    [
        b"", b".", b"..", b"...", HEAD, HEAD + b"." + BODY, HEAD + b"." + BODY + b".", GOOD + b".", GOOD + b".x", b"." + GOOD, b".." + NOWHERE.encode(), HEAD + b".." + NOWHERE.encode(), b"." + BODY + b"." + NOWHERE.encode(),
        GOOD + b"=", GOOD + b"\n", b" " + GOOD, GOOD + b"A", GOOD[:-1] + b"B", GOOD[:-4], HEAD + b"=." + BODY + b"." + NOWHERE.encode(), HEAD + b"." + BODY + b"." + base64url.encode(bytes(63)).encode(),
        HEAD + b"." + BODY + b"." + base64url.encode(bytes(65)).encode(), HEAD + b"." + BODY + b"." + base64url.encode(KEY.sign(b"", ec.ECDSA(passport.SHA256()))).encode(), GOOD.replace(b".", b";"), "é".encode() + GOOD, b"." * MAX_TOKEN, GOOD.ljust(MAX_TOKEN + 1, b"A"),
    ],
)  # fmt: skip
def test_no_token(text: bytes) -> None:
    with pytest.raises(MalformedError):
        decode(text)


@pytest.mark.parametrize("payload", [b'{"iat":1,"iat":2}', b"{}\xff", b'{"iat":NaN}', b"[" * 6000, b'{"a":' * 1000])
def test_payloads_that_are_no_object(payload: bytes) -> None:
    with pytest.raises(MalformedError):
        decode(HEAD + b"." + base64url.encode(payload).encode() + b"." + NOWHERE.encode())


def test_compact_form() -> None:
    full = encode(HEADER, CLAIMS, sign(KEY)).encode()
    read = rebuild(b".." + full.rpartition(b".")[2], dict(reversed(HEADER.items())), dict(reversed(CLAIMS.items())))

    assert read == decode(full)
    assert verify_signature(KEY.public_key(), read.signing_input, read.signature)


@pytest.mark.parametrize(
    ("text", "header", "claims"),
    [
        (GOOD, HEADER, CLAIMS), (b".." + NOWHERE.encode() + b".", HEADER, CLAIMS), (b"..", HEADER, CLAIMS), (b"..x", HEADER, CLAIMS), (b"", HEADER, CLAIMS), (b".." + b"A" * MAX_TOKEN, HEADER, CLAIMS),
        (b".." + NOWHERE.encode(), HEADER | {"ppt": "shaken"}, CLAIMS), (b".." + NOWHERE.encode(), HEADER, SHAKEN), (b".." + NOWHERE.encode(), HEADER, without(CLAIMS, "iat")), (b".." + NOWHERE.encode(), without(HEADER, "x5u"), CLAIMS),
        (b".." + NOWHERE.encode(), HEADER | {"alg": "none"}, CLAIMS),
    ],
    ids=["full", "four-parts", "no-signature", "short", "empty", "long", "ppt", "extension", "no-iat", "no-x5u", "alg"],
)  # fmt: skip
def test_no_compact_form(text: bytes, header: dict[str, Any], claims: dict[str, Any]) -> None:
    with pytest.raises(MalformedError):
        rebuild(text, header, claims)


@pytest.mark.parametrize("signature", [b"", bytes(63), bytes(65)])
def test_a_signer_that_does_not_sign(signature: bytes) -> None:
    with pytest.raises(MalformedError):
        encode(HEADER, CLAIMS, lambda _: signature)


def test_a_token_too_long_is_not_written() -> None:
    with pytest.raises(MalformedError):
        encode(HEADER, CLAIMS | {"new": "x" * 6500}, sign(KEY))


OCTETS = b"what is signed"
SIGNATURE = sign(KEY)(OCTETS)


def halves(r: int, s: int) -> bytes:
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


R, S = int.from_bytes(SIGNATURE[:32], "big"), int.from_bytes(SIGNATURE[32:], "big")


@pytest.mark.parametrize(
    ("signature", "good"),
    [
        (SIGNATURE, True), (halves(R, ORDER - S), True), (b"", False), (SIGNATURE[:-1], False), (SIGNATURE + b"\0", False), (b"\0" + SIGNATURE, False), (bytes(64), False), (halves(R, 0), False), (halves(0, S), False),
        (halves(R, ORDER), False), (halves(ORDER, S), False), (b"\xff" * 64, False), (halves(S, R), False), (halves(1, 1), False), (KEY.sign(OCTETS, ec.ECDSA(passport.SHA256())), False),
    ],
    ids=["good", "other-s", "empty", "short", "long", "shifted", "zero", "s-zero", "r-zero", "s-order", "r-order", "ones", "swapped", "one", "der"],
)  # fmt: skip
def test_verify_signature(signature: bytes, good: bool) -> None:
    assert verify_signature(KEY.public_key(), OCTETS, signature) is good


def test_other_octets_and_other_keys_do_not_verify() -> None:
    assert not verify_signature(KEY.public_key(), OCTETS + b".", SIGNATURE)
    assert not verify_signature(ec.derive_private_key(8, ec.SECP256R1()).public_key(), OCTETS, SIGNATURE)


@pytest.mark.parametrize(
    "key",
    [ec.derive_private_key(7, ec.SECP384R1()), ec.derive_private_key(7, ec.SECP256K1()), ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32)), rsa.generate_private_key(65537, 2048)],
    ids=["p-384", "secp256k1", "ed25519", "rsa"],
)  # fmt: skip
def test_only_p256(key: Any) -> None:
    assert not verify_signature(key.public_key(), OCTETS, SIGNATURE)
    with pytest.raises(UnsupportedError):
        sign(key)


def test_a_private_key_is_no_public_key() -> None:
    assert not verify_signature(KEY, OCTETS, SIGNATURE)
    with pytest.raises(UnsupportedError):
        sign(KEY.public_key())


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["tn", "uri", "x"]), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.dictionaries(st.sampled_from(["alg", "typ", "x5u", "ppt", "crit"]), JUNK),
    st.dictionaries(st.sampled_from(["iat", "orig", "dest"]), JUNK),
)
def test_any_json_is_a_passport_or_malformed(header: dict[str, Any], claims: dict[str, Any]) -> None:
    for text in (token(header, claims), token(HEADER, CLAIMS | claims), token(HEADER | header)):
        with contextlib.suppress(MalformedError):
            decode(text)
    with contextlib.suppress(MalformedError):
        encode(HEADER | header, CLAIMS | claims, lambda _: bytes(64))
    with contextlib.suppress(MalformedError):
        rebuild(b".." + NOWHERE.encode(), HEADER | header, CLAIMS | claims)


@given(
    st.one_of(
        st.binary(max_size=80),
        st.builds(
            lambda at, junk: GOOD[:at] + junk + GOOD[at + len(junk) :], st.integers(0, len(GOOD)), st.binary(max_size=6)
        ),
    )
)
def test_any_octets_are_a_passport_or_malformed(text: bytes) -> None:
    with contextlib.suppress(MalformedError):
        assert decode(text).signing_input == text.rpartition(b".")[0]


@given(st.binary(max_size=80))
def test_any_octets_are_a_signature_or_none(octets: bytes) -> None:
    assert not verify_signature(KEY.public_key(), OCTETS, octets)
