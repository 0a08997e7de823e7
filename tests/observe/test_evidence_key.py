"""The evidence key: made once, for its owner's eyes, and never replaced."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from shutil import which

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from proxy.observe.evidence_key import PRIVATE, PUBLIC, fingerprint, own_key, public_keys


def test_a_key_is_made_once_with_its_public_half_beside_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        one, two = own_key(tmp_path), own_key(tmp_path)
    finally:
        os.umask(before)
    mark = fingerprint(one.public_key())

    assert mark == fingerprint(two.public_key())
    assert list(public_keys([(tmp_path / PUBLIC).read_bytes()])) == [mark]
    assert (tmp_path / PRIVATE).stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == [PRIVATE, PUBLIC]


def test_the_public_half_comes_back(tmp_path: Path) -> None:
    key = own_key(tmp_path)
    (tmp_path / PUBLIC).write_bytes(b"x")
    own_key(tmp_path)

    assert list(public_keys([(tmp_path / PUBLIC).read_bytes()])) == [fingerprint(key.public_key())]


@pytest.mark.parametrize("there", [b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_what_is_no_key_is_not_replaced(tmp_path: Path, there: bytes) -> None:
    (tmp_path / PRIVATE).write_bytes(there)
    with pytest.raises(OSError, match="no Ed25519 key") as caught:
        own_key(tmp_path)

    assert caught.value.filename == str(tmp_path / PRIVATE)
    assert (tmp_path / PRIVATE).read_bytes() == there


def test_only_ed25519_keys_are_public_keys() -> None:
    other = generate_private_key(SECP256R1()).public_key()
    for pem in (b"", b"x", other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)):
        with pytest.raises(ValueError):
            public_keys([pem])


@pytest.mark.skipif(which("openssl") is None, reason="no openssl")
def test_the_fingerprint_is_what_openssl_and_sha256sum_say(tmp_path: Path) -> None:
    key = own_key(tmp_path)
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-in", str(tmp_path / PUBLIC), "-outform", "DER"], capture_output=True, check=True
    )
    said = subprocess.run(["sha256sum"], input=der.stdout, capture_output=True, check=True)

    assert said.stdout.decode().split()[0] == fingerprint(key.public_key())
