"""Certificates, verifiers and signers of the scene, without a network: an async function that returns octets."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from proxy.sources.verification import Verifier
from stirshaken.certificates import Certificates, Trust
from stirshaken.fetch import Fetched, FetchError, Reason
from stirshaken.hierarchy import Holder
from tests.stirshaken.scene import NOW, X5U, Party, hierarchy, party


def pem(*holders: Any) -> bytes:
    """Certificates as a file or a repository has them."""
    return b"".join(holder.public_bytes(Encoding.PEM) for holder in holders)


def key_pem(key: Any, password: bytes | None = None) -> bytes:
    """A private key as a file has it."""
    encryption: Any = NoEncryption() if password is None else BestAvailableEncryption(password)
    return bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))


class Web:
    """What is where; `wait` holds every answer until it is set."""

    def __init__(self, bodies: Mapping[str, bytes] | None = None) -> None:
        self.bodies = {X5U: chain(party())} if bodies is None else dict(bodies)
        self.wait: asyncio.Event | None = None
        self.asked: list[str] = []

    async def fetch(self, url: str) -> Fetched:
        self.asked.append(url)
        if self.wait is not None:
            await self.wait.wait()
        if url not in self.bodies:
            raise FetchError(Reason.CONNECT, "nobody is there")
        return Fetched(self.bodies[url], ((b"cache-control", b"max-age=3600"),), 0.01)


def chain(of: Party) -> bytes:
    return pem(*of.chain)


class Clock:
    """Epoch seconds that stand still."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def verifier(web: Web, clock: Clock, **more: Any) -> Verifier:
    """A verification service that trusts the scene's root."""
    certificates = Certificates(web.fetch, Trust(hierarchy().anchors), clock)
    return Verifier(certificates, clock, **{"max_age": 60.0, "deadline": 2.0, "spc_suffices": True, **more})


def written(directory: Path, name: str, data: bytes) -> str:
    """A file beside a configuration."""
    (directory / name).write_bytes(data)
    return name


def signer_files(directory: Path, holder: Holder | None = None) -> tuple[str, str]:
    """Key and certificate of a signer."""
    owner = holder or party().holder
    return written(directory, "sp.key", key_pem(owner.key)), written(directory, "sp.pem", pem(owner.certificate))
