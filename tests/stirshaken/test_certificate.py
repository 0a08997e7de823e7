"""Chains judged: good ones, and a table of chains with one defect each, every one named by its rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from stirshaken import constraints
from stirshaken.certificate import Anchors, Validated, covers, validate
from stirshaken.constraints import Constraints
from stirshaken.crl import RevocationList, load
from stirshaken.findings import Finding, Result, Rule
from stirshaken.tnauthlist import One, Range, Spc, TNAuthList
from tests.stirshaken import chains
from tests.stirshaken.chains import CODE, DAY, NOW, anchors, ca, chain, leaf

ROOT = ca("Root")
CA = ca("CA", ROOT)
TRUST = anchors(ROOT)
BLOCK = Range("15551234500", 100)
URL = "https://numbers.example/list"
BY_REFERENCE = (
    x509.AuthorityInformationAccess(
        [x509.AccessDescription(x509.ObjectIdentifier("1.3.6.1.5.5.7.48.14"), x509.UniformResourceIdentifier(URL))]
    ),
    False,
)


@dataclass(frozen=True)
class Case:
    """A chain and what it meets."""

    chain: tuple[x509.Certificate, ...]
    trust: Anchors = TRUST
    now: float = NOW
    crls: tuple[RevocationList, ...] = ()

    def judged(self) -> Validated:
        return validate(self.chain, self.trust, self.now, self.crls)


def delegated(*below: One | Range | Spc, above: tuple[One | Range | Spc, ...] = (BLOCK,)) -> Case:
    middle = ca("Delegator", CA, entries=above)
    return Case(chain(leaf(middle, "Customer", entries=below), middle, CA))


def two_delegations() -> Case:
    upper = ca("Upper", CA, entries=(BLOCK,))
    lower = ca("Lower", upper)  # leaves the numbers out, and would free what is below it
    return Case(chain(leaf(lower, entries=(One("4420"),)), lower, upper, CA))


def deep() -> Case:
    above = [ROOT]
    for number in range(9):
        above.insert(0, ca(f"CA {number}", above[0]))
    return Case(chain(leaf(above[0]), *above[:-1]))


def key_id(name: str) -> chains.Extension:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(chains.key(name).public_key()), False


def own_id(name: str) -> chains.Extension:
    return x509.SubjectKeyIdentifier.from_public_key(chains.key(name).public_key()), False


def listed(*serials: int, **said: float | str) -> tuple[RevocationList, ...]:
    return load(chains.revocations(CA, *serials, **said))  # type: ignore[arg-type]


GOOD: dict[str, Callable[[], Case]] = {
    "leaf-and-intermediate": lambda: Case(chain(leaf(CA), CA)),
    "root-sent-along": lambda: Case(chain(leaf(CA), CA, ROOT)),
    "root-issues-the-leaf": lambda: Case(chain(leaf(ROOT))),
    "intermediate-as-anchor": lambda: Case(chain(leaf(CA)), anchors(CA)),
    "another-leaf-sent-along": lambda: Case(chain(leaf(CA), leaf(CA, "Other"), CA)),
    "out-of-order": lambda: Case(chain(leaf(ca("Deep", CA)), CA, ca("Deep", CA))),
    "p384-ca": lambda: Case(chain(leaf(big := ca("P-384", ROOT, curve=ec.SECP384R1), hash=hashes.SHA384), big)),
    "anchor-without-key-usage": lambda: Case(chain(leaf(bare := ca("Bare", usage=None))), anchors(bare)),
    "first-second": lambda: Case(chain(leaf(CA, start=NOW), CA)),
    "last-second": lambda: Case(chain(leaf(CA, end=NOW), CA), now=NOW + 0.9),
    "unknown-extension": lambda: Case(chain(leaf(CA, extra=(chains.unknown(critical=False),)), CA)),
    "key-identifiers": lambda: Case(chain(leaf(own := ca("Own", ROOT, extra=(own_id("Own"),)), extra=(key_id("Own"),)), own)),
    "expired-and-renewed-intermediate": lambda: Case(chain(leaf(CA), ca("CA", ROOT, end=NOW - DAY), CA)),
    "numbers": lambda: Case(chain(leaf(CA, entries=(One("15551234567"), BLOCK)), CA)),
    "delegate": lambda: delegated(One("15551234567")),
    "delegate-of-a-code": lambda: delegated(One("15551234567"), above=CODE),
    "path-length-that-is-kept": lambda: Case(chain(leaf(flat := ca("Flat", ROOT, path_length=0)), flat)),
    "ten-certificates": deep,
    "not-revoked": lambda: Case(chain(leaf(CA, serial=7), CA), crls=listed(8)),
}  # fmt: skip

U, N, R = Rule.UNTRUSTED, Rule.NOT_AUTHORISED, Rule.REVOKED
BAD: dict[str, tuple[Callable[[], Case], set[tuple[Rule, str]]]] = {
    "ca-without-key-usage": (lambda: Case(chain(leaf(bad := ca("Bad", ROOT, usage=None)), bad)), {(U, "issuer 1 has no keyUsage")}),
    "ca-without-key-cert-sign": (lambda: Case(chain(leaf(bad := ca("Bad", ROOT, usage=chains.usage(crl_sign=True))), bad)), {(U, "issuer 1 has no keyUsage keyCertSign")}),
    "ca-as-leaf": (lambda: Case(chain(leaf(CA, ca=True), CA)), {(U, "leaf is a CA certificate")}),
    "intermediate-alone": (lambda: Case(chain(CA)), {(U, "leaf is a CA certificate"), (U, "leaf has no keyUsage digitalSignature"), (N, "leaf has no TNAuthList")}),
    "leaf-as-ca": (lambda: Case(chain(leaf(mid := leaf(CA), "Below"), mid, CA)), {(U, "validation failed"), (U, "issuer 1 is no CA certificate"), (U, "issuer 1 has no keyUsage keyCertSign")}),
    "path-length-exceeded": (lambda: Case(chain(leaf(low := ca("Low", flat := ca("Flat", ROOT, path_length=0))), low, flat)), {(U, "validation failed")}),
    "leaf-without-digital-signature": (lambda: Case(chain(leaf(CA, usage=chains.usage(key_agreement=True)), CA)), {(U, "leaf has no keyUsage digitalSignature")}),
    "leaf-without-key-usage": (lambda: Case(chain(leaf(CA, usage=None), CA)), {(U, "leaf has no keyUsage digitalSignature")}),
    "leaf-that-may-sign-certificates": (lambda: Case(chain(leaf(CA, usage=chains.usage(digital_signature=True, key_cert_sign=True)), CA)), {(U, "leaf has keyUsage keyCertSign")}),
    "p384-leaf": (lambda: Case(chain(leaf(CA, "P-384 leaf", curve=ec.SECP384R1), CA)), {(U, "leaf has no P-256 key")}),
    "secp256k1-leaf": (lambda: Case(chain(leaf(CA, "k1", curve=ec.SECP256K1), CA)), {(U, "leaf has no P-256 key")}),
    "expired-leaf": (lambda: Case(chain(leaf(CA, end=NOW - 1), CA)), {(U, "leaf was valid until 2026-11-25T11:59:59Z"), (U, "validation failed")}),
    "leaf-not-yet-valid": (lambda: Case(chain(leaf(CA, start=NOW + 1), CA)), {(U, "leaf is not valid before 2026-11-25T12:00:01Z"), (U, "validation failed")}),
    "expired-intermediate": (lambda: Case(chain(leaf(old := ca("Old", ROOT, end=NOW - DAY)), old)), {(U, "issuer 1 was valid until 2026-11-24T12:00:00Z"), (U, "validation failed")}),
    "expired-anchor": (lambda: Case(chain(leaf(old := ca("Old root", end=NOW - DAY))), anchors(old)), {(U, "trust anchor was valid until 2026-11-24T12:00:00Z"), (U, "validation failed")}),
    "wrong-anchor": (lambda: Case(chain(leaf(CA), CA), anchors(ca("Other root"))), {(U, "no path to a trust anchor")}),
    "anchor-of-the-same-name": (lambda: Case(chain(leaf(CA), CA), anchors(ca("Root", key="impostor"))), {(U, "no path to a trust anchor")}),
    "self-signed-root-in-the-chain-only": (lambda: Case(chain(leaf(own := ca("Own root")), own)), {(U, "no path to a trust anchor")}),
    "self-signed-leaf": (lambda: Case((chains.issue(chains.Made("Self", usage=chains.SIGNS_CALLS, entries=CODE)).certificate,)), {(U, "no path to a trust anchor")}),
    "intermediate-missing": (lambda: Case(chain(leaf(CA))), {(U, "no path to a trust anchor")}),
    "intermediate-first": (lambda: Case(chain(CA, leaf(CA))), {(U, "leaf is a CA certificate"), (U, "leaf has no keyUsage digitalSignature"), (N, "leaf has no TNAuthList")}),
    "forged-signature": (lambda: Case((chains.issue(chains.Made("Forged", usage=chains.SIGNS_CALLS, entries=CODE), CA, signed_with="forger").certificate, CA.certificate)), {(U, "no path to a trust anchor")}),
    "unknown-critical-extension-of-the-leaf": (lambda: Case(chain(leaf(CA, extra=(chains.unknown(critical=True),)), CA)), {(U, "leaf: critical extension 1.3.6.1.4.1.99999.1 is not understood"), (U, "validation failed")}),
    "unknown-critical-extension-of-a-ca": (lambda: Case(chain(leaf(odd := ca("Odd", ROOT, extra=(chains.unknown(critical=True),))), odd)), {(U, "issuer 1: critical extension 1.3.6.1.4.1.99999.1 is not understood"), (U, "validation failed")}),
    "key-identifiers-differ": (lambda: Case(chain(leaf(own := ca("Own", ROOT, extra=(own_id("Own"),)), extra=(key_id("Other"),)), own)), {(U, "authorityKeyIdentifier of leaf is not its issuer's")}),
    "no-tnauthlist": (lambda: Case(chain(leaf(CA, entries=()), CA)), {(N, "leaf has no TNAuthList")}),
    "malformed-tnauthlist": (lambda: Case(chain(leaf(CA, entries=(), extra=(chains.raw("1.3.6.1.5.5.7.1.26", b"\x30\x00"),)), CA)), {(N, "TNAuthList: TNAuthorizationList is empty or too long")}),
    "both-constraints": (lambda: Case(chain(leaf(CA, extra=(chains.raw(constraints.OID, b"0"), chains.raw(constraints.ENHANCED_OID, b"0"))), CA)), {(U, "leaf: both kinds of claim constraints are there")}),
    "malformed-constraints": (lambda: Case(chain(leaf(CA, extra=(chains.raw(constraints.OID, b"\x30\x00"),)), CA)), {(U, "leaf: claim constraints: claim constraints constrain nothing")}),
    "delegate-exceeds-its-parent": (lambda: delegated(One("15551234600")), {(N, "TNAuthList of leaf is not within that of its issuer")}),
    "delegate-takes-a-code": (lambda: delegated(One("15551234567"), Spc("709J")), {(N, "TNAuthList of leaf is not within that of its issuer")}),
    "delegation-freed-by-a-ca-without-list": (two_delegations, {(N, "TNAuthList of issuer 1 is not within that of its issuer"), (N, "TNAuthList of leaf is not within that of its issuer")}),
    "malformed-tnauthlist-of-a-ca": (lambda: Case(chain(leaf(odd := ca("Odd", CA, extra=(chains.raw("1.3.6.1.5.5.7.1.26", b"\x30\x00"),))), odd, CA)), {(N, "TNAuthList of issuer 1: TNAuthorizationList is empty or too long")}),
    "revoked": (lambda: Case(chain(leaf(CA, serial=7), CA), crls=listed(7)), {(R, "certificate 7 is revoked")}),
    "intermediate-revoked": (lambda: Case(chain(leaf(CA, serial=7), CA), crls=(*listed(8), *load(chains.revocations(ROOT, CA.certificate.serial_number)))), {(R, f"certificate {CA.certificate.serial_number:x} is revoked")}),
    "everything-at-once": (lambda: Case(chain(leaf(CA, "P-384 leaf", curve=ec.SECP384R1, usage=None, entries=(), end=NOW - 1, serial=7), CA), anchors(ca("Other root")), crls=listed(7)), {
        (U, "no path to a trust anchor"), (U, "leaf was valid until 2026-11-25T11:59:59Z"), (U, "leaf has no keyUsage digitalSignature"), (U, "leaf has no P-256 key"), (N, "leaf has no TNAuthList"), (R, "certificate 7 is revoked"),
    }),
}  # fmt: skip

OPEN: dict[str, tuple[Callable[[], Case], str, str]] = {
    "list-by-reference": (lambda: Case(chain(leaf(CA, entries=(), extra=(BY_REFERENCE,)), CA)), "authority", "TNAuthList is at a URL and was not fetched"),
    "crl-outdated": (lambda: Case(chain(leaf(CA), CA), crls=listed(end=NOW - 1)), "revocation", "revocation list is outdated"),
    "crl-of-later": (lambda: Case(chain(leaf(CA), CA), crls=listed(start=NOW + 1)), "revocation", "revocation list is of a later time"),
    "crl-forged": (lambda: Case(chain(leaf(CA, serial=7), CA), crls=listed(7, signed_with="forger")), "revocation", "signature of the revocation list is wrong"),
    "crl-of-another-issuer": (lambda: Case(chain(leaf(CA, serial=7), CA), crls=load(chains.revocations(ca("Other CA", ROOT), 7))), "revocation", "no revocation list of the leaf's issuer"),
    "crl-of-the-root-outdated": (lambda: Case(chain(leaf(CA), CA), crls=(*listed(), *load(chains.revocations(ROOT, end=NOW - 1)))), "revocation", "revocation list is outdated"),
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_good(name: str) -> None:
    verdict = GOOD[name]().judged()
    assert (verdict.findings, verdict.result) == ((), Result.PASSED)
    assert all(check.ok for check in verdict.checks)
    assert verdict.public_key is not None


def ours(detail: str) -> str:
    """What is said, without the library's own words behind it."""
    return detail.partition(":")[0] if detail.startswith("validation failed") else detail


