"""Revocation lists (RFC 5280 §5, §6.3): of an issuer itself, or of a signer for all issuers, such as the STI-PA."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from cryptography import x509

from stirshaken import pem
from stirshaken.errors import MalformedError
from stirshaken.findings import Check
from stirshaken.path import load_certificate
from stirshaken.profile import SIGNATURES

MAX_OCTETS: Final = 8 << 20  # some 200,000 revoked certificates; the whole SHAKEN system has issued fewer
MAX_LISTS: Final = 100  # one a CA, in one file
_PEM: Final = b"-----BEGIN "
NAME: Final = "revocation"  # of the check

_Value = TypeVar("_Value", bound=x509.ExtensionType)
# extensions that change what a list means and are handled here; another critical one makes it useless (§5.2)
_UNDERSTOOD: Final = (x509.IssuingDistributionPoint, x509.CRLNumber, x509.AuthorityKeyIdentifier)

# What the library raises for octets that are no list; UserWarning where warnings are errors
_UNREADABLE: Final = (
    ValueError, TypeError, UserWarning, x509.DuplicateExtension, x509.InvalidVersion, x509.UnsupportedGeneralNameType
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RevocationList:
    """
    One list, and who besides the issuer itself may have signed it.

    `entries` says when which certificate (its issuer, its serial number) was revoked, in epoch seconds. `fault`
    is not empty where not being listed proves nothing. Made by `load`.
    """

    crl: x509.CertificateRevocationList
    issuer: x509.Name
    signers: tuple[x509.Certificate, ...]
    this_update: float
    next_update: float | None
    place: x509.IssuingDistributionPoint | None
    fault: str
    entries: Mapping[tuple[x509.Name, int], float]

    @property
    def indirect(self) -> bool:
        """Whether it lists certificates of other issuers."""
        return self.place is not None and self.place.indirect_crl


def load(octets: bytes, signers: Sequence[x509.Certificate] = ()) -> tuple[RevocationList, ...]:
    """
    Read one list in DER, or one or more in PEM.

    Args:
        octets: The file; certificates within PEM are passed over, never trusted.
        signers: Certificates that the operator trusts to sign for other issuers, beside the issuers themselves.

    Raises:
        MalformedError: for what is no list, or none at all.
    """
    if _PEM not in octets:
        if len(octets) > MAX_OCTETS:
            raise MalformedError("revocation list is too large")
        return (_read(octets, tuple(signers), der=True),)
    found = [block for label, block in pem.blocks(octets, MAX_OCTETS) if label == pem.CRL]
    if not 1 <= len(found) <= MAX_LISTS:
        raise MalformedError(f"there must be 1 to {MAX_LISTS} revocation lists")
    return tuple(_read(block, tuple(signers), der=False) for block in found)


def signers_in(octets: bytes) -> tuple[x509.Certificate, ...]:
    """Read the certificates in a PEM file of an operator's own: who may sign lists. Raises MalformedError."""
    if _PEM not in octets:
        return ()
    return tuple(load_certificate(block) for label, block in pem.blocks(octets, MAX_OCTETS) if label == pem.CERTIFICATE)


def revocation(
    certificate: x509.Certificate, issuer: x509.Certificate, crls: Iterable[RevocationList], now: float
) -> Check | None:
    """
    Look a certificate up (RFC 5280 §6.3.3).

    Returns:
        None where no list is about the certificates of this issuer. Else a check: `ok` False where it is revoked,
        True where a list that is good now says it is not, None where lists are there but prove nothing. A list
        proves a revocation even when it is outdated, for a revocation is not taken back.
    """
    about = [each for each in crls if _is_about(each, certificate)]
    faults = []
    good = False
    for each in about:
        fault = _signature_fault(each, issuer)
        if not fault and _revoked(each, certificate, now):
            return Check(NAME, False, f"certificate {certificate.serial_number:x} is revoked")
        fault = fault or each.fault or _age_fault(each, now) or _scope_fault(each, certificate)
        faults += [fault] if fault else []
        good = good or not fault
    if not about:
        return None
    return Check(NAME, True) if good else Check(NAME, None, "; ".join(dict.fromkeys(faults)))


def distribution_points(certificate: x509.Certificate) -> tuple[str, ...]:
    """The http and https URLs at which the certificate says its list is (RFC 5280 §4.2.1.13)."""
    names = (name for point in _points(certificate) for name in point.full_name or ())
    urls = (name.value for name in names if isinstance(name, x509.UniformResourceIdentifier))
    return tuple(url for url in urls if url.startswith(("https://", "http://")))


