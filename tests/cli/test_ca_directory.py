"""A private CA on disk: nothing is overwritten, keys are for their owner alone, wrong files are named."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from proxy.cli.ca_directory import CaDirectory, read_key, replace, write_pair
from stirshaken import hierarchy
from stirshaken.errors import MalformedError
from stirshaken.hierarchy import Validity

NAME = hierarchy.name("CN", "Carrier", "CA")
VALIDITY = Validity(1795564800.0, 30)
ROOT = hierarchy.root(NAME, hierarchy.new_key(), 1, VALIDITY)
MIDDLE = hierarchy.intermediate(ROOT, NAME, hierarchy.new_key(), 2, VALIDITY)


@pytest.fixture
def ca(tmp_path: Path) -> CaDirectory:
    made = CaDirectory(tmp_path / "new" / "ca")
    made.create(ROOT, MIDDLE)
    return made


def test_create(ca: CaDirectory) -> None:
    modes = {file.name: file.stat().st_mode & 0o777 for file in ca.path.iterdir()}
    assert {name for name in modes if name.endswith(".key")} == {"root.key", "intermediate.key"}
    assert {mode for name, mode in modes.items() if name.endswith(".key")} == {0o600}
    found = ca.intermediate()
    assert found.certificate == MIDDLE.certificate
    assert found.key.private_numbers() == MIDDLE.key.private_numbers()


@pytest.mark.parametrize("name", ["root.pem", "root.key", "intermediate.pem", "intermediate.key"])
def test_nothing_is_overwritten(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(FileExistsError) as caught:
        CaDirectory(tmp_path).create(ROOT, MIDDLE)
    assert Path(caught.value.filename).name == name
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_pair_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "leaf.key").write_text("mine")
    with pytest.raises(FileExistsError):
        write_pair(tmp_path / "leaf.pem", [MIDDLE.certificate], MIDDLE.key)
    assert [file.name for file in tmp_path.iterdir()] == ["leaf.key"]


def test_revoked(ca: CaDirectory) -> None:
    assert list(ca.revoked()) == []
    assert ca.revoke(0xABC, 1795564800.9)
    assert not ca.revoke(0xABC, 1.0)
    assert ca.revoke(1, 2.0)
    assert list(ca.revoked()) == [(0xABC, 1795564800.0), (1, 2.0)]


@pytest.mark.parametrize("line", ["x,1", "1", "1,2,3", "1,x", ",", "é,1"])
def test_broken_revocations(line: str, ca: CaDirectory) -> None:
    (ca.path / "revoked.csv").write_text(f"{line}\n", encoding="utf-8")
    with pytest.raises(MalformedError):
        list(ca.revoked())


def test_a_ca_file_that_holds_a_chain_is_refused(ca: CaDirectory) -> None:
    file = ca.path / "intermediate.pem"
    file.write_bytes(file.read_bytes() * 2)
    with pytest.raises(MalformedError):
        ca.intermediate()


def test_keys(tmp_path: Path) -> None:
    file = tmp_path / "x.key"
    for octets in (b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", rsa_pem()):
        file.write_bytes(octets)
        with pytest.raises(MalformedError):
            read_key(file)
    file.write_bytes(MIDDLE.key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
    assert isinstance(read_key(file).curve, ec.SECP256R1)


def rsa_pem() -> bytes:
    key = rsa.generate_private_key(65537, 2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def test_replace(tmp_path: Path) -> None:
    file = tmp_path / "list.pem"
    for octets in (b"old", b"new"):
        replace(file, octets)
        assert ([each.name for each in tmp_path.iterdir()], file.read_bytes()) == (["list.pem"], octets)