@pytest.mark.parametrize("name", BAD)
def test_bad(name: str) -> None:
    case, expected = BAD[name]
    verdict = case().judged()
    assert {(finding.rule, ours(finding.detail)) for finding in verdict.findings} == expected
    assert (len(verdict.findings), verdict.result) == (len(expected), Result.FAILED)
    failed = [ours(part) for check in verdict.checks if check.ok is False for part in check.detail.split("; ")]
    assert sorted(failed) == sorted(detail for _, detail in expected)


@pytest.mark.parametrize("name", OPEN)
def test_open(name: str) -> None:
    case, check, detail = OPEN[name]
    verdict = case().judged()
    assert (verdict.findings, verdict.result) == ((), Result.UNKNOWN)
    assert [(each.name, each.detail) for each in verdict.checks if each.ok is None] == [(check, detail)]


def test_duplicate_extension() -> None:
    once = chains.raw("1.3.6.1.4.1.99999.1", b"\x05\x00"), chains.raw("1.3.6.1.4.1.99999.2", b"\x05\x00")
    made = leaf(CA, extra=once).certificate
    twice = chains.resigned(made, CA, bytes.fromhex("2b06010401868d1f02"), bytes.fromhex("2b06010401868d1f01"))
    findings = Case((twice, CA.certificate)).judged().findings
    assert Finding(U, "leaf: extension 1.3.6.1.4.1.99999.1 is there twice") in findings
    assert "validation failed" in {ours(each.detail) for each in findings}


