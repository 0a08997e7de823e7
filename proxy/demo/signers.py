"""Who signs in the demo: a hierarchy of its own, an operator with a good certificate and one whose has expired."""

from __future__ import annotations

import secrets
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from stirshaken.hierarchy import Holder, Validity, intermediate, leaf, name, new_key, root
from stirshaken.numbers import Identifier
from stirshaken.sign import Signer
from stirshaken.tnauthlist import Spc, TNAuthList

GOOD, EXPIRED = "/sp.pem", "/expired.pem"
ORIGID: Final = "9f3b4a6e-2f51-4d0e-8b57-5a1b7c9d2e10"


@dataclass(frozen=True, slots=True)
class Signers:
    """The hierarchy: `pages` are what the repository serves by path, `anchors` the PEM of the root."""

    pages: dict[str, bytes]
    anchors: bytes
    key: ec.EllipticCurvePrivateKey

    def value(self, base: str, orig: str, dest: str, iat: float, path: str = GOOD) -> str:
        """The Identity value of a call with full attestation; `base` is the repository's URL."""
        signer = Signer(self.key, f"{base}{path}")
        return signer.shaken(Identifier("tn", orig), [Identifier("tn", dest)], "A", ORIGID, iat)


def make(now: float) -> Signers:
    """Make the hierarchy, as of now in epoch seconds."""
    year = Validity(now, 365)
    top = root(name("CN", "Demo", "Demo Root"), new_key(), _serial(), year)
    issuer = intermediate(top, name("CN", "Demo", "Demo Issuer"), new_key(), _serial(), year)
    key = new_key()
    good, expired = (_leaf(issuer, key, validity) for validity in (year, Validity(now - 3 * 86400, 2)))
    chain = issuer.certificate.public_bytes(Encoding.PEM)
    pages = {path: each.public_bytes(Encoding.PEM) + chain for path, each in ((GOOD, good), (EXPIRED, expired))}
    return Signers(pages, top.certificate.public_bytes(Encoding.PEM), key)


def _leaf(issuer: Holder, key: ec.EllipticCurvePrivateKey, validity: Validity) -> x509.Certificate:
    subject = name("CN", "Demo", "SHAKEN 1234")
    return leaf(issuer, subject, key.public_key(), _serial(), validity, TNAuthList((Spc("1234"),)))


def private_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A private key as PEM."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def web_server(host: str, home: Path, at: float) -> tuple[ssl.SSLContext, bytes]:
    """The TLS context of an HTTPS server on an IP address, from `at` on, and the PEM that its clients trust."""
    key, now = new_key(), datetime.fromtimestamp(at, UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "demo repository")])
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), _serial(), now, now + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
        .public_bytes(Encoding.PEM)
    )
    file = home / "repository.pem"
    file.write_bytes(private_key(key) + certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context, certificate


def _serial() -> int:
    return secrets.randbits(64) | 1
