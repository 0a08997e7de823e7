"""The files of signed identity: trust anchors, revocation lists, the signing key. All are good, or none is taken."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from proxy.call.trunk import IdentityTerms, Trunk
from proxy.checks.policy import agreed
from proxy.settings.identity_model import Identity
from proxy.settings.model import Settings
from proxy.settings.problems import ProblemList
from proxy.settings.yaml_strict import Path as Key
from proxy.sources.named_files import NamedFiles, check_ca
from stirshaken import crl
from stirshaken.certificate import load_anchors, load_chain
from stirshaken.errors import MalformedError
from stirshaken.sign import Signer
from stirshaken.x5u import parse as parse_x5u


@dataclass(frozen=True, slots=True)
class IdentityFiles:
    """The octets of every file, which have been read as what they must be: a reload sends them between processes."""

    anchors: tuple[bytes, ...] = ()
    crls: tuple[bytes, ...] = ()
    key: bytes = b""
    certificate: bytes = b""
    ca: bytes = b""


NO_FILES: Final = IdentityFiles()


def node_terms(settings: Identity | None) -> IdentityTerms:
    """The terms of trunks that have none of their own."""
    if settings is None:
        return IdentityTerms("off", "", "pass", False)
    return IdentityTerms(settings.verify, settings.min_attestation or "", settings.on_error, settings.sign is not None)


def read_identity(config: Path, settings: Settings, trunks: Collection[Trunk], found: ProblemList) -> IdentityFiles:
    """Read the files that `identity` names; faults, and what trunks ask for that is not there, go to `found`."""
    reading = _Reading(NamedFiles(config, found, "identity.file"))
    reading.check_terms(settings, trunks)
    if settings.identity is None:
        return NO_FILES
    return reading.read(settings.identity)


@dataclass(frozen=True, slots=True)
class _Reading:
    named: NamedFiles

    def check_terms(self, settings: Settings, trunks: Collection[Trunk]) -> None:
        """
        Refuse block mode with verification and no anchor, which would reject every signed call, and signing
        without a key.
        """
        identity, node = settings.identity, node_terms(settings.identity)
        for trunk in trunks:
            terms = agreed(node, trunk.identity)
            verifies = terms.verify != "off" and (trunk.mode or settings.node.mode) == "block"
            if verifies and (identity is None or not identity.trust_anchors):
                self.named.note(("identity", "trust_anchors"), "identity.no_anchors", trunk=trunk.id)
                break
        for trunk in trunks:
            if agreed(node, trunk.identity).sign and (identity is None or identity.sign is None):
                self.named.note(("identity", "sign"), "identity.no_signing", trunk=trunk.id)
                break

    def read(self, identity: Identity) -> IdentityFiles:
        anchors = self._files(("identity", "trust_anchors"), identity.trust_anchors, load_anchors)
        crls = self._files(("identity", "crls"), identity.crls, lambda data: (crl.load(data), crl.signers_in(data)))
        ca = b""
        if identity.repositories.ca is not None:
            ca = self.named.read(("identity", "repositories", "ca"), identity.repositories.ca, check_ca)
        sign = identity.sign
        if sign is None:
            return IdentityFiles(anchors, crls, ca=ca)
        key = self.named.read(("identity", "sign", "key"), sign.key, lambda data: signer_of(data, sign.certificate_url))
        self._check_url(sign.certificate_url, identity)
        certificate = b""
        if sign.certificate is not None:
            certificate = self.named.read(
                ("identity", "sign", "certificate"), sign.certificate, lambda data: _check_pair(data, key)
            )
        return IdentityFiles(anchors, crls, key, certificate, ca)

    def _check_url(self, url: str, identity: Identity) -> None:
        """A certificate URL that strict verifiers refuse is refused here, unless a laboratory permits it."""
        try:
            parse_x5u(url)
        except MalformedError as error:
            if not identity.repositories.allow:
                self.named.note(("identity", "sign", "certificate_url"), "identity.url", reason=error.reason)

    def _files(self, key: Key, names: tuple[str, ...], check: Callable[[bytes], object]) -> tuple[bytes, ...]:
        return tuple(self.named.read((*key, index), name, check) for index, name in enumerate(names))


def signer_of(key: bytes, certificate_url: str) -> Signer:
    """Sign with the key in a PEM file. Raises MalformedError, which says nothing of what is in it."""
    try:
        private_key = load_pem_private_key(key, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise MalformedError("there is no private key without a password in it") from None
    return Signer(private_key, certificate_url)


def _check_pair(certificate: bytes, key: bytes) -> None:
    leaf = load_chain(certificate)[0]
    if not key:
        return  # the key's own problem has been noted
    public_key = getattr(load_pem_private_key(key, password=None), "public_key", None)
    if public_key is None or public_key() != leaf.public_key():
        raise MalformedError("it is not the certificate of this key")
