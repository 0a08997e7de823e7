"""A private CA in a directory: root and intermediate with their keys, and what was revoked."""

from __future__ import annotations

import csv
import errno
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from stirshaken.errors import MalformedError
from stirshaken.hierarchy import Holder
from stirshaken.path import load_chain

ROOT: Final = "root"
INTERMEDIATE: Final = "intermediate"
REVOKED: Final = "revoked.csv"


@dataclass(frozen=True, slots=True)
class CaDirectory:
    """
    The files `root.pem`, `root.key`, `intermediate.pem`, `intermediate.key` and `revoked.csv` of a directory.

    Methods raise OSError for files that cannot be read or written (FileExistsError: nothing is overwritten), and
    MalformedError for files that hold something else.
    """

    path: Path

    def create(self, root: Holder, intermediate: Holder) -> list[Path]:
        """Write a new CA; the paths of its files."""
        self.path.mkdir(parents=True, exist_ok=True)
        pairs = [(ROOT, root), (INTERMEDIATE, intermediate)]
        files = [self.path / f"{name}{suffix}" for name, _ in pairs for suffix in (".pem", ".key")]
        _refuse(files)
        for name, holder in pairs:
            write_pair(self.path / f"{name}.pem", (holder.certificate,), holder.key)
        return files

    def intermediate(self) -> Holder:
        """The CA that issues."""
        certificates = load_chain((self.path / f"{INTERMEDIATE}.pem").read_bytes())
        if len(certificates) != 1:
            raise MalformedError(f"{INTERMEDIATE}.pem must hold one certificate")
        return Holder(certificates[0], read_key(self.path / f"{INTERMEDIATE}.key"))

    def revoke(self, serial: int, moment: float) -> bool:
        """Write down that a certificate is revoked; False where it was before."""
        if any(known == serial for known, _ in self.revoked()):
            return False
        with (self.path / REVOKED).open("a", encoding="ascii") as file:
            file.write(f"{serial:x},{int(moment)}\n")
        return True

    def revoked(self) -> Iterator[tuple[int, float]]:
        """Serial number and moment of each revoked certificate."""
        file = self.path / REVOKED
        if not file.exists():
            return
        for row in csv.reader(file.read_text(encoding="ascii", errors="replace").splitlines()):
            try:
                serial, moment = row
                yield int(serial, 16), float(int(moment))
            except ValueError:
                raise MalformedError(f"{REVOKED} has a line that is no serial number and moment") from None


def write_pair(file: Path, chain: Iterable[x509.Certificate], key: ec.EllipticCurvePrivateKey) -> list[Path]:
    """Write a chain and, beside it with the suffix .key, its key for the owner alone; neither may be there yet."""
    files = [file, file.with_suffix(".key")]
    _refuse(files)
    _write_new(files[0], b"".join(certificate.public_bytes(Encoding.PEM) for certificate in chain), 0o644)
    # not encrypted: a service must read it
    _write_new(files[1], key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600)
    return files


def replace(path: Path, octets: bytes) -> None:
    """Write a file in one step: who reads it meanwhile sees the old one or the new one."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_bytes(octets)
    beside.replace(path)


def read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """Read a private key; it must be an elliptic curve's."""
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError):
        raise MalformedError("private key cannot be read") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise MalformedError("private key is of no elliptic curve")
    return key


def _refuse(files: Iterable[Path]) -> None:
    for file in files:
        if file.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(file))


def _write_new(path: Path, octets: bytes, mode: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(octets)
