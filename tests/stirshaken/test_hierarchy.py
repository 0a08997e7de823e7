"""A private hierarchy: what it makes is judged good, says what it was told, and keeps to the profile."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from stirshaken import crl, hierarchy
from stirshaken.certificate import anchors_of, covers, validate
from stirshaken.constraints import Constraints
from stirshaken.findings import Result, Rule
from stirshaken.hierarchy import POLICY, Holder, Validity
from stirshaken.tnauthlist import Entry, One, Range, Spc, TNAuthList

NOW = 1795564800.0
YEAR = Validity(NOW, 365)
KEYS = [hierarchy.new_key() for _ in range(4)]
ROOT = hierarchy.root(hierarchy.name("CN", "Carrier", "Carrier root"), KEYS[0], 1, Validity(NOW, 3650))
CA = hierarchy.intermediate(ROOT, hierarchy.name("CN", "Carrier", "Carrier CA"), KEYS[1], 2, Validity(NOW, 1825))
TRUST = anchors_of([ROOT.certificate])
SUBJECT = hierarchy.name("CN", "Carrier", "SHAKEN 1234")
CODE = TNAuthList((Spc("1234"),))


def issued(parent: Holder = CA, *entries: Entry, **said: object) -> x509.Certificate:
    authority = TNAuthList(entries or CODE.entries)
    return hierarchy.leaf(parent, SUBJECT, KEYS[3].public_key(), 7, YEAR, authority, **said)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("entries", "number"),
    [((Spc("1234"),), "862488880001"), ((One("862488880001"),), "862488880001"), ((Range("862488880000", 100),), "862488880099")],
)  # fmt: skip
def test_leaves_are_good(entries: tuple[Entry, ...], number: str) -> None:
    verdict = validate((issued(CA, *entries), CA.certificate), TRUST, NOW)
    assert (verdict.result, verdict.findings) == (Result.PASSED, ())
    assert verdict.authority == TNAuthList(entries)
    assert covers(verdict, number)
    assert verdict.not_after == NOW + 365 * 86400


def test_root_alone_issues_too() -> None:
    assert validate((issued(ROOT),), TRUST, NOW).result is Result.PASSED


def test_delegation() -> None:
    authority = TNAuthList((Range("862488880000", 100),))
    name = hierarchy.name("CN", "Carrier", "Delegation CA")
    parent = hierarchy.intermediate(CA, name, KEYS[2], 3, YEAR, authority)
    way = (parent.certificate, CA.certificate)
    assert validate((issued(parent, One("862488880001")), *way), TRUST, NOW).result is Result.PASSED
    beyond = validate((issued(parent, One("862488880100")), *way), TRUST, NOW)
    assert [finding.rule for finding in beyond.findings] == [Rule.NOT_AUTHORISED]


def test_profile_of_a_leaf() -> None:
    certificate = issued(crl_url="https://crl.example/all", crl_issuer=ROOT.certificate.subject)
    critical = {extension.oid.dotted_string: extension.critical for extension in certificate.extensions}
    assert critical == {
        "2.5.29.14": False, "2.5.29.35": False, "2.5.29.19": True, "2.5.29.15": True, "2.5.29.32": False,
        "1.3.6.1.5.5.7.1.26": False, "2.5.29.31": False,
    }  # fmt: skip
    (policy,) = certificate.extensions.get_extension_for_class(x509.CertificatePolicies).value
    assert policy.policy_identifier == POLICY
    assert crl.distribution_points(certificate) == ("https://crl.example/all",)
    assert certificate.version is x509.Version.v3
    issuer_key = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    own_key = CA.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert issuer_key.key_identifier == own_key.digest


def test_profile_of_cas() -> None:
    for certificate in (ROOT.certificate, CA.certificate):
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
        assert (usage.critical, usage.value.key_cert_sign, usage.value.digital_signature) == (True, True, False)
        oids = {extension.oid.dotted_string for extension in certificate.extensions}
        assert "1.3.6.1.5.5.7.1.26" not in oids


@pytest.mark.parametrize("allowed", [Constraints(("attest",)), Constraints(must_exclude=("rcd",))])
def test_constraints(allowed: Constraints) -> None:
    verdict = validate((issued(allowed=allowed), CA.certificate), TRUST, NOW)
    assert (verdict.constraints, verdict.result) == (allowed, Result.PASSED)


def test_revocation_list() -> None:
    made = hierarchy.revocation_list(CA, [(7, NOW - 1)], 3, Validity(NOW, 7)).public_bytes(Encoding.DER)
    verdict = validate((issued(), CA.certificate), TRUST, NOW, crl.load(made))
    assert [finding.rule for finding in verdict.findings] == [Rule.REVOKED]
    empty = hierarchy.revocation_list(CA, [], 4, Validity(NOW, 7)).public_bytes(Encoding.DER)
    assert validate((issued(), CA.certificate), TRUST, NOW, crl.load(empty)).result is Result.PASSED


@pytest.mark.parametrize(
    ("country", "organisation", "common"),
    [("CHN", "Carrier", "x"), ("", "Carrier", "x"), ("cn", "Carrier", "x"), ("ＣＮ", "Carrier", "x"), ("CN", "", "x"), ("CN", "Carrier", ""), ("CN", "x" * 65, "x")],
)  # fmt: skip
def test_no_name(country: str, organisation: str, common: str) -> None:
    with pytest.raises(ValueError):
        hierarchy.name(country, organisation, common)