def test_sha224_is_no_sound_hash() -> None:
    weak = chains.issue(chains.Made("Weak", usage=chains.SIGNS_CALLS, entries=CODE, hash=hashes.SHA224), CA)
    findings = Case(chain(weak, CA)).judged().findings
    assert Finding(U, "leaf is not signed with ECDSA and a sound hash") in findings


def test_what_a_good_chain_says() -> None:
    allowed = Constraints(("attest",))
    extra = (chains.raw(constraints.OID, constraints.encode(allowed)), BY_REFERENCE)
    made = leaf(CA, entries=(Spc("709J"), One("911")), extra=extra, end=NOW + 3 * DAY)
    verdict = Case(chain(made, CA)).judged()
    assert verdict.authority == TNAuthList((Spc("709J"), One("911")))
    assert (verdict.spc, verdict.constraints, verdict.by_reference_url) == ("709J", allowed, URL)
    assert verdict.not_after == NOW + 3 * DAY
    assert verdict.path == chain(made, CA, ROOT)
    assert verdict.public_key is not None
    assert verdict.public_key.public_numbers() == made.key.public_key().public_numbers()


def test_the_earliest_end_counts() -> None:
    short = ca("Short", ROOT, end=NOW + DAY)
    assert Case(chain(leaf(short), short)).judged().not_after == NOW + DAY


