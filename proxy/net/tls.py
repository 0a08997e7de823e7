"""TLS as SIP uses it (RFC 5922, RFC 8996): contexts, and the names that a certificate proves."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The files of one listener for TLS: certificate chain and key, and the CAs (PEM, b"": none) of its peers."""

    certificate: Path
    key: Path
    client_ca: bytes = b""
    server_ca: bytes = b""


@dataclass(frozen=True, slots=True)
class TlsContexts:
    """How a listener takes connections, and how it opens them; None where it opens none."""

    server: ssl.SSLContext
    client: ssl.SSLContext | None


def contexts_of(files: TlsFiles) -> TlsContexts:
    """
    TLS 1.2 and 1.3. Clients must show a certificate where CAs for them are given; servers always must.

    Raises OSError (ssl.SSLError too) where a file cannot be used.
    """
    server = _context(ssl.PROTOCOL_TLS_SERVER, files)
    server.options |= ssl.OP_NO_RENEGOTIATION
    # no tickets: what a session may do follows from the certificates of this day
    server.num_tickets = 0
    server.options |= ssl.OP_NO_TICKET
    if files.client_ca:
        server.load_verify_locations(cadata=files.client_ca.decode("ascii"))
        server.verify_mode = ssl.CERT_REQUIRED
    if not files.server_ca:
        return TlsContexts(server, None)
    client = _context(ssl.PROTOCOL_TLS_CLIENT, files)
    client.check_hostname = False  # RFC 5922 has rules of its own: `proves`
    client.load_verify_locations(cadata=files.server_ca.decode("ascii"))
    client.verify_mode = ssl.CERT_REQUIRED
    return TlsContexts(server, client)


def _context(protocol: int, files: TlsFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(files.certificate, files.key, lambda: "")  # no question on the terminal
    return context


def names_of(certificate: Mapping[str, object] | None) -> tuple[str, ...]:
    """
    The SIP domains and addresses that a certificate, as `getpeercert` gives it, speaks for (RFC 5922 §7.1): those of
    its sip: URIs, and only where it has none of its DNS names; then its IP addresses. The common name is none.
    """
    found: dict[str, list[str]] = {"URI": [], "DNS": [], "IP Address": []}
    names = (certificate or {}).get("subjectAltName", ())
    for kind, value in names if isinstance(names, tuple) else ():
        if kind in found and str(value).isascii() and str(value).isprintable():  # a NUL hides what stands behind it
            found[kind].append(str(value).strip().lower())
    uris = [uri for uri in map(_domain, found["URI"]) if uri]
    return tuple(dict.fromkeys([*(uris or found["DNS"]), *filter(None, map(_address, found["IP Address"]))]))


def _domain(uri: str) -> str:
    """The domain of a sip: URI that names one (no user: RFC 5922 §7.1); "" of any other."""
    scheme, _, rest = uri.partition(":")
    return rest if scheme in ("sip", "sips") and rest and not set("@;?") & set(rest) else ""


def _address(text: str) -> str:
    """An IP address in its usual spelling; OpenSSL writes IPv6 in full."""
    try:
        return str(ip_address(text))
    except ValueError:
        return ""


def proves(names: tuple[str, ...], expected: tuple[str, ...]) -> bool:
    """Whether a certificate of these names is for one of those expected, letter for letter: no wildcards (§7.2)."""
    return not {name.lower() for name in expected}.isdisjoint(names)
