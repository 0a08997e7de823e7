"""From a chain to a trust anchor (RFC 5280 §6): trust anchors, the way through the given certificates, its proof."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from stirshaken import pem, profile
from stirshaken.errors import MalformedError

MAX_CHAIN: Final = 10  # certificates; real chains have two or three, delegated ones (RFC 9060) up to five
MAX_CHAIN_OCTETS: Final = 65_536  # what a certificate repository may answer
MAX_ANCHORS: Final = 1000  # there are some twenty STI root CAs
MAX_ANCHOR_OCTETS: Final = 4 << 20

# The library's own policies are those of the web (subjectAltName, extendedKeyUsage), which STIR certificates break.
# With these it still proves dates, signatures, cA, pathLen, name constraints and critical extensions.
_CA_POLICY: Final = ExtensionPolicy.permit_all().require_present(x509.BasicConstraints, Criticality.AGNOSTIC, None)
_LEAF_POLICY: Final = ExtensionPolicy.permit_all()


@dataclass(frozen=True, slots=True)
class Anchors:
    """The CA certificates that an operator trusts, one or more. Made by `load_anchors`."""

    certificates: tuple[x509.Certificate, ...]
    by_subject: Mapping[x509.Name, tuple[x509.Certificate, ...]]
    store: Store


@dataclass(frozen=True, slots=True)
class Path:
    """
    Certificates from the leaf on, each issued by the next; `fault` is empty when the last is a trust anchor and
    the way there is proved, else it says what is wrong and the path goes as far as it does.
    """

    certificates: tuple[x509.Certificate, ...]
    anchored: bool
    fault: str


def load_chain(octets: bytes) -> tuple[x509.Certificate, ...]:
    """
    Read what stands at x5u: 1 to 10 PEM certificates, leaf first (RFC 8226, RFC 8555 §9.1).

    Explanatory text around them is passed over. Raises MalformedError for anything else, such as private keys.
    """
    return _certificates(octets, MAX_CHAIN_OCTETS, MAX_CHAIN)


def load_anchors(*files: bytes) -> Anchors:
    """Read the trust anchors of one PEM file or more, all or nothing. Raises MalformedError; one must be there."""
    found = dict.fromkeys(each for file in files for each in _certificates(file, MAX_ANCHOR_OCTETS, MAX_ANCHORS))
    return anchors_of(found)


def anchors_of(certificates: Iterable[x509.Certificate]) -> Anchors:
    """Take CA certificates as trust anchors. Raises MalformedError where one is none, and for none at all."""
    trusted = tuple(certificates)
    if not trusted:
        raise MalformedError("there is no trust anchor")
    for certificate in trusted:
        faults = list(profile.issuer_faults(profile.read(certificate), "trust anchor", anchor=True))
        if faults:
            raise MalformedError("; ".join(faults))
    names = dict.fromkeys(each.subject for each in trusted)
    by_subject = {name: tuple(each for each in trusted if each.subject == name) for name in names}
    return Anchors(trusted, by_subject, Store(list(trusted)))


def build(chain: Sequence[x509.Certificate], anchors: Anchors, now: float) -> Path:
    """
    Find the path from the first certificate of `chain` to a trust anchor and prove it.

    A self-signed root within the chain is a certificate like any other: only `anchors` end a path. Certificates
    that are not needed are left out, so that the proof is linear in their number.
    """
    certificates = _walk(chain, anchors, now)
    anchored = certificates[-1] in anchors.certificates
    if not anchored:
        return Path(certificates, anchored, "no path to a trust anchor")
    return Path(certificates, anchored, _proof_fault(certificates, anchors, now))


def issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether `issuer` has the name and the key that `certificate` was signed with."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def in_force(certificate: x509.Certificate, now: float) -> bool:
    """Whether `now` is within its validity; both ends count, in whole seconds (RFC 5280 §4.1.2.5)."""
    first, last = certificate.not_valid_before_utc.timestamp(), certificate.not_valid_after_utc.timestamp()
    return first <= int(now) <= last


def load_certificate(block: bytes) -> x509.Certificate:
    """Read one PEM block. Raises MalformedError."""
    try:
        certificate = x509.load_pem_x509_certificate(block)
        _ = certificate.not_valid_before_utc, certificate.not_valid_after_utc, certificate.subject, certificate.issuer
    except (ValueError, TypeError, UserWarning, x509.InvalidVersion):  # UserWarning: where warnings are errors
        raise MalformedError("certificate cannot be read") from None
    if certificate.serial_number < 1:
        raise MalformedError("certificate has a serial number below one")  # RFC 5280 §4.1.2.2
    return certificate


def _certificates(octets: bytes, most_octets: int, most: int) -> tuple[x509.Certificate, ...]:
    blocks = pem.blocks(octets, most_octets)
    if not 1 <= len(blocks) <= most:
        raise MalformedError(f"there must be 1 to {most} certificates")
    return tuple(load_certificate(block) for _, block in blocks)


def _walk(chain: Sequence[x509.Certificate], anchors: Anchors, now: float) -> tuple[x509.Certificate, ...]:
    """The leaf and, as long as one is found, the next issuer: a trust anchor rather than one of the chain."""
    certificates = [chain[0]]
    left = list(chain[1:])
    while certificates[-1] not in anchors.certificates:
        issuer = _issuer(certificates[-1], anchors, left, now)
        if issuer is None:
            break
        certificates.append(issuer)
        left = [each for each in left if each.subject != issuer.subject]  # so that no path goes round (RFC 4158 §5.2)
    return tuple(certificates)


def _issuer(
    certificate: x509.Certificate, anchors: Anchors, left: Sequence[x509.Certificate], now: float
) -> x509.Certificate | None:
    """Who issued it; of several with one key, as after a renewal, one that is in force."""
    named = [*anchors.by_subject.get(certificate.issuer, ()), *(c for c in left if c.subject == certificate.issuer)]
    found = [each for each in named if issued(certificate, each)]
    return next((each for each in found if in_force(each, now)), found[0] if found else None)


def _proof_fault(path: Sequence[x509.Certificate], anchors: Anchors, now: float) -> str:
    try:
        moment = datetime.fromtimestamp(int(now), UTC)
        policies = PolicyBuilder().store(anchors.store).time(moment).max_chain_depth(MAX_CHAIN)
        policies = policies.extension_policies(ca_policy=_CA_POLICY, ee_policy=_LEAF_POLICY)
        policies.build_client_verifier().verify(path[0], list(path[1:-1]))
    except VerificationError as error:
        return str(error).partition(" (encountered")[0].encode("ascii", "backslashreplace").decode()
    except (ValueError, OverflowError, OSError, x509.DuplicateExtension):  # OSError: no such year on this system
        return "validation failed"
    return ""