def test_list_by_reference_that_was_fetched() -> None:
    made = leaf(CA, entries=(), extra=(BY_REFERENCE,))
    fetched = TNAuthList((One("15551234567"),))
    verdict = validate(chain(made, CA), TRUST, NOW, referenced=fetched)
    assert (verdict.result, verdict.authority, covers(verdict, "15551234567")) == (Result.PASSED, fetched, True)
    middle = ca("Delegator", CA, entries=(BLOCK,))
    made = leaf(middle, entries=(), extra=(BY_REFERENCE,))
    assert validate(chain(made, middle, CA), TRUST, NOW).result is Result.UNKNOWN
    assert validate(chain(made, middle, CA), TRUST, NOW, referenced=fetched).result is Result.PASSED
    beyond = validate(chain(made, middle, CA), TRUST, NOW, referenced=TNAuthList((One("1"),)))
    assert [finding.rule for finding in beyond.findings] == [N]


def test_a_fetched_list_does_not_replace_the_one_in_the_certificate() -> None:
    for extra in ((), (BY_REFERENCE,)):
        verdict = validate(chain(leaf(CA, extra=extra), CA), TRUST, NOW, referenced=TNAuthList((One("1"),)))
        assert verdict.spc == "709J"


@pytest.mark.parametrize(
    ("entries", "number", "by_code", "listed_only"),
    [
        pytest.param(CODE, "15551234567", True, False, id="code-alone"),
        pytest.param((One("15551234567"),), "15551234567", True, True, id="listed"),
        pytest.param((One("15551234567"),), "15551234568", False, False, id="not-listed"),
        pytest.param((*CODE, One("15551234567")), "15551234568", False, False, id="code-beside-other-numbers"),
        pytest.param((*CODE, BLOCK), "15551234599", True, True, id="in-a-range"),
        pytest.param((), "15551234567", False, False, id="no-list"),
    ],
)
def test_covers(entries: tuple[Spc | One | Range, ...], number: str, by_code: bool, listed_only: bool) -> None:
    verdict = Case(chain(leaf(CA, entries=entries), CA)).judged()
    assert covers(verdict, number) is by_code
    assert covers(verdict, number, spc_suffices=False) is listed_only


def test_without_lists_revocation_is_no_check() -> None:
    names = [check.name for check in Case(chain(leaf(CA), CA)).judged().checks]
    assert names == ["dates", "extensions", "leaf", "issuers", "algorithms", "path", "delegation", "authority"]
