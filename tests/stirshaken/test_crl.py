"""Revocation lists: of the issuer itself and of a signer for all, current, outdated, forged, and of another scope."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from hypothesis import given
from hypothesis import strategies as st

from stirshaken import crl
from stirshaken.crl import RevocationList, load
from stirshaken.errors import MalformedError
from tests.stirshaken import chains
from tests.stirshaken.chains import DAY, INDIRECT, NOW, ca, leaf, revocations, scope

ROOT = ca("Root")
CA = ca("CA", ROOT)
OTHER = ca("Other CA", ROOT)
STI_PA = ca("STI-PA CRL")
LEAF = leaf(CA, serial=7, extra=(chains.distribution("https://crl.example/all", STI_PA),))
PLAIN = leaf(CA, serial=7)

GOOD, REVOKED = (True, ""), (False, "certificate 7 is revoked")


def from_all(*of: tuple[int, chains.Holder | None], **said: object) -> tuple[RevocationList, ...]:
    signers = (STI_PA.certificate,)
    return load(revocations(STI_PA, of=of, **{"place": INDIRECT, **said}), signers)  # type: ignore[arg-type]


def outdated(serial: int) -> bytes:
    return revocations(CA, serial, end=NOW - 1)


CASES = {
    "none": (PLAIN, (), None),
    "not-listed": (PLAIN, load(revocations(CA, 8)), GOOD),
    "nobody-listed": (PLAIN, load(revocations(CA)), GOOD),
    "listed": (PLAIN, load(revocations(CA, 8, 7)), REVOKED),
    "listed-in-the-second": (PLAIN, (*load(revocations(CA, 8)), *load(revocations(CA, 7))), REVOKED),
    "last-second": (PLAIN, load(revocations(CA, end=NOW)), GOOD),
    "first-second": (PLAIN, load(revocations(CA, start=NOW)), GOOD),
    "outdated": (PLAIN, load(revocations(CA, 8, end=NOW - 1)), (None, "revocation list is outdated")),
    "outdated-but-listed": (PLAIN, load(outdated(7)), REVOKED),
    "outdated-beside-a-current-one": (PLAIN, (*load(outdated(8)), *load(revocations(CA))), GOOD),
    "of-later": (PLAIN, load(revocations(CA, 8, start=NOW + 1)), (None, "revocation list is of a later time")),
    "of-later-revoked-before-now": (PLAIN, load(revocations(CA, 7, start=NOW + 1, when=NOW - 1)), REVOKED),
    "of-later-revoked-after-now": (PLAIN, load(revocations(CA, 7, start=NOW + DAY, end=NOW + 2 * DAY, when=NOW + 1)), (None, "revocation list is of a later time")),
    "current-revoked-from-a-later-moment-on": (PLAIN, load(revocations(CA, 7, when=NOW + 1)), REVOKED),
    "weak-hash": (PLAIN, load(revocations(CA, 7, digest=hashes.SHA224)), (None, "revocation list is not signed with ECDSA and a sound hash")),
    "entry-that-is-not-understood": (PLAIN, load(revocations(CA, 8, entry_extra=(chains.unknown(critical=True),))), (None, "revocation list has an entry with a critical extension that is not understood")),
    "entry-with-a-note": (PLAIN, load(revocations(CA, 8, entry_extra=(chains.unknown(critical=False),))), GOOD),
    "without-next-update": (PLAIN, load(chains.crl_without_end(CA)), (None, "revocation list has no nextUpdate")),
    "forged": (PLAIN, load(revocations(CA, 7, signed_with="forger")), (None, "signature of the revocation list is wrong")),
    "forged-without-entry": (PLAIN, load(revocations(CA, signed_with="forger")), (None, "signature of the revocation list is wrong")),
    "forged-beside-a-good-one": (PLAIN, (*load(revocations(CA, 7, signed_with="forger")), *load(revocations(CA))), GOOD),
    "of-another-issuer": (PLAIN, load(revocations(OTHER, 7)), None),
    "of-another-issuer-that-calls-itself-the-same": (PLAIN, load(revocations(ca("CA", key="impostor"), 7)), (None, "signature of the revocation list is wrong")),
    "unknown-critical-extension": (PLAIN, load(revocations(CA, extra=(chains.unknown(critical=True),))), (None, "revocation list has the critical extension 1.3.6.1.4.1.99999.1")),
    "delta": (PLAIN, load(revocations(CA, extra=((x509.DeltaCRLIndicator(1), True),))), (None, "revocation list has the critical extension 2.5.29.27")),
    "of-ca-certificates": (PLAIN, load(revocations(CA, place=scope(only_contains_ca_certs=True))), (None, "revocation list is of another kind of certificates")),
    "of-user-certificates": (PLAIN, load(revocations(CA, place=scope(only_contains_user_certs=True))), GOOD),
    "of-some-reasons": (PLAIN, load(revocations(CA, place=scope(full_name=[x509.UniformResourceIdentifier("https://x")], only_some_reasons=frozenset([x509.ReasonFlags.key_compromise])))), (None, "revocation list is of some reasons or attribute certificates only")),
    "for-all-not-listed": (LEAF, from_all((7, OTHER)), GOOD),
    "for-all-listed": (LEAF, from_all((7, CA)), REVOKED),
    "for-all-issuer-named-once-for-a-row": (LEAF, from_all((8, CA), (7, None), (9, OTHER)), REVOKED),
    "for-all-row-of-another-issuer": (LEAF, from_all((8, CA), (9, OTHER), (7, None)), GOOD),
    "for-all-without-named-issuer": (LEAF, from_all((7, None)), GOOD),
    "for-all-certificate-names-no-place": (PLAIN, from_all((7, CA)), REVOKED),
    "for-all-outdated": (LEAF, from_all(end=NOW - 1), (None, "revocation list is outdated")),
    "for-all-forged": (LEAF, from_all((7, CA), signed_with="forger"), (None, "signature of the revocation list is wrong")),
    "for-all-by-a-stranger": (LEAF, load(revocations(STI_PA, of=[(7, CA)], place=INDIRECT)), (None, "revocation list is signed by nobody who is trusted for it")),
    "for-all-but-not-marked-so": (LEAF, load(revocations(STI_PA, 7), (STI_PA.certificate,)), None),
    "certificate-names-another-place": (leaf(CA, serial=7, extra=(chains.distribution("https://x", OTHER),)), from_all(), None),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_revocation(name: str) -> None:
    holder, lists, expected = CASES[name]
    check = crl.revocation(holder.certificate, CA.certificate, lists, NOW)
    assert (None if check is None else (check.ok, check.detail)) == expected


def test_signer_that_may_not_sign_lists() -> None:
    mute = ca("CA", ROOT, usage=chains.usage(key_cert_sign=True))
    check = crl.revocation(PLAIN.certificate, mute.certificate, load(revocations(CA, 7)), NOW)
    assert check is not None
    assert (check.ok, check.detail) == (None, "signature of the revocation list is wrong")


def test_list_of_user_certificates_says_nothing_of_a_ca() -> None:
    lists = load(revocations(ROOT, place=scope(only_contains_user_certs=True)))
    check = crl.revocation(CA.certificate, ROOT.certificate, lists, NOW)
    assert check is not None
    assert check.ok is None


def pem(*lists: bytes) -> bytes:
    return b"".join(map(chains.crl_pem, lists))


def test_files() -> None:
    two = pem(revocations(CA, 7), revocations(OTHER, 8))
    assert [each.issuer for each in load(two)] == [CA.certificate.subject, OTHER.certificate.subject]
    together = chains.pem(STI_PA) + two
    assert len(load(together)) == 2
    assert load(together)[0].signers == ()
    assert crl.signers_in(together) == (STI_PA.certificate,)
    assert crl.signers_in(revocations(CA)) == ()
    (one,) = load(revocations(CA, 7, start=NOW - 5, end=NOW + 5, when=NOW - 6))
    assert (one.this_update, one.next_update, one.indirect) == (NOW - 5, NOW + 5, False)
    assert one.entries == {(CA.certificate.subject, 7): NOW - 6}


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"x", id="no-der"),
        pytest.param(revocations(CA)[:-1], id="cut-off"),
        pytest.param(revocations(CA) + b"\0", id="octet-behind-it"),
        pytest.param(chains.pem(CA), id="certificate-instead"),
        pytest.param(b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----", id="no-list-in-pem"),
        pytest.param(bytes(crl.MAX_OCTETS + 1), id="too-large"),
        pytest.param(revocations(CA).replace(b"\x02\x01\x01", b"\x02\x01\x05", 1), id="of-a-version-to-come"),
        pytest.param(revocations(CA, of=[(7, OTHER)]), id="names-another-issuer-but-is-not-for-all"),
    ],
)
def test_malformed(octets: bytes) -> None:
    with pytest.raises(MalformedError):
        load(octets)


SAMPLE = revocations(STI_PA, 3, place=INDIRECT, of=[(7, CA)])


@given(st.binary(min_size=1, max_size=3), st.integers(0, len(SAMPLE) - 3))
def test_altered_lists_are_read_or_malformed(octets: bytes, at: int) -> None:
    try:
        lists = load(SAMPLE[:at] + octets + SAMPLE[at + len(octets) :], (STI_PA.certificate,))
    except MalformedError as error:
        assert error.reason.isascii()
        return
    crl.revocation(LEAF.certificate, CA.certificate, lists, NOW)


@pytest.mark.parametrize(
    ("extra", "urls"),
    [
        pytest.param((), (), id="none"),
        pytest.param((chains.distribution("https://crl.example/all", STI_PA),), ("https://crl.example/all",), id="https"),
        pytest.param((chains.distribution("http://crl.example/"),), ("http://crl.example/",), id="http"),
        pytest.param((chains.distribution("ldap://crl.example/"),), (), id="ldap"),
        pytest.param((chains.raw("2.5.29.31", b"\xff"),), (), id="broken"),
    ],
)  # fmt: skip
def test_distribution_points(extra: tuple[chains.Extension, ...], urls: tuple[str, ...]) -> None:
    assert crl.distribution_points(leaf(CA, extra=extra).certificate) == urls
