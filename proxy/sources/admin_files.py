"""The files of the admin address: its certificate, the CAs of clients, tokens. All are good, or none is taken."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from proxy.settings.model import Admin
from proxy.settings.problems import ProblemList
from proxy.sources.named_files import NamedFiles, check_ca, check_pem, load_pair, place_of
from stirshaken.errors import MalformedError

#   b64token  =  1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="          (RFC 6750 §2.1)
# Sixteen at least: eight random octets in hexadecimal are the least that nobody guesses over HTTP.
_TOKEN: Final = re.compile(rb"[A-Za-z0-9\-._~+/]{16,512}={0,2}")
_SECTION: Final = "admin"


@dataclass(frozen=True, slots=True)
class AdminFiles:
    """What was read: tokens, and the octets of the PEM files, so that a change is seen."""

    tokens: tuple[bytes, ...] = ()
    certificate: bytes = b""
    key: bytes = b""
    client_ca: bytes = b""


def read_admin(config: Path, admin: Admin, found: ProblemList) -> AdminFiles:
    """Read the files that `admin` names; faults go to `found`."""
    named = NamedFiles(config, found, "admin.file")
    certificate = key = client_ca = b""
    if admin.certificate is not None and admin.key is not None:
        certificate = named.read((_SECTION, "certificate"), admin.certificate, check_pem)
        key = named.read((_SECTION, "key"), admin.key, check_pem)
        if certificate and key:
            named.check_pair((_SECTION, "certificate"), admin.certificate, admin.key)
    if admin.client_ca is not None:
        client_ca = named.read((_SECTION, "client_ca"), admin.client_ca, check_ca)
    tokens = () if admin.tokens is None else tuple(_tokens(config, admin.tokens, named))
    return AdminFiles(tokens, certificate, key, client_ca)


def tls_of(config: Path, admin: Admin, files: AdminFiles) -> ssl.SSLContext | None:
    """
    How the admin address speaks TLS, None where it does not. Clients are asked for a certificate, and need none: the
    health checks are for everybody. Raises OSError (ssl.SSLError too) where a file is no longer what was read.
    """
    if admin.certificate is None or admin.key is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    load_pair(context, place_of(config, admin.certificate), place_of(config, admin.key))
    if files.client_ca:
        context.load_verify_locations(cadata=files.client_ca.decode("ascii"))
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


def _tokens(config: Path, name: str, named: NamedFiles) -> Iterator[bytes]:
    where = (_SECTION, "tokens")
    for number, token in _lines(named.read(where, name, _check_some)):
        if not _TOKEN.fullmatch(token):
            named.note(where, "admin.token", file=str(place_of(config, name)), line=number)
            return
        yield token


def _lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The lines that say something, with their numbers."""
    for number, line in enumerate(data.split(b"\n"), 1):
        text = line.strip(b" \t\r")
        if text and not text.startswith(b"#"):
            yield number, text


def _check_some(data: bytes) -> None:
    if next(_lines(data), None) is None:
        raise MalformedError("there is no token in it")
