"""What others published about tokens, canonical JSON, numbers, JSON and ES256; read from the shared vectors."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from stirshaken import base64url, canonical
from stirshaken.errors import MalformedError
from stirshaken.identity import parse
from stirshaken.numbers import canonical_number, canonical_uri, of_uri, telephone_number
from stirshaken.passport import decode, encode, rebuild, verify_signature

HEADER = {"alg": "ES256", "typ": "passport", "x5u": "https://cert.example.org/passport.cer"}
CLAIMS = {"dest": {"uri": ["sip:alice@example.com"]}, "iat": 1443208345, "orig": {"tn": "12155551212"}}

# token → why its form is refused; the others have a good form
MALFORMED = {
    "rfc8225-7.1": "iat",  # a string
    "rfc8946-5-divo": "dest",  # no array
    "rfc8443-4.1": "JSON",
    "rfc8816-9": "iat",
}
# Names twice in an object are good JSON, but are read in two ways.
DUPLICATES = {"y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"}


@pytest.fixture(scope="module")
def tokens(vectors: Path) -> dict[str, Any]:
    return {row["id"]: row for row in json.loads((vectors / "rfc" / "tokens.json").read_bytes())}


@pytest.fixture(scope="module")
def numbers(vectors: Path) -> dict[str, Any]:
    table: dict[str, Any] = json.loads((vectors / "canonical" / "tn.json").read_bytes())
    return table


@pytest.fixture(scope="module")
def suite(vectors: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(vectors / "json" / "JSONTestSuite-test_parsing.zip") as archive:
        return {Path(name).name: archive.read(name) for name in archive.namelist() if name.endswith(".json")}


def public_key(vectors: Path, name: str) -> object:
    return load_pem_public_key((vectors / "rfc" / name).read_bytes())


def test_forms_of_rfc_tokens(tokens: dict[str, Any]) -> None:
    assert len(tokens) == 8
    for name, row in tokens.items():
        if name in MALFORMED:
            with pytest.raises(MalformedError, match=MALFORMED[name]):
                decode(row["token"].encode())
        else:
            passport = decode(row["token"].encode())
            assert canonical.encode(passport.header).decode() == row["header_json"]
            assert canonical.encode(passport.claims).decode() == row["payload_json"]


def test_signatures_of_rfc_tokens(vectors: Path, tokens: dict[str, Any]) -> None:
    for row in tokens.values():
        signing_input, _, signature = row["token"].encode().rpartition(b".")
        if row["public_key"]:
            key = public_key(vectors, row["public_key"])
            assert verify_signature(key, signing_input, base64url.decode(signature)) is row["signature_valid"]


def test_identity_of_rfc8224(tokens: dict[str, Any]) -> None:
    row = tokens["rfc8225-7.1"]
    field = parse(row["identity_header"].encode())
    assert (field.token.decode(), field.info, field.alg, field.ppt) == (row["token"], row["info"], "ES256", "")


def test_compact_form_of_rfc8224(vectors: Path, tokens: dict[str, Any]) -> None:
    row = tokens["rfc8224-5.1-rebuilt"]
    full = decode(row["token"].encode())
    rebuilt = rebuild(b".." + row["token"].encode().rpartition(b".")[2], full.header, full.claims)

    assert rebuilt == full
    assert not verify_signature(public_key(vectors, row["public_key"]), rebuilt.signing_input, rebuilt.signature)


def test_canonical_json(vectors: Path) -> None:
    for row in json.loads((vectors / "rfc" / "canonical_json.json").read_bytes()):
        octets = canonical.encode(row["input"])
        assert octets.decode() == row["canonical"]
        assert canonical.is_canonical(octets)
        assert base64url.encode(octets) == row.get("base64url", base64url.encode(octets))


def test_the_printed_tokens_are_canonical(tokens: dict[str, Any]) -> None:
    for name, row in tokens.items():
        for octets in (row["header_json"].encode(), row["payload_json"].encode()):
            assert canonical.is_canonical(octets) is (name != "rfc8443-4.1")


def test_numbers(numbers: dict[str, Any]) -> None:
    for row in numbers["cases"]:
        if "input" in row and " " not in str(row["out"]):
            assert canonical_number(row["input"]) == row["out"], row
    assert (canonical_number("2155551212"), canonical_number("2155551212", "1")) == ("2155551212", "12155551212")
    assert canonical_number("0033123456789") == "0033123456789"


def test_numbers_in_uris(numbers: dict[str, Any]) -> None:
    for row in numbers["cases"]:
        if "uri" in row:
            expected = row["tn"].split(" ")[0] if row["tn"] else None
            assert telephone_number(row["uri"]) == expected, row
            assert of_uri(row["uri"]).value == row.get("ident", expected or row["uri"]), row


def test_uris(numbers: dict[str, Any]) -> None:
    for uri, expected in numbers["uri_cases"]["cases"]:
        canon = canonical_uri(uri)
        wanted, *doubt = expected.split(" ")  # doubt: whether the hex digits of an escape become lower case
        assert (canon.replace("%2F", "%2f") if doubt else canon) == wanted, uri


def test_iat_that_is_no_number_of_seconds(vectors: Path) -> None:
    row = json.loads((vectors / "canonical" / "iat_window.json").read_bytes())
    for iat in row["malformed"]:
        with pytest.raises(MalformedError):
            encode(HEADER, CLAIMS | {"iat": iat}, lambda _: bytes(64))


def test_json_suite(suite: dict[str, bytes]) -> None:
    assert len(suite) > 300
    header, claims = (base64url.encode(canonical.encode(part)) for part in (HEADER, CLAIMS))
    for name, octets in suite.items():
        assert reads(octets) in expected(name, octets), name
        foreign = base64url.encode(octets)
        for token in (
            f"{foreign}.{claims}.{base64url.encode(bytes(64))}",
            f"{header}.{foreign}.{base64url.encode(bytes(64))}",
        ):
            with pytest.raises(MalformedError):
                decode(token.encode())


def reads(octets: bytes) -> bool:
    try:
        canonical.decode(octets)
    except MalformedError:
        return False
    return True


def expected(name: str, octets: bytes) -> tuple[bool, ...]:
    """n_ is refused; y_ is read where it is an object without doubt; i_ may be either."""
    if name.startswith("i_"):
        return (True, False)
    return (name.startswith("y_") and octets.lstrip().startswith(b"{") and name not in DUPLICATES,)


def test_json_suite_within_an_object(suite: dict[str, bytes]) -> None:
    """Most files are arrays; as a claim they meet the same rules for values."""
    for name, octets in suite.items():
        if octets.lstrip().startswith(b"["):
            wanted = {"y": (True,), "n": (False,)}.get(name[0], (True, False))
            assert reads(b'{"a":' + octets + b"}") in wanted, name


def test_wycheproof_es256(vectors: Path) -> None:
    groups = json.loads((vectors / "wycheproof" / "ecdsa_secp256r1_sha256_p1363_test.json").read_bytes())["testGroups"]
    rows = [(load_pem_public_key(group["publicKeyPem"].encode()), row) for group in groups for row in group["tests"]]
    assert len(rows) == 262
    for key, row in rows:
        good = verify_signature(key, bytes.fromhex(row["msg"]), bytes.fromhex(row["sig"]))
        assert good is (row["result"] == "valid"), (row["tcId"], row["comment"])


def jws(token: bytes, key: object, alg: str) -> bool:
    """Verify a JWS whose header and payload are no PASSporT's with this library's parts."""
    parts = token.split(b".")
    try:
        header, _, signature = (base64url.decode(part) for part in parts)
        fits = canonical.decode(header).get("alg") == alg
    except ValueError:
        return False
    return fits and verify_signature(key, parts[0] + b"." + parts[1], signature)


def coordinate(text: str) -> int:
    return int.from_bytes(base64url.decode(text.encode()), "big")


def test_wycheproof_jws(vectors: Path) -> None:
    groups = json.loads((vectors / "wycheproof" / "json_web_signature_test.json").read_bytes())["testGroups"]
    count = 0
    for group in groups:
        public = group.get("public", {})
        if public.get("crv") != "P-256" or public.get("use") != "sig":  # the use of a key is its certificate's matter
            continue
        key = ec.EllipticCurvePublicNumbers(
            coordinate(public["x"]), coordinate(public["y"]), ec.SECP256R1()
        ).public_key()
        for row in group["tests"]:
            good = jws(row["jws"].encode(), key, public["alg"])
            assert good is (row["result"] == "valid"), (row["tcId"], row["comment"])
            count += 1
    assert count == 39


def test_wycheproof_tokens_are_no_passports(vectors: Path) -> None:
    groups = json.loads((vectors / "wycheproof" / "json_web_signature_test.json").read_bytes())["testGroups"]
    for group in groups:
        for row in group["tests"]:
            with pytest.raises(MalformedError):
                decode(json.dumps(row["jws"]).strip('"').encode())
