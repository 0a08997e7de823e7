"""Certificates of every kind, good and bad, for the tests: each made by what is said of it and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from stirshaken import der, tnauthlist
from stirshaken.certificate import Anchors, anchors_of
from stirshaken.hierarchy import Holder
from stirshaken.tnauthlist import Entry, Spc, TNAuthList

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC).timestamp()
DAY = 86400.0
CODE = (Spc("709J"),)
UNKNOWN_OID = x509.ObjectIdentifier("1.3.6.1.4.1.99999.1")
Extension = tuple[x509.ExtensionType, bool]


@cache
def key(name: str, curve: type[ec.EllipticCurve] = ec.SECP256R1) -> ec.EllipticCurvePrivateKey:
    """The key of that name, the same one in all of a test run."""
    return ec.generate_private_key(curve())


def named(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "US"), x509.NameAttribute(NameOID.COMMON_NAME, common)])


def usage(**set_bits: bool) -> x509.KeyUsage:
    bits = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
            "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")  # fmt: skip
    return x509.KeyUsage(**{bit: set_bits.get(bit, False) for bit in bits})


SIGNS_CALLS = usage(digital_signature=True)
SIGNS_CERTIFICATES = usage(key_cert_sign=True, crl_sign=True)


def unknown(*, critical: bool) -> Extension:
    return x509.UnrecognizedExtension(UNKNOWN_OID, b"\x05\x00"), critical


def numbers(*entries: Entry) -> Extension:
    return raw(tnauthlist.OID, tnauthlist.encode(TNAuthList(entries)))


def raw(oid: str, octets: bytes) -> Extension:
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), octets), False


@dataclass(frozen=True)
class Made:
    """What one certificate says; every default is that of a good one."""

    name: str
    ca: bool = False
    usage: x509.KeyUsage | None = None
    entries: tuple[Entry, ...] = ()
    extra: tuple[Extension, ...] = ()
    start: float = NOW - 10 * DAY
    end: float = NOW + 10 * DAY
    path_length: int | None = None
    curve: type[ec.EllipticCurve] = ec.SECP256R1
    hash: type[hashes.SHA224 | hashes.SHA256 | hashes.SHA384] = hashes.SHA256
    serial: int | None = None
    key: str = ""  # the name of its key, when it is not its own


def issue(made: Made, issuer: Holder | None = None, *, signed_with: str = "") -> Holder:
    """The certificate; self-signed without an issuer, and with a wrong signature when another key signs."""
    own = key(made.key or made.name, made.curve)
    subject = named(made.name)
    parent = issuer.certificate.subject if issuer else subject
    signer = key(signed_with) if signed_with else issuer.key if issuer else own
    serial = made.serial or x509.random_serial_number()
    builder = x509.CertificateBuilder(parent, subject, own.public_key(), serial, moment(made.start), moment(made.end))
    for value, critical in extensions(made):
        builder = builder.add_extension(value, critical)
    return Holder(builder.sign(signer, made.hash()), own)


def extensions(made: Made) -> Iterable[Extension]:
    yield x509.BasicConstraints(made.ca, made.path_length), True
    if made.usage is not None:
        yield made.usage, True
    if made.entries:
        yield numbers(*made.entries)
    yield from made.extra


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def ca(name: str, issuer: Holder | None = None, **said: Any) -> Holder:
    return issue(Made(name, **{"ca": True, "usage": SIGNS_CERTIFICATES, **said}), issuer)


def leaf(issuer: Holder, name: str = "SHAKEN 709J", **said: Any) -> Holder:
    return issue(Made(name, **{"usage": SIGNS_CALLS, "entries": CODE, **said}), issuer)


def chain(*holders: Holder) -> tuple[x509.Certificate, ...]:
    return tuple(holder.certificate for holder in holders)


def anchors(*holders: Holder) -> Anchors:
    return anchors_of(chain(*holders))


def pem(*holders: Holder) -> bytes:
    return b"".join(holder.certificate.public_bytes(Encoding.PEM) for holder in holders)


def resigned(certificate: x509.Certificate, signer: Holder, old: bytes, new: bytes) -> x509.Certificate:
    """The certificate with some octets of one length changed and a good signature over that."""
    body = certificate.tbs_certificate_bytes
    assert (body.count(old), len(old)) == (1, len(new))
    body = body.replace(old, new)
    signature = signer.key.sign(body, ec.ECDSA(hashes.SHA256()))
    algorithm = bytes.fromhex("300a06082a8648ce3d040302")  # ecdsa-with-SHA256
    return x509.load_der_x509_certificate(der.value(der.SEQUENCE, body, algorithm, der.value(0x03, b"\0", signature)))


def revocations(
    issuer: Holder,
    *serials: int,
    start: float = NOW - DAY,
    end: float | None = NOW + DAY,
    when: float = NOW - DAY,
    signed_with: str = "",
    place: x509.IssuingDistributionPoint | None = None,
    of: Iterable[tuple[int, Holder | None]] = (),
    extra: tuple[Extension, ...] = (),
    entry_extra: tuple[Extension, ...] = (),
    digest: type[hashes.SHA224 | hashes.SHA256] = hashes.SHA256,
) -> bytes:
    """A list in DER; `of` are entries of an indirect list, each with the issuer that is named in it, if any."""
    builder = x509.CertificateRevocationListBuilder(
        issuer.certificate.subject, moment(start), moment(end or start + DAY)
    )
    for serial, named_issuer in [*((serial, None) for serial in serials), *of]:
        entry = x509.RevokedCertificateBuilder(serial, moment(when))
        if named_issuer is not None:
            name = x509.CertificateIssuer([x509.DirectoryName(named_issuer.certificate.subject)])
            entry = entry.add_extension(name, critical=True)
        for value, critical in entry_extra:
            entry = entry.add_extension(value, critical)
        builder = builder.add_revoked_certificate(entry.build())
    if place is not None:
        builder = builder.add_extension(place, critical=True)
    for value, critical in extra:
        builder = builder.add_extension(value, critical)
    signer = key(signed_with) if signed_with else issuer.key
    return builder.sign(signer, digest()).public_bytes(Encoding.DER)


def scope(**said: Any) -> x509.IssuingDistributionPoint:
    defaults = {
        "full_name": None, "relative_name": None, "only_contains_user_certs": False, "only_contains_ca_certs": False,
        "only_some_reasons": None, "indirect_crl": False, "only_contains_attribute_certs": False,
    }  # fmt: skip
    return x509.IssuingDistributionPoint(**{**defaults, **said})


def distribution(url: str, issuer: Holder | None = None) -> Extension:
    names = [x509.DirectoryName(issuer.certificate.subject)] if issuer else None
    return x509.CRLDistributionPoints(
        [x509.DistributionPoint([x509.UniformResourceIdentifier(url)], None, None, names)]
    ), False


def crl_without_end(issuer: Holder) -> bytes:
    """A list without nextUpdate, which the library does not make: cut out, and signed again."""
    made = x509.load_der_x509_crl(revocations(issuer))
    body = made.tbs_certlist_bytes
    end = moment(NOW + DAY).strftime("%y%m%d%H%M%SZ").encode()
    fields = der.Reader(body).take(der.SEQUENCE).replace(der.value(0x17, end), b"")
    shorter = der.value(der.SEQUENCE, fields)
    signature = issuer.key.sign(shorter, ec.ECDSA(hashes.SHA256()))
    algorithm = bytes.fromhex("300a06082a8648ce3d040302")
    return der.value(der.SEQUENCE, shorter, algorithm, der.value(0x03, b"\0", signature))


INDIRECT = scope(full_name=[x509.UniformResourceIdentifier("https://crl.example/all")], indirect_crl=True)


def crl_pem(octets: bytes) -> bytes:
    return x509.load_der_x509_crl(octets).public_bytes(Encoding.PEM)
