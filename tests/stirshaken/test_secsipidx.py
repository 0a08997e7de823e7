"""Tokens go both ways between us and secsipidx (asipto, in Go), which shares no code with us."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from stirshaken import identity, passport
from stirshaken.claims import SignedCall
from stirshaken.findings import Result
from stirshaken.sign import Signer
from stirshaken.verify import verify
from tests.stirshaken.scene import CALLED, CALLER, ORIGID, SECOND, X5U, party
from tests.wire.peers import require

pytestmark = pytest.mark.wire


@pytest.fixture
def program() -> str:
    return require("secsipidx", "secsipidx")


def accepts(program: str, value: str, directory: Path) -> bool:
    public = directory / "public.pem"
    public.write_bytes(party().holder.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    (directory / "identity").write_text(value)
    argv = [program, "-check", "-fidentity", str(directory / "identity"), "-fpubkey", str(public), "-expire", "300"]
    return subprocess.run(argv, capture_output=True, timeout=20, check=False).stdout.strip() == b"ok"


@pytest.mark.parametrize("attest", ["A", "B", "C"])
def test_it_takes_ours(attest: str, program: str, tmp_path: Path) -> None:
    value = Signer(party().holder.key, X5U).shaken(CALLER, [CALLED, SECOND], attest, ORIGID, time.time())
    assert accepts(program, value, tmp_path)
    other = Signer(party().holder.key, X5U).shaken(CALLER, [SECOND], attest, ORIGID, time.time())
    head, body, _ = other.partition(";")[0].split(".")
    mixed = f"{head}.{body}.{value.partition(';')[0].rpartition('.')[2]};{value.partition(';')[2]}"
    assert not accepts(program, mixed, tmp_path)  # our claims, another token's signature


@pytest.mark.parametrize("attest", ["A", "B", "C"])
def test_we_take_its(attest: str, program: str, tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_bytes(party().holder.key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
    argv = [program, "-sign-full", "-fprvkey", str(key), "-orig-tn", CALLER.value, "-dest-tn", CALLED.value, "-attest", attest, "-x5u", X5U]  # fmt: skip
    value = subprocess.run(argv, capture_output=True, timeout=20, check=True).stdout.strip()
    iat = passport.decode(identity.parse(value).token).iat  # by its clock; our certificates are of another year
    found = verify(SignedCall(CALLER, (CALLED,)), [value], {X5U: party().validated}, iat)
    assert (found.result, found.findings) == (Result.PASSED, ())
    wrong = verify(SignedCall(CALLER, (SECOND,)), [value], {X5U: party().validated}, iat)
    assert wrong.result is Result.FAILED
