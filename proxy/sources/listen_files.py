"""The files of TLS listeners: certificates, keys, CAs of peers. All are good, or none is taken."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.x509 import load_pem_x509_certificates

from proxy.settings.model import Listen
from proxy.settings.problems import ProblemList
from proxy.sources.named_files import NamedFiles, check_ca, place_of
from stirshaken.errors import MalformedError


@dataclass(frozen=True, slots=True)
class ListenFiles:
    """What was read for one listener: octets of PEM files, b"" for one that is not named."""

    name: str
    certificate: bytes = b""
    key: bytes = field(default=b"", repr=False)
    client_ca: bytes = b""
    server_ca: bytes = b""


def read_listen(config: Path, listen: tuple[Listen, ...], found: ProblemList) -> Mapping[int, ListenFiles]:
    """Read the files of every listener that speaks TLS, by its index; faults go to `found`."""
    named = NamedFiles(config, found, "listen.file")
    files = {}
    for index, item in enumerate(listen):
        if item.transport != "tls" or item.certificate is None or item.key is None:
            continue
        where = ("listen", index)
        certificate = named.read((*where, "certificate"), item.certificate, _check_chain)
        key = named.read((*where, "key"), item.key, _check_pem)
        if certificate and key and not _belong(config, item.certificate, item.key):
            shown = f"{place_of(config, item.certificate)}, {place_of(config, item.key)}"
            named.note((*where, "certificate"), "listen.no_pair", file=shown)
        cas = dict(_cas(item, index, named))
        files[index] = ListenFiles(item.name, certificate, key, cas.get("client_ca", b""), cas.get("server_ca", b""))
    return files


def _cas(item: Listen, index: int, named: NamedFiles) -> Iterator[tuple[str, bytes]]:
    """The CAs of clients and of servers; the second are the first where nothing else is said."""
    clients = b""
    if item.client_ca is not None:
        clients = named.read(("listen", index, "client_ca"), item.client_ca, check_ca)
        yield "client_ca", clients
    if item.server_ca is not None:
        yield "server_ca", named.read(("listen", index, "server_ca"), item.server_ca, check_ca)
    else:
        yield "server_ca", clients


def listen_ends(files: Mapping[int, ListenFiles]) -> dict[str, float]:
    """When the certificate of each TLS listener ends ("listen NAME"), in epoch seconds."""
    return {
        f"listen {each.name}": load_pem_x509_certificates(each.certificate)[0].not_valid_after_utc.timestamp()
        for each in files.values()
    }


def _check_chain(data: bytes) -> None:
    try:
        load_pem_x509_certificates(data)
    except ValueError:
        raise MalformedError("there is no certificate in it") from None


def _check_pem(data: bytes) -> None:
    if b"-----BEGIN " not in data:
        raise MalformedError("it is no PEM file")


def _belong(config: Path, certificate: str, key: str) -> bool:
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(place_of(config, certificate), place_of(config, key), lambda: "")
    except OSError:
        return False
    return True
