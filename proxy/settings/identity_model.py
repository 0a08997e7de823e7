"""Signed identity (STIR/SHAKEN) in the configuration file: what is verified, against what, and what is signed."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import BeforeValidator, Field

from proxy.settings.kinds import Duration, Level, Listed, OnError, Section, Text, Verify, between, fault

#   host [":" port], or "." domain for all that is below it, on the usual ports
_HOST: Final = r"[A-Za-z0-9](?:[A-Za-z0-9.\-]{0,251}[A-Za-z0-9])?"
_REPOSITORY: Final = re.compile(rf"\.{_HOST}|(?:{_HOST}|\[[0-9A-Fa-f:.]+\])(?::[0-9]{{1,5}})?")
_URL: Final = re.compile(r"https://[!-~]{1,1000}")
_SPC: Final = re.compile(r"[0-9A-Z]{1,20}")


def _repository(value: object) -> str:
    text = value if isinstance(value, str) else ""
    port = text.rpartition(":")[2] if not text.endswith("]") and ":" in text else "443"
    if not _REPOSITORY.fullmatch(text) or not 1 <= int(port) <= 65535:
        raise fault("repository", value=value)
    return text.lower()


def _certificate_url(value: object) -> str:
    if not isinstance(value, str) or not _URL.fullmatch(value):
        raise fault("certificate_url", value=value)
    return value


def _spc(value: object) -> str:
    if not isinstance(value, str) or not _SPC.fullmatch(value):
        raise fault("spc", value=value)
    return value


Repository = Annotated[str, BeforeValidator(_repository)]


class Repositories(Section):
    """Where certificates may be fetched from beyond public HTTPS addresses: laboratories, private repositories."""

    allow: Annotated[tuple[Repository, ...], Listed] = Field(
        default=(),
        description='Hosts that the rule is relaxed for: `"certs.lab.example:9443"` (any port), `".lab.example"` '
        "(all below it).",
    )
    private: bool = Field(
        default=False, description="Whether those hosts, and only those, may have private or loopback addresses."
    )
    ca: Text | None = Field(
        default=None, description="PEM file of the CAs of their HTTPS servers; default: those of the system."
    )


class Revocation(Section):
    """How certificates are looked up in revocation lists, beside those in files."""

    fetch: bool = Field(
        default=True, description="Whether lists are fetched from where certificates say that they are."
    )
    required: bool = Field(
        default=False,
        description="Whether nothing is proved by a certificate whose list cannot be had; else it counts as not "
        "revoked.",
    )
    plain_http: bool = Field(
        default=False,
        description="Whether lists are fetched over `http` too. They are signed, but somebody in between sees which "
        "one is read, and can hold it back.",
    )


class Sign(Section):
    """What calls are signed with (RFC 8224 §6.1, RFC 8588)."""

    key: Text = Field(description="PEM file of the P-256 private key. Read again at each reload.")
    certificate_url: Annotated[Text, BeforeValidator(_certificate_url)] = Field(
        description="`https:` URL at which verifiers find the certificate (x5u)."
    )
    certificate: Text | None = Field(
        default=None,
        description="PEM file of that certificate: it is held against the key, and its end shown in the metrics.",
    )
    spc: Annotated[str | None, BeforeValidator(_spc)] = Field(
        default=None,
        description="Service provider code; the `origid` of each trunk is derived from it (default: from the URL).",
    )


class Identity(Section):
    """Signed identity. A trunk's `identity` in the directory may say otherwise for its calls."""

    verify: Verify = Field(
        default="when-present",
        description="`off`; `when-present`: an Identity that a call has must be valid; `required`: it must have one.",
    )
    trust_anchors: Annotated[tuple[Text, ...], Listed] = Field(
        default=(),
        description="PEM files of the root certificates that are trusted. Paths start at this file, else at the "
        "working directory.",
    )
    crls: Annotated[tuple[Text, ...], Listed] = Field(
        default=(),
        description="Files of revocation lists (PEM or DER), in which certificates of their signers may stand.",
    )
    revocation: Revocation = Field(default=Revocation(), description="Revocation lists that are fetched.")
    max_iat_age: Annotated[Duration, between("1s", "1h")] = Field(
        default=60.0, description="How far `iat` and Date may be from now, both ways, 1s to 1h."
    )
    min_attestation: Level | None = Field(
        default=None, description="The lowest attestation that will do: A, B or C; default: any."
    )
    spc_suffices: bool = Field(
        default=True,
        description="Whether a certificate of a service provider speaks for every number, as in SHAKEN; `false`: only "
        "certificates that list the number.",
    )
    on_error: OnError = Field(
        default="pass",
        description="`pass` or `reject` (436) where a certificate could not be had in time, so that nothing is proved.",
    )
    deadline: Annotated[Duration, between("100ms", "10s")] = Field(
        default=2.0, description="How long a call waits for certificates, 100ms to 10s."
    )
    verstat: bool = Field(
        default=True,
        description="Whether the caller's URI gets a `verstat` on its way to the core. It is taken off calls of trunks "
        "in any case.",
    )
    repositories: Repositories = Field(default=Repositories(), description="Private certificate repositories.")
    sign: Sign | None = Field(
        default=None, description="What calls to the core are signed with; default: they are not."
    )
