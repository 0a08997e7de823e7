"""A private hierarchy by the SHAKEN certificate profile (ATIS-1000080 §6.4.1, RFC 8226): CAs, leaves, lists."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from stirshaken import constraints, tnauthlist
from stirshaken.constraints import Constraints
from stirshaken.tnauthlist import TNAuthList

# The policy of the SHAKEN certificate policy document, version 1.4; the profile wants exactly one
POLICY: Final = x509.ObjectIdentifier("2.16.840.1.114569.1.1.4")
_COUNTRY: Final = re.compile(r"[A-Z]{2}", re.ASCII)  # PrintableString of ISO 3166 (X.520 §6.3.1)
_MAX_ORGANISATION: Final = 64  # ub-organization-name (RFC 5280 App. A.1)
_BACKDATED: Final = timedelta(minutes=5)  # a certificate is used at once, and verifiers' clocks are not all right
_NO_USAGE: Final = {
    "digital_signature": False, "content_commitment": False, "key_encipherment": False, "data_encipherment": False,
    "key_agreement": False, "key_cert_sign": False, "crl_sign": False, "encipher_only": False, "decipher_only": False,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Holder:
    """A certificate and the private key that belongs to it."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class Validity:
    """From `start` (epoch seconds) for so many days."""

    start: float
    days: float


def new_key() -> ec.EllipticCurvePrivateKey:
    """Make a P-256 key, the kind that ES256 signs with; what is random about a hierarchy is here."""
    return ec.generate_private_key(ec.SECP256R1())


def name(country: str, organisation: str, common: str) -> x509.Name:
    """Give a subject of the profile's three attributes. Raises ValueError where one is empty or of a wrong length."""
    if not _COUNTRY.fullmatch(country):
        raise ValueError("a country is two capital letters")
    if not organisation.strip() or len(organisation) > _MAX_ORGANISATION:
        raise ValueError("an organisation has a name of 1 to 64 characters")
    return x509.Name([
        x509.NameAttribute(NameOID.COUNTRY_NAME, country),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
        x509.NameAttribute(NameOID.COMMON_NAME, common),
    ])  # fmt: skip


def root(subject: x509.Name, key: ec.EllipticCurvePrivateKey, serial: int, validity: Validity) -> Holder:
    """Make a self-signed root: what verifiers take as trust anchor."""
    builder = _begun(subject, subject, key.public_key(), serial, validity)
    builder = _as_ca(builder).add_extension(_issuer_key(key.public_key()), critical=False)
    return Holder(builder.sign(key, hashes.SHA256()), key)


def intermediate(
    parent: Holder,
    subject: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    serial: int,
    validity: Validity,
    authority: TNAuthList | None = None,
) -> Holder:
    """Make a CA below another; with `authority` it may delegate no more than that (RFC 9060)."""
    builder = _as_ca(_issued(parent, subject, key.public_key(), serial, validity))
    builder = builder.add_extension(_policies(), critical=False)
    if authority is not None:
        builder = builder.add_extension(_authority(authority), critical=False)
    return Holder(builder.sign(parent.key, hashes.SHA256()), key)


def leaf(
    parent: Holder,
    subject: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    serial: int,
    validity: Validity,
    authority: TNAuthList,
    *,
    allowed: Constraints | None = None,
    crl_url: str = "",
    crl_issuer: x509.Name | None = None,
) -> x509.Certificate:
    """
    Make a certificate that signs PASSporTs.

    Args:
        parent: Its issuer.
        subject: Its name.
        public_key: P-256, of the signer.
        serial: Positive, unpredictable, at most 20 octets (RFC 5280 §4.1.2.2).
        validity: When it may be used.
        authority: A service provider code, or numbers and ranges (a delegate certificate, RFC 9060).
        allowed: What it may claim (RFC 8226 §8, RFC 9118).
        crl_url: Where the list of revoked certificates is.
        crl_issuer: Who signs that list, when it is not the parent.
    """
    builder = _issued(parent, subject, public_key, serial, validity)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(x509.KeyUsage(**{**_NO_USAGE, "digital_signature": True}), critical=True)
    builder = builder.add_extension(_policies(), critical=False)
    builder = builder.add_extension(_authority(authority), critical=False)
    if allowed is not None:
        oid = constraints.ENHANCED_OID if allowed.must_exclude else constraints.OID
        builder = builder.add_extension(_raw(oid, constraints.encode(allowed)), critical=False)
    if crl_url:
        builder = builder.add_extension(_crl_place(crl_url, crl_issuer), critical=False)
    return builder.sign(parent.key, hashes.SHA256())


def revocation_list(
    issuer: Holder, revoked: Iterable[tuple[int, float]], number: int, validity: Validity
) -> x509.CertificateRevocationList:
    """Make the list of an issuer's own certificates: (serial number, moment) of each that is revoked."""
    start = datetime.fromtimestamp(int(validity.start), UTC)
    builder = x509.CertificateRevocationListBuilder(
        issuer.certificate.subject, start, start + timedelta(days=validity.days)
    )
    for serial, moment in revoked:
        when = datetime.fromtimestamp(int(moment), UTC)
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(when).build()
        builder = builder.add_revoked_certificate(entry)
    builder = builder.add_extension(x509.CRLNumber(number), critical=False)
    builder = builder.add_extension(_issuer_key(issuer.key.public_key()), critical=False)
    return builder.sign(issuer.key, hashes.SHA256())


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, serial: int, validity: Validity
) -> x509.CertificateBuilder:
    start = datetime.fromtimestamp(int(validity.start), UTC)
    builder = x509.CertificateBuilder(
        issuer, subject, key, serial, start - _BACKDATED, start + timedelta(days=validity.days)
    )
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)


def _issued(
    parent: Holder, subject: x509.Name, key: ec.EllipticCurvePublicKey, serial: int, validity: Validity
) -> x509.CertificateBuilder:
    builder = _begun(subject, parent.certificate.subject, key, serial, validity)
    return builder.add_extension(_issuer_key(parent.key.public_key()), critical=False)


def _as_ca(builder: x509.CertificateBuilder) -> x509.CertificateBuilder:
    usage = x509.KeyUsage(**{**_NO_USAGE, "key_cert_sign": True, "crl_sign": True})
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return builder.add_extension(usage, critical=True)


def _issuer_key(key: ec.EllipticCurvePublicKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key)


def _policies() -> x509.CertificatePolicies:
    return x509.CertificatePolicies([x509.PolicyInformation(POLICY, None)])


def _authority(authority: TNAuthList) -> x509.UnrecognizedExtension:
    return _raw(tnauthlist.OID, tnauthlist.encode(authority))


def _raw(oid: str, octets: bytes) -> x509.UnrecognizedExtension:
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), octets)


def _crl_place(url: str, issuer: x509.Name | None) -> x509.CRLDistributionPoints:
    names = [x509.DirectoryName(issuer)] if issuer is not None else None
    place = x509.DistributionPoint([x509.UniformResourceIdentifier(url)], None, None, names)
    return x509.CRLDistributionPoints([place])
