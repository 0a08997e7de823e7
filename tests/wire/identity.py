"""A laboratory for signed calls: a hierarchy, its repository, and a proxy that trusts it and has a peer trunk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from time import time
from typing import Final

from proxy.demo import signers
from proxy.demo.signers import Signers
from tests.wire.peers import PEER
from tests.wire.repository import HOST, Repository
from tests.wire.trunkward import Setting

ABROAD: Final = "+862755550001"  # a number of the other operator; no trunk here has it
CALLED: Final = "+8613900139000"

_IDENTITY: Final = """\
identity:
  verify: when-present
  trust_anchors: [anchors.pem]
  on_error: {on_error}
  deadline: {deadline}
  repositories: {{allow: ["{host}:{port}"], private: true, ca: web.pem}}
  sign: {{key: sp.key, certificate_url: "{url}/sp.pem", spc: "1234"}}
"""
_PEER: Final = """\
  - id: peer-1
    customer: bolt
    role: peer
    sources: ["{peer}/32"]
    gateway: ["sip:{peer}:{gateway_port}"]
    identity: {{verify: required}}
"""


@dataclass(frozen=True)
class Lab:
    """`home` is the proxy's directory, which is there already: `Stage.proxy` makes its own beside."""

    signers: Signers
    repository: Repository

    def value(self, orig: str = ABROAD, dest: str = CALLED, age: float = 0.0, path: str = signers.GOOD) -> str:
        """The Identity value of a call."""
        return self.signers.value(self.repository.url, orig[1:], dest[1:], time() - age, path)

    def setting(
        self,
        core_port: int,
        gateway_port: int = 5060,
        on_error: str = "pass",
        deadline: str = "2s",
        mode: str = "block",
    ) -> Setting:
        """A proxy that verifies and signs."""
        where = {"host": HOST, "port": self.repository.port, "url": self.repository.url}
        identity = _IDENTITY.format(on_error=on_error, deadline=deadline, **where)
        trunks = _PEER.format(peer=PEER, gateway_port=gateway_port)
        return Setting(core_port, mode, gateway_port, identity=identity, trunks=trunks)

    def furnish(self, home: Path) -> None:
        """Put the files that the configuration names beside it."""
        home.mkdir(exist_ok=True)
        (home / "anchors.pem").write_bytes(self.signers.anchors)
        (home / "sp.key").write_bytes(signers.private_key(self.signers.key))
        (home / "web.pem").write_bytes(self.repository.ca.read_bytes())


def made(directory: Path) -> Lab:
    """Make the hierarchy; the repository is to be entered."""
    signing = signers.make(time())
    return Lab(signing, Repository(directory, dict(signing.pages)))
