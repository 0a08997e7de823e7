"""What the control process works with: a configuration, a hierarchy, a repository over HTTPS, clients that have keys."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import socket
import ssl
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import trustme
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from proxy.admin.exposition import Worker, Workers
from proxy.admin.health import Health
from proxy.admin.pages import Pages, admin_pages
from proxy.admin.services import Services
from proxy.admin.stir import Stir
from stirshaken.hierarchy import Holder, Validity, leaf, name, new_key, root
from stirshaken.tnauthlist import One, Spc, TNAuthList

CONFIG = """\
node: {{name: gw1}}
listen:
  - {{name: access, address: "192.0.2.1:5060"}}
core:
  next_hops: [{{uri: "sip:192.0.2.9"}}]
directory: {{url: "file:d.yaml"}}
{more}"""
DIRECTORY = """\
customers: [{id: acme}]
trunks:
  - id: acme-1
    customer: acme
    sources: ["198.51.100.7/32"]
    allocations: [{number: "+862488880000"}]
"""
IDENTITY = """\
identity:
  trust_anchors: [anchors.pem]
  repositories: {{allow: ["127.0.0.1:{port}"], private: true, ca: web-ca.pem}}
  deadline: 2s
  sign: {{key: sp.key, certificate: sp.pem, certificate_url: "https://127.0.0.1:{port}/sp.pem"}}
"""
ORIGID = "de305d54-75b4-431b-adb2-eb6b9e546014"
TOKEN = "0123456789abcdef-right"
OTHER_TOKEN = "0123456789abcdef-other"


def write_config(directory: Path, more: str = "") -> Path:
    (directory / "c.yaml").write_text(CONFIG.format(more=more), encoding="utf-8")
    (directory / "d.yaml").write_text(DIRECTORY, encoding="utf-8")
    return directory / "c.yaml"


def private_pem(holder: Holder) -> bytes:
    return holder.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@dataclass
class Repository:
    """Certificates over HTTPS; `pages` may be changed while it serves."""

    port: int
    pages: dict[str, bytes]
    pause: float = 0.0  # before it answers

    def identity(self) -> str:
        return IDENTITY.format(port=self.port)


def write_identity(directory: Path, at: float, number: str = "") -> bytes:
    """Write anchors, key and certificate of a provider (or of one number); returns the chain in PEM."""
    validity = Validity(at - 86_400, 30)
    top = root(name("US", "Test", "Root"), new_key(), 1001, validity)
    key = new_key()
    authority = TNAuthList((One(number),) if number else (Spc("709J"),))
    certificate = leaf(top, name("US", "Test", "SHAKEN 709J"), key.public_key(), 2**70, validity, authority)
    chain = certificate.public_bytes(Encoding.PEM)
    (directory / "anchors.pem").write_bytes(top.certificate.public_bytes(Encoding.PEM))
    (directory / "sp.pem").write_bytes(chain)
    (directory / "sp.key").write_bytes(private_pem(Holder(certificate, key)))
    return chain


@contextlib.contextmanager
def repository(directory: Path, at: float, number: str = "") -> Iterator[Repository]:
    """Serve the certificate that `write_identity` makes."""
    made = Repository(0, {"/sp.pem": write_identity(directory, at, number)})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            time.sleep(made.pause)
            body = made.pages.get(self.path)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Type", "application/pem-certificate-chain")
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            with contextlib.suppress(OSError):  # who asked may have lost patience
                self.wfile.write(body or b"")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its own name
            pass

    ca = trustme.CA()
    (directory / "web-ca.pem").write_bytes(ca.cert_pem.bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        made.port = server.server_port
        yield made
        server.shutdown()
        thread.join()


@dataclass(frozen=True)
class Heard:
    """What came back; names of fields in lower case."""

    status: int
    fields: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> tuple[int, str, list[str]]:
        """Status, messageId and variables of an error object."""
        ((_, said),) = self.json["requestError"].items()
        return self.status, said["messageId"], said.get("variables", [])


def encoded(body: object) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


class App:
    """The admin address as an ASGI application, on a clock of the test's."""

    def __init__(self, config: Path | None, now: float) -> None:
        self.now = now
        self.counts: Counter[tuple[str, ...]] = Counter()
        self.services = Services(config, lambda: self.now)
        self._ends = socket.socketpair()
        workers = Workers()
        workers.put(0, Worker(self._ends[0]))
        self.health = Health(workers, self.counts)
        self.pages: Pages = admin_pages(self.health, Stir(self.services, self.counts))

    async def ask(
        self,
        path: str,
        body: object = b"",
        method: str = "POST",
        fields: dict[str, str | None] | None = None,
        parts: int = 1,
        proven: bool = False,
    ) -> Heard:
        """One request; a field that is None is left out; the body comes in parts."""
        octets = encoded(body)
        given: dict[str, str | None] = {"content-type": "application/json", "content-length": str(len(octets))}
        given |= fields or {}
        headers = [(key.encode(), value.encode("latin-1")) for key, value in given.items() if value is not None]
        scope = {"type": "http", "method": method, "raw_path": path.encode(), "headers": headers}
        size = max(1, -(-len(octets) // parts))
        pieces = [octets[at : at + size] for at in range(0, len(octets), size)] or [b""]
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            if not pieces:
                await asyncio.sleep(3600)
            return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

        async def send(event: Any) -> None:
            sent.append(event)

        await self.pages({**scope, "trunkward.client_certificate": proven}, receive, send)
        start, rest = sent
        fields_ = {key.decode(): value.decode() for key, value in start["headers"]}
        return Heard(start["status"], fields_, rest["body"])

    async def aclose(self) -> None:
        await self.services.aclose()
        for end in self._ends:
            end.close()


class Client:
    """A client of a control process over the wire."""

    def __init__(
        self,
        port: int,
        ca: trustme.CA | None = None,
        certificate: trustme.LeafCert | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        self.host, self.port = host, port
        self._tls: ssl.SSLContext | None = None
        if ca is not None:
            self._tls = ssl.create_default_context(cadata=ca.cert_pem.bytes().decode())
            if certificate is not None:
                certificate.configure_cert(self._tls)

    def connection(self) -> http.client.HTTPConnection:
        if self._tls is None:
            return http.client.HTTPConnection(self.host, self.port, timeout=10)
        return http.client.HTTPSConnection(self.host, self.port, timeout=10, context=self._tls)

    def ask(self, path: str, body: object = None, token: str = "", **fields: str) -> Heard:
        """One request: POST with a body, else GET."""
        headers = {key.replace("_", "-"): value for key, value in fields.items()}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        with contextlib.closing(self.connection()) as connection:
            if body is None:
                connection.request("GET", path, headers=headers)
            else:
                connection.request("POST", path, encoded(body), {"Content-Type": "application/json", **headers})
            response = connection.getresponse()
            return Heard(response.status, {key.lower(): value for key, value in response.getheaders()}, response.read())


def signing(iat: float, orig: str = "12155551212", dest: str = "12355551212", **more: object) -> dict[str, Any]:
    members = {"attest": "A", "orig": {"tn": orig}, "dest": {"tn": [dest]}, "iat": int(iat), "origid": ORIGID}
    return {"signingRequest": {**members, **more}}


def verification(identity: str, time: float, orig: str = "12155551212", dest: str = "12355551212") -> dict[str, Any]:
    return {
        "verificationRequest": {"from": {"tn": orig}, "to": {"tn": [dest]}, "time": int(time), "identity": identity}
    }
