"""What one certificate says, its extensions read once; and what alone makes it unfit (RFC 8226 §4, RFC 5280 §4.2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import SignatureAlgorithmOID

from stirshaken import constraints, tnauthlist
from stirshaken.constraints import Constraints
from stirshaken.errors import MalformedError
from stirshaken.tnauthlist import TNAuthList

STIR_TN_LIST: Final = x509.ObjectIdentifier("1.3.6.1.5.5.7.48.14")  # id-ad-stirTNList: the list is at a URL
_TN_AUTH_LIST: Final = x509.ObjectIdentifier(tnauthlist.OID)
_CONSTRAINTS: Final = x509.ObjectIdentifier(constraints.OID)
_ENHANCED: Final = x509.ObjectIdentifier(constraints.ENHANCED_OID)

# ECDSA with a sound hash, as ATIS-1000080 §6.4.1 wants it; SHA-512 for private hierarchies
SIGNATURES: Final = frozenset({
    SignatureAlgorithmOID.ECDSA_WITH_SHA256,
    SignatureAlgorithmOID.ECDSA_WITH_SHA384,
    SignatureAlgorithmOID.ECDSA_WITH_SHA512,
})  # fmt: skip
_CA_CURVES: Final = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)

_Value = TypeVar("_Value", bound=x509.ExtensionType)


@dataclass(frozen=True, slots=True)
class Profile:
    """
    One certificate as far as STIR is concerned.

    `faults` are extensions that cannot be read or are not understood; `authority_fault` is the one of the
    TNAuthList, which is another rule. What is not in the certificate is None.
    """

    certificate: x509.Certificate
    key: ec.EllipticCurvePublicKey | None
    faults: tuple[str, ...]
    basic: x509.BasicConstraints | None
    usage: x509.KeyUsage | None
    subject_key: bytes | None
    issuer_key: bytes | None
    authority: TNAuthList | None
    authority_fault: str
    constraints: Constraints | None
    by_reference_url: str | None

    @property
    def is_ca(self) -> bool:
        """Whether basicConstraints say so."""
        return self.basic is not None and self.basic.ca

    @property
    def not_before(self) -> float:
        """The first moment of its validity, epoch seconds."""
        return self.certificate.not_valid_before_utc.timestamp()

    @property
    def not_after(self) -> float:
        """The last moment of its validity, epoch seconds."""
        return self.certificate.not_valid_after_utc.timestamp()


def read(certificate: x509.Certificate) -> Profile:
    """Read a certificate; whatever it holds, a profile comes out and its faults are named."""
    extensions, faults = _extensions(certificate)
    authority, authority_fault = _authority(extensions)
    allowed, constraint_faults = _constraints(extensions)
    subject, issuer = _find(extensions, x509.SubjectKeyIdentifier), _find(extensions, x509.AuthorityKeyIdentifier)
    return Profile(
        certificate,
        _key(certificate),
        (*faults, *_critical(extensions), *constraint_faults),
        _find(extensions, x509.BasicConstraints),
        _find(extensions, x509.KeyUsage),
        subject.digest if subject else None,
        issuer.key_identifier if issuer else None,
        authority,
        authority_fault,
        allowed,
        _by_reference(extensions),
    )


def leaf_faults(leaf: Profile) -> Iterator[str]:
    """Name what keeps a certificate from signing PASSporTs: CA, no digitalSignature, no P-256 key (RFC 8225 §9)."""
    if leaf.is_ca:
        yield "leaf is a CA certificate"
    if leaf.usage is None or not leaf.usage.digital_signature:
        yield "leaf has no keyUsage digitalSignature"
    elif leaf.usage.key_cert_sign:
        yield "leaf has keyUsage keyCertSign"
    if leaf.key is None or not isinstance(leaf.key.curve, ec.SECP256R1):
        yield "leaf has no P-256 key"


def issuer_faults(issuer: Profile, name: str, *, anchor: bool = False) -> Iterator[str]:
    """
    Name what keeps a certificate from issuing others (RFC 5280 §6.1.4 k, n); `name` is how it is called.

    A trust anchor is what the operator says it is, so it may do without keyUsage; one that it has counts.
    """
    if not issuer.is_ca:
        yield f"{name} is no CA certificate"
    if issuer.usage is None and not anchor:
        yield f"{name} has no keyUsage"
    if issuer.usage is not None and not issuer.usage.key_cert_sign:
        yield f"{name} has no keyUsage keyCertSign"
    if issuer.key is None or not isinstance(issuer.key.curve, _CA_CURVES):
        yield f"{name} has no P-256, P-384 or P-521 key"


def _extensions(certificate: x509.Certificate) -> tuple[x509.Extensions, tuple[str, ...]]:
    nothing = x509.Extensions([])
    try:
        return certificate.extensions, ()
    except x509.DuplicateExtension as error:
        return nothing, (f"extension {error.oid.dotted_string} is there twice",)
    except (ValueError, x509.UnsupportedGeneralNameType):
        return nothing, ("extensions cannot be read",)


def _critical(extensions: x509.Extensions) -> Iterator[str]:
    for extension in extensions:
        if extension.critical and isinstance(extension.value, x509.UnrecognizedExtension):
            yield f"critical extension {extension.oid.dotted_string} is not understood"


def _find(extensions: x509.Extensions, kind: type[_Value]) -> _Value | None:
    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _raw(extensions: x509.Extensions, oid: x509.ObjectIdentifier) -> bytes | None:
    found = next((extension.value for extension in extensions if extension.oid == oid), None)
    return found.value if isinstance(found, x509.UnrecognizedExtension) else None


def _authority(extensions: x509.Extensions) -> tuple[TNAuthList | None, str]:
    octets = _raw(extensions, _TN_AUTH_LIST)
    if octets is None:
        return None, ""
    try:
        return tnauthlist.decode(octets), ""
    except MalformedError as error:
        return None, error.reason


def _constraints(extensions: x509.Extensions) -> tuple[Constraints | None, tuple[str, ...]]:
    plain, enhanced = _raw(extensions, _CONSTRAINTS), _raw(extensions, _ENHANCED)
    if plain is not None and enhanced is not None:
        return None, ("both kinds of claim constraints are there",)  # RFC 9118 §6: never together
    octets = plain if enhanced is None else enhanced
    if octets is None:
        return None, ()
    try:
        return constraints.decode(octets, enhanced=enhanced is not None), ()
    except MalformedError as error:
        return None, (f"claim constraints: {error.reason}",)


def _by_reference(extensions: x509.Extensions) -> str | None:
    """The https URL of the list of numbers (RFC 8226 §10.1)."""
    for described in _find(extensions, x509.AuthorityInformationAccess) or ():
        place = described.access_location
        if described.access_method == STIR_TN_LIST and isinstance(place, x509.UniformResourceIdentifier):
            return place.value if place.value.startswith("https://") else None
    return None


def _key(certificate: x509.Certificate) -> ec.EllipticCurvePublicKey | None:
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, ec.EllipticCurvePublicKey) else None