def _read(octets: bytes, signers: tuple[x509.Certificate, ...], *, der: bool) -> RevocationList:
    try:
        crl = x509.load_der_x509_crl(octets) if der else x509.load_pem_x509_crl(octets)
        place = _find(crl.extensions, x509.IssuingDistributionPoint)
        until = crl.next_update_utc
        fault = _fault(crl) or ("revocation list has no nextUpdate" if until is None else "")
        entries = dict(_entries(crl, indirect=place is not None and place.indirect_crl))
        this_update, next_update = crl.last_update_utc.timestamp(), until.timestamp() if until else None
        return RevocationList(crl, crl.issuer, signers, this_update, next_update, place, fault, entries)
    except _UNREADABLE:
        raise MalformedError("revocation list cannot be read") from None


def _entries(crl: x509.CertificateRevocationList, *, indirect: bool) -> Iterator[tuple[tuple[x509.Name, int], float]]:
    """Each entry; in an indirect list the issuer stands in the first one of its row (RFC 5280 §5.3.3)."""
    issuer = crl.issuer
    for entry in crl:
        named = _find(entry.extensions, x509.CertificateIssuer)
        if named is not None and not indirect:
            raise MalformedError("revocation list of one issuer names another")
        issuer = issuer if named is None else _directory_name(named)
        yield (issuer, entry.serial_number), entry.revocation_date_utc.timestamp()


def _directory_name(names: Iterable[x509.GeneralName]) -> x509.Name:
    for name in names:
        if isinstance(name, x509.DirectoryName):
            return name.value
    raise MalformedError("entry of a revocation list has an issuer without a name")


def _fault(crl: x509.CertificateRevocationList) -> str:
    for extension in crl.extensions:
        if extension.critical and not isinstance(extension.value, _UNDERSTOOD):
            return f"revocation list has the critical extension {extension.oid.dotted_string}"
    if any(_unknown(entry) for entry in crl):
        return "revocation list has an entry with a critical extension that is not understood"
    place = _find(crl.extensions, x509.IssuingDistributionPoint)
    partial = place is not None and (place.only_contains_attribute_certs or place.only_some_reasons is not None)
    return "revocation list is of some reasons or attribute certificates only" if partial else ""


def _unknown(entry: x509.RevokedCertificate) -> bool:
    return any(each.critical and isinstance(each.value, x509.UnrecognizedExtension) for each in entry.extensions)


def _is_about(listed: RevocationList, certificate: x509.Certificate) -> bool:
    if listed.issuer == certificate.issuer:
        return True
    if not listed.indirect:
        return False
    if (certificate.issuer, certificate.serial_number) in listed.entries:
        return True
    named = [_directory_name(point.crl_issuer) for point in _points(certificate) if point.crl_issuer]
    return not named or listed.issuer in named


def _signature_fault(listed: RevocationList, issuer: x509.Certificate) -> str:
    """Whether the issuer, or a signer that the operator trusts, signed the list and may do so."""
    if listed.crl.signature_algorithm_oid not in SIGNATURES:
        return "revocation list is not signed with ECDSA and a sound hash"
    holders = [each for each in (issuer, *listed.signers) if each.subject == listed.issuer]
    if not holders:
        return "revocation list is signed by nobody who is trusted for it"
    if not any(_signed(listed.crl, each) for each in holders):
        return "signature of the revocation list is wrong"
    return ""


def _signed(crl: x509.CertificateRevocationList, signer: x509.Certificate) -> bool:
    try:
        usage = _find(signer.extensions, x509.KeyUsage)
        return (usage is None or usage.crl_sign) and crl.is_signature_valid(signer.public_key())  # type: ignore[arg-type]
    except (ValueError, TypeError, x509.DuplicateExtension):
        return False


def _revoked(listed: RevocationList, certificate: x509.Certificate, now: float) -> bool:
    since = listed.entries.get((certificate.issuer, certificate.serial_number))
    return since is not None and (since <= now or listed.this_update <= now)


def _age_fault(listed: RevocationList, now: float) -> str:
    if int(now) < listed.this_update:
        return "revocation list is of a later time"
    if listed.next_update is not None and now > listed.next_update:
        return "revocation list is outdated"
    return ""


def _scope_fault(listed: RevocationList, certificate: x509.Certificate) -> str:
    if listed.place is None:
        return ""
    basic = _find(certificate.extensions, x509.BasicConstraints)
    is_ca = basic is not None and basic.ca
    left_out = listed.place.only_contains_user_certs if is_ca else listed.place.only_contains_ca_certs
    return "revocation list is of another kind of certificates" if left_out else ""


def _points(certificate: x509.Certificate) -> Iterable[x509.DistributionPoint]:
    try:
        return _find(certificate.extensions, x509.CRLDistributionPoints) or ()
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return ()


def _find(extensions: x509.Extensions, kind: type[_Value]) -> _Value | None:
    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
