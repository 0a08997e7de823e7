"""Claim constraints: the certificate of RFC 9118, what is malformed, and claims held against them."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from stirshaken.constraints import ENHANCED_OID, MAX_NAMES, OID, Constraints, check, decode, encode
from stirshaken.errors import MalformedError

RFC9118 = Constraints(("confidence",), (("confidence", ("high", "medium")),), ("priority",))


def test_certificate_of_the_rfc(vectors: Path) -> None:
    certificate = x509.load_pem_x509_certificate((vectors / "rfc" / "rfc9118-fig1-cert.pem").read_bytes())
    extension = certificate.extensions.get_extension_for_oid(x509.ObjectIdentifier(ENHANCED_OID))
    assert isinstance(extension.value, x509.UnrecognizedExtension)
    assert decode(extension.value.value, enhanced=True) == RFC9118
    assert encode(RFC9118) == extension.value.value
    assert OID == "1.3.6.1.5.5.7.1.27"


@pytest.mark.parametrize(
    ("claims", "fault"),
    [
        pytest.param({"confidence": "high"}, None, id="permitted"),
        pytest.param({"confidence": "medium", "iat": 1}, None, id="other-claims-are-free"),
        pytest.param({}, "certificate demands the claim confidence", id="missing"),
        pytest.param({"confidence": "low"}, "certificate does not permit this value of the claim confidence", id="value"),
        pytest.param({"confidence": ["high"]}, "certificate does not permit this value of the claim confidence", id="in-a-list"),
        pytest.param({"confidence": None}, "certificate does not permit this value of the claim confidence", id="null"),
        pytest.param({"confidence": "high", "priority": None}, "certificate forbids the claim priority", id="forbidden"),
    ],
)  # fmt: skip
def test_claims_of_the_rfc(claims: dict[str, object], fault: str | None) -> None:
    assert check(RFC9118, claims) == fault


@pytest.mark.parametrize(
    ("value", "permitted"),
    [
        (1, "1"), (True, "true"), (None, "null"), ("1", "1"), (["b", 1], '["b",1]'),
        ({"b": 1, "a": "号"}, '{"a":"号","b":1}'), ({"tn": ["12155551212"]}, '{"tn":["12155551212"]}'),
    ],
)  # fmt: skip
def test_values_that_are_no_text_compare_as_canonical_json(value: object, permitted: str) -> None:
    allowed = Constraints(permitted=(("x", ("other", permitted)),))
    assert check(allowed, {"x": value}) is None
    assert check(allowed, {}) is None
    assert check(allowed, {"x": [value]}) is not None


def test_first_fault_of_several() -> None:
    assert check(Constraints(("a", "b")), {"a": 1}) == "certificate demands the claim b"


def row(*parts: str, tag: str = "30") -> str:
    contents = "".join(parts)
    return f"{tag}{len(contents) // 2:02x}{contents}"


NAME = "160161"  # IA5String "a"
NAMES = row(NAME)


@pytest.mark.parametrize(
    ("octets", "enhanced"),
    [
        pytest.param("", True, id="nothing"),
        pytest.param("3000", True, id="constrains-nothing"),
        pytest.param(row(row(row(), tag="a0")), True, id="no-name"),
        pytest.param(row(row("0c0161", tag="a0")), True, id="name-instead-of-names"),
        pytest.param(row(row(row("0c0161"), tag="a0")), True, id="name-as-utf8"),
        pytest.param(row(row(NAMES, tag="a0"), "00"), True, id="octet-behind-it"),
        pytest.param(row(row(NAMES, tag="a2"), row(NAMES, tag="a0")), True, id="wrong-order"),
        pytest.param(row(row(NAMES, tag="a0"), row(NAMES, tag="a2")), False, id="exclusion-in-the-plain-extension"),
        pytest.param(row(row(row(row(NAME, row())), tag="a1")), True, id="no-value"),
        pytest.param(row(row(row(row(NAME)), tag="a1")), True, id="no-values"),
        pytest.param(row(row(row(row(NAME, row("160161"))), tag="a1")), True, id="value-as-ia5"),
        pytest.param(row(row(row(row(NAME, row("0c01ff"))), tag="a1")), True, id="value-is-no-utf8"),
    ],
)
def test_malformed(octets: str, enhanced: bool) -> None:
    with pytest.raises(MalformedError):
        decode(bytes.fromhex(octets), enhanced=enhanced)


def test_too_many_names() -> None:
    names = tuple(f"c{number}" for number in range(MAX_NAMES + 1))
    assert decode(encode(Constraints(names[:-1])), enhanced=False).must_include == names[:-1]
    with pytest.raises(MalformedError):
        decode(encode(Constraints(names)), enhanced=False)


names = st.lists(st.from_regex(r"[a-z]{1,8}", fullmatch=True), max_size=4).map(tuple)
values = st.lists(st.text(max_size=8), min_size=1, max_size=3).map(tuple)
pairs = st.lists(st.tuples(st.from_regex(r"[a-z]{1,8}", fullmatch=True), values), max_size=3).map(tuple)


@given(names, pairs, names)
def test_constraints_come_back(include: tuple[str, ...], permitted: tuple[tuple[str, tuple[str, ...]], ...], exclude: tuple[str, ...]) -> None:  # fmt: skip
    if not (include or permitted or exclude):
        return
    made = Constraints(include, permitted, exclude)
    assert decode(encode(made), enhanced=True) == made


@given(st.binary(max_size=60), st.booleans())
def test_any_octets_are_constraints_or_malformed(octets: bytes, enhanced: bool) -> None:
    try:
        made = decode(octets, enhanced=enhanced)
    except MalformedError:
        return
    assert encode(made) == octets
