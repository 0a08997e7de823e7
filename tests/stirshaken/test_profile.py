"""What one certificate says: the certificate of RFC 9118, and certificates that say odd things."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from stirshaken import constraints, profile
from stirshaken.constraints import Constraints
from tests.stirshaken import chains
from tests.stirshaken.chains import ca, leaf

ROOT = ca("Root")


def described(*places: tuple[str, str]) -> chains.Extension:
    rows = [
        x509.AccessDescription(x509.ObjectIdentifier(oid), x509.UniformResourceIdentifier(url)) for oid, url in places
    ]
    return x509.AuthorityInformationAccess(rows), False


def test_certificate_of_the_rfc(vectors: Path) -> None:
    certificate = x509.load_pem_x509_certificate((vectors / "rfc" / "rfc9118-fig1-cert.pem").read_bytes())
    found = profile.read(certificate)
    assert found.authority is not None
    assert (found.authority.spcs, found.faults, found.authority_fault, found.is_ca) == (("1234",), (), "", False)
    assert found.constraints == Constraints(("confidence",), (("confidence", ("high", "medium")),), ("priority",))
    assert (found.not_before, found.not_after) == (1626385935.0, 1657921935.0)
    assert list(profile.leaf_faults(found)) == []


@pytest.mark.parametrize(
    ("places", "url"),
    [
        pytest.param([("1.3.6.1.5.5.7.48.14", "https://a.example/list")], "https://a.example/list", id="https"),
        pytest.param([("1.3.6.1.5.5.7.48.1", "http://ocsp"), ("1.3.6.1.5.5.7.48.14", "https://b")], "https://b", id="second"),
        pytest.param([("1.3.6.1.5.5.7.48.14", "http://a.example/list")], None, id="http-is-refused"),
        pytest.param([("1.3.6.1.5.5.7.48.1", "https://ocsp")], None, id="another-method"),
    ],
)  # fmt: skip
def test_list_by_reference(places: list[tuple[str, str]], url: str | None) -> None:
    made = leaf(ROOT, extra=(described(*places),))
    assert profile.read(made.certificate).by_reference_url == url


@pytest.mark.parametrize(
    ("extra", "fault"),
    [
        pytest.param(chains.unknown(critical=True), "critical extension 1.3.6.1.4.1.99999.1 is not understood", id="critical"),
        pytest.param(chains.raw("2.5.29.17", b"\xff"), "extensions cannot be read", id="broken-subject-alternative-name"),
        pytest.param(chains.raw(constraints.OID, b""), "claim constraints: DER value of tag 0x30 is missing", id="constraints"),
    ],
)  # fmt: skip
def test_faults(extra: chains.Extension, fault: str) -> None:
    assert profile.read(leaf(ROOT, extra=(extra,)).certificate).faults == (fault,)


def test_a_key_that_is_no_elliptic_curve() -> None:
    good = leaf(ROOT).certificate
    oid, other = bytes.fromhex("06072a8648ce3d0201"), bytes.fromhex("06072a8648ce3d0209")
    odd = profile.read(chains.resigned(good, ROOT, oid, other))
    assert odd.key is None
    assert "leaf has no P-256 key" in list(profile.leaf_faults(odd))


@pytest.mark.parametrize(
    ("said", "anchor", "faults"),
    [
        pytest.param({}, False, [], id="good"),
        pytest.param({"usage": None}, True, [], id="anchor-without-key-usage"),
        pytest.param({"usage": None}, False, ["CA has no keyUsage"], id="without-key-usage"),
        pytest.param({"usage": chains.SIGNS_CALLS}, True, ["CA has no keyUsage keyCertSign"], id="another-key-usage"),
        pytest.param({"ca": False}, True, ["CA is no CA certificate"], id="no-ca"),
        pytest.param({"curve": ec.SECP256K1}, False, ["CA has no P-256, P-384 or P-521 key"], id="curve"),
    ],
)
def test_issuers(said: dict[str, object], anchor: bool, faults: list[str]) -> None:
    made = profile.read(ca("Issuer", key=f"key of {sorted(said)}", **said).certificate)
    assert list(profile.issuer_faults(made, "CA", anchor=anchor)) == faults
