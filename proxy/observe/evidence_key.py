"""The node's evidence key: it signs checkpoints, and anyone with its public half can check them."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

PRIVATE: Final = "evidence.key"
PUBLIC: Final = "evidence.pub"
Keys = Mapping[str, Ed25519PublicKey]


def own_key(state: Path) -> Ed25519PrivateKey:
    """
    The evidence key in a state directory; made at the first call, mode 0600, the public half in a file beside it.

    Raises OSError, also when what stands there is no Ed25519 key in PEM (RFC 8410): a new one would make all that
    was signed before look forged, so nothing is replaced.
    """
    path = state / PRIVATE
    with suppress(FileExistsError):
        if not path.exists():
            _make(path)
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise OSError(errno.EINVAL, "holds no Ed25519 key", str(path))
    public = public_pem(key.public_key())
    if not (state / PUBLIC).exists() or (state / PUBLIC).read_bytes() != public:
        (state / PUBLIC).write_bytes(public)
    return key


def _make(path: Path) -> None:
    """Make a key on disk, whole or not at all. Raises FileExistsError when another process was faster."""
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    new = path.with_name(f"{path.name}.{os.getpid()}")
    new.unlink(missing_ok=True)
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(pem)
            out.flush()
            os.fsync(out.fileno())
        os.link(new, path)
    finally:
        new.unlink()


def public_pem(key: Ed25519PublicKey) -> bytes:
    """A public key as PEM (SubjectPublicKeyInfo, RFC 8410)."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def fingerprint(key: Ed25519PublicKey) -> str:
    """The SHA-256 of the key's DER in hexadecimal digits: `openssl pkey -pubin -outform DER | sha256sum`."""
    return sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def public_keys(pems: Iterable[bytes]) -> dict[str, Ed25519PublicKey]:
    """Public keys by fingerprint, one from each PEM. Raises ValueError for what is no Ed25519 public key."""
    found = {}
    for pem in pems:
        try:
            key = load_pem_public_key(pem)
        except Exception as error:  # cryptography has its own for what it does not support
            raise ValueError("no public key in PEM") from error
        if not isinstance(key, Ed25519PublicKey):
            raise ValueError("no Ed25519 key")  # noqa: TRY004 - it is a value of the user's
        found[fingerprint(key)] = key
    return found
