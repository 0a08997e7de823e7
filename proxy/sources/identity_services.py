"""The two services of RFC 8224, made from the settings and their files: verification and authentication."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from cryptography.x509.oid import NameOID

from proxy.settings.identity_model import Identity
from proxy.sources.identity_files import IdentityFiles, signer_of
from proxy.sources.signing import Authentication
from proxy.sources.verification import Verifier
from stirshaken import crl
from stirshaken.certificate import load_anchors, load_chain
from stirshaken.certificates import Certificates, Options, Trust
from stirshaken.fetch import LISTS, Fetcher, Limits
from stirshaken.replay import Replays
from stirshaken.x5u import HTTPS_PORT, Allowed

# Reading a list costs some 5 µs an entry, on the loop: longer ones belong into files.
LISTED: Final = Limits(body=1 << 20, chunks=4096)
# Of a call's deadline, the share that a first verdict waits for revocation lists that it can do without.
PATIENCE: Final = 0.75


def verifier_of(
    identity: Identity | None, files: IdentityFiles, clock: Callable[[], float], replays: Replays | None = None
) -> Verifier | None:
    """
    The verification service, to be closed; None without a trust anchor. `clock` gives epoch seconds, `replays` is
    what the one before it has seen.
    """
    if identity is None or not files.anchors:
        return None
    anchors = load_anchors(*files.anchors)
    signers = tuple(signer for data in files.crls for signer in crl.signers_in(data))
    crls = tuple(each for data in files.crls for each in crl.load(data, signers))
    fetcher = Fetcher(ssl_context=_ssl_context(files), allowed=_allowed(identity))
    revocation = identity.revocation
    lists = Fetcher(
        ssl_context=_ssl_context(files),
        allowed=replace(_allowed(identity), plain=revocation.plain_http),
        limits=LISTED,
        accept=LISTS,
    )
    options = Options(revocation.required, revocation.fetch, revocation.plain_http, identity.deadline * PATIENCE)
    certificates = Certificates(
        fetcher.fetch, Trust(anchors, crls, signers), clock, fetch_list=lists.fetch, options=options
    )
    return Verifier(
        certificates,
        clock,
        max_age=identity.max_iat_age,
        deadline=identity.deadline,
        spc_suffices=identity.spc_suffices,
        replays=replays,
    )


def authentication_of(
    identity: Identity | None, files: IdentityFiles, clock: Callable[[], float]
) -> Authentication | None:
    """The authentication service; None where nothing is signed."""
    if identity is None or identity.sign is None:
        return None
    url = identity.sign.certificate_url
    return Authentication(signer_of(files.key, url), identity.sign.spc or url, clock, identity.max_iat_age)


def certificate_ends(files: IdentityFiles) -> dict[str, float]:
    """When the own certificate ("sign") and each trust anchor (by the common name) ends, in epoch seconds."""
    chains = {"sign": load_chain(files.certificate)} if files.certificate else {}
    ends = {name: min(each.not_valid_after_utc.timestamp() for each in chain) for name, chain in chains.items()}
    for data in files.anchors:
        for anchor in load_anchors(data).certificates:
            names = anchor.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
            name, end = f"anchor {names[0].value!s}" if names else "anchor", anchor.not_valid_after_utc.timestamp()
            ends[name] = min(end, ends.get(name, end))  # of two with one name, who ends first
    return ends


def _ssl_context(files: IdentityFiles) -> ssl.SSLContext | None:
    return ssl.create_default_context(cadata=files.ca.decode("ascii")) if files.ca else None


def _allowed(identity: Identity) -> Allowed:
    """The private repositories: names with their port, and domains with a dot in front."""
    hosts = [host for host in identity.repositories.allow if not host.startswith(".")]
    endpoints = frozenset(_endpoint(host) for host in hosts)
    suffixes = tuple(host[1:] for host in identity.repositories.allow if host.startswith("."))
    return Allowed(endpoints, suffixes, identity.repositories.private)


def _endpoint(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if text.endswith("]") or not colon:
        host, port = text, str(HTTPS_PORT)
    return host.strip("[]"), int(port)
