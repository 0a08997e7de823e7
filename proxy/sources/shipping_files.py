"""The files that prove to a NATS server who we are, and who it is. All are good, or none is taken."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from proxy.settings.problems import ProblemList
from proxy.settings.shipping_model import Nats, Shipping
from proxy.sources.named_files import NamedFiles, check_ca, check_pem, load_pair, place_of
from stirshaken.errors import MalformedError

_SECTION: Final = ("shipping", "nats")
MAX_HEP_KEY: Final = 1024


@dataclass(frozen=True, slots=True)
class ShippingFiles:
    """What was read, so that a change is seen; `password` and `hep_key` are the first lines of their files."""

    ca: bytes = b""
    certificate: bytes = b""
    key: bytes = b""
    credentials: bytes = b""
    password: str = ""
    hep_key: str = ""


NO_FILES: Final = ShippingFiles()


def read_shipping(config: Path, shipping: Shipping, found: ProblemList) -> ShippingFiles:
    """Read the files that `shipping` names; faults, and a client that is not installed, go to `found`."""
    named = NamedFiles(config, found, "shipping.file")
    files = NO_FILES if shipping.nats is None else _read_nats(named, shipping.nats)
    key = b""
    if shipping.hep is not None and shipping.hep.key is not None:
        key = named.read(("shipping", "hep", "key"), shipping.hep.key, _hep_key)
    return replace(files, hep_key=_hep_key(key)) if key else files


def _read_nats(named: NamedFiles, nats: Nats) -> ShippingFiles:
    if find_spec("nats") is None or (nats.credentials is not None and find_spec("nkeys") is None):
        named.note(_SECTION, "shipping.no_client")
    ca = certificate = key = credentials = password = b""
    if nats.tls.ca is not None:
        ca = named.read((*_SECTION, "tls", "ca"), nats.tls.ca, check_ca)
    if nats.tls.certificate is not None and nats.tls.key is not None:
        certificate = named.read((*_SECTION, "tls", "certificate"), nats.tls.certificate, check_pem)
        key = named.read((*_SECTION, "tls", "key"), nats.tls.key, check_pem)
        if certificate and key:
            named.check_pair((*_SECTION, "tls", "certificate"), nats.tls.certificate, nats.tls.key)
    if nats.credentials is not None:
        credentials = named.read((*_SECTION, "credentials"), nats.credentials, _check_credentials)
    if nats.password is not None:
        password = named.read((*_SECTION, "password"), nats.password, _password)
    return ShippingFiles(ca, certificate, key, credentials, _password(password) if password else "")


def client_tls(config: Path, nats: Nats, files: ShippingFiles) -> ssl.SSLContext | None:
    """
    How the servers are spoken to over TLS, None where they are not. Raises OSError (ssl.SSLError too) where a file is
    no longer what was read.
    """
    if not nats.is_tls:
        return None
    context = ssl.create_default_context(cadata=files.ca.decode("ascii") if files.ca else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if nats.tls.certificate is not None and nats.tls.key is not None:
        load_pair(context, place_of(config, nats.tls.certificate), place_of(config, nats.tls.key))
    return context


def _check_credentials(data: bytes) -> None:
    if b"-----BEGIN NATS USER JWT-----" not in data or b"-----BEGIN USER NKEY SEED-----" not in data:
        raise MalformedError("there are no credentials of a NATS user in it")


def _hep_key(data: bytes) -> str:
    """The first line, as short as one packet can hold beside a message. Raises MalformedError."""
    line = _password(data)
    if len(line.encode()) > MAX_HEP_KEY:
        raise MalformedError(f"its first line is longer than {MAX_HEP_KEY} octets")
    return line


def _password(data: bytes) -> str:
    """The first line. Raises MalformedError."""
    try:
        line = data.partition(b"\n")[0].rstrip(b"\r").decode()
    except UnicodeDecodeError:
        raise MalformedError("it is no UTF-8") from None
    if not line:
        raise MalformedError("its first line is empty")
    return line
