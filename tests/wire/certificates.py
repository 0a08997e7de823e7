"""Certificates of one CA, as files that the peers of a test read."""

from __future__ import annotations

import ssl
from pathlib import Path

import trustme


class Certificates:
    """A CA in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(exist_ok=True)
        self.directory = directory
        self._ca = trustme.CA()
        self.ca = directory / "ca.pem"
        self._ca.cert_pem.write_to_path(self.ca)

    def issue(self, stem: str, *names: str) -> tuple[Path, Path]:
        """Write certificate and key for some names; one of that stem is replaced."""
        made = self._ca.issue_cert(*names)
        paths = self.directory / f"{stem}.pem", self.directory / f"{stem}.key"
        made.cert_chain_pems[0].write_to_path(paths[0])
        made.private_key_pem.write_to_path(paths[1])
        return paths

    def client(self, *names: str) -> ssl.SSLContext:
        """How a client of these names speaks TLS; without a name it has no certificate."""
        context = ssl.create_default_context(cafile=self.ca)
        if names:
            context.load_cert_chain(*self.issue("client-" + names[0], *names))
        return context

    def listener(self, host: str, port: int) -> str:
        """A TLS listener of Trunkward's configuration that asks for certificates of this CA."""
        certificate, key = self.issue("trunkward", host)
        files = f'certificate: "{certificate}", key: "{key}", client_ca: "{self.ca}"'
        return f'  - {{name: tls, transport: tls, address: "{host}:{port}", {files}}}\n'
