"""Bundles: good as they were packed, and never good after tampering."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from random import Random  # noqa: TID251 - seeded: the same mutations each time

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from proxy.observe import checkpoint
from proxy.observe.bundle import MANIFEST, PUBLIC, BundleError, verify_bundle
from proxy.observe.evidence_key import fingerprint
from proxy.observe.export import Bound, find, pack, sealed_by
from tests.observe.chains import DAYS, KEYS, hash_of, name_of, records, write

Files = dict[str, bytes]
RECORDS = f"records/{name_of(DAYS[1])}"


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    """Records 30 to 80 of three days."""
    write(tmp_path / "records")
    marks = sealed_by(tmp_path / "records", KEYS)
    part = find(tmp_path / "records", marks, Bound(seq=30), Bound(seq=50), lambda _: None)
    pack(tmp_path / "packed", part, marks, KEYS, 0.0, "2026-11-26T00:00:00.000Z")
    return tmp_path / "packed"


def unpacked(path: Path) -> Files:
    with tarfile.open(path) as archive:
        members = [(member.name.removeprefix("evidence/"), archive.extractfile(member)) for member in archive]
        return {name: file.read() for name, file in members if file is not None}


def repacked(path: Path, files: Files) -> Path:
    path.unlink(missing_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(f"evidence/{name}")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return path


def test_a_bundle_as_it_was_packed_is_good(packed: Path) -> None:
    read: list[int] = []
    found = verify_bundle(packed, KEYS, progress=read.append)

    assert (found.is_good, found.first, found.last, found.sealed, found.begin) == (True, 30, 80, 80, "part")
    assert (found.signatures, found.keys) == ("checked", tuple(KEYS))
    assert sum(read) == packed.stat().st_size


def test_without_a_key_its_own_is_believed_and_that_is_said(packed: Path) -> None:
    found = verify_bundle(packed, {})

    assert (found.is_good, found.signatures, found.keys) == (True, "bundle key", tuple(KEYS))


def test_another_key_is_not_believed(packed: Path) -> None:
    other = Ed25519PrivateKey.from_private_bytes(b"o" * 32).public_key()
    found = verify_bundle(packed, {fingerprint(other): other})

    assert {fault.kind for fault in found.faults} == {"checkpoint", "unsigned"}


def without(line: int) -> Callable[[Files], Files]:
    def drop(files: Files) -> Files:
        lines = files[RECORDS].splitlines(keepends=True)
        del lines[line]
        return files | {RECORDS: b"".join(lines)}

    return drop


def longer(files: Files) -> Files:
    last = files[RECORDS].splitlines(keepends=True)[-1]
    return files | {RECORDS: files[RECORDS] + b"".join(records(3, 80, hash_of(last)))}


@pytest.mark.parametrize(
    ("tamper", "kinds"),
    [
        pytest.param(lambda x: x | {RECORDS: x[RECORDS].replace(b"acme-1", b"acme-2", 1)}, {"changed"}, id="changed"),
        pytest.param(without(5), {"dropped"}, id="dropped"),
        pytest.param(without(-1), {"truncated"}, id="truncated"),
        pytest.param(lambda x: x | {RECORDS: x[RECORDS][:-1]}, {"changed"}, id="torn"),
        pytest.param(longer, {"unsigned"}, id="longer"),
        pytest.param(lambda x: {k: v for k, v in x.items() if k != f"records/{name_of(DAYS[0])}"}, {"dropped"}, id="first-file"),
        pytest.param(lambda x: {k: v for k, v in x.items() if k != RECORDS}, {"truncated"}, id="last-file"),
        pytest.param(lambda x: {k: v for k, v in x.items() if "records" not in k}, {"truncated"}, id="no-records"),
        pytest.param(lambda x: x | {checkpoint.FILE: b""}, {"unsigned"}, id="no-checkpoints"),
        pytest.param(lambda x: x | {checkpoint.FILE: x[checkpoint.FILE][:-9]}, {"checkpoint", "unsigned"}, id="half-a-checkpoint"),
    ],
)  # fmt: skip
def test_what_was_done_to_it_is_named(packed: Path, tamper: Callable[[Files], Files], kinds: set[str]) -> None:
    found = verify_bundle(repacked(packed, tamper(unpacked(packed))), KEYS)

    assert {fault.kind for fault in found.faults} >= kinds


@pytest.mark.parametrize(
    "tamper",
    [
        pytest.param(lambda x: {k: v for k, v in x.items() if k != MANIFEST}, id="no-manifest"),
        pytest.param(lambda x: x | {MANIFEST: b"{}"}, id="odd-manifest"),
        pytest.param(lambda x: x | {MANIFEST: b" " * 2_000_000}, id="huge-manifest"),
        pytest.param(lambda x: {k: v for k, v in x.items() if k != checkpoint.FILE}, id="no-checkpoints"),
        pytest.param(lambda x: dict(reversed(x.items())), id="records-first"),
        pytest.param(lambda x: {k: v for k, v in x.items() if k != PUBLIC}, id="no-key"),
        pytest.param(lambda x: x | {PUBLIC: b"odd"}, id="odd-key"),
        pytest.param(lambda x: {}, id="empty"),
    ],
)
def test_what_is_no_bundle(packed: Path, tamper: Callable[[Files], Files]) -> None:
    with pytest.raises(BundleError):
        verify_bundle(repacked(packed, tamper(unpacked(packed))), {})


@pytest.mark.parametrize("data", [b"", b"odd", b"\x1f\x8b" + b"\0" * 100])
def test_what_is_no_archive(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "f").write_bytes(data)
    with pytest.raises(BundleError):
        verify_bundle(tmp_path / "f", KEYS)


def test_no_octet_changed_on_its_way_changes_a_record_unseen(packed: Path) -> None:
    whole, before, dice = packed.read_bytes(), unpacked(packed), Random(1)
    for _ in range(300):
        data = bytearray(whole)
        if dice.random() < 0.2:
            del data[dice.randrange(len(data)) :]
        else:
            data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        packed.write_bytes(data)
        try:
            is_good = verify_bundle(packed, KEYS).is_good
        except BundleError:
            continue
        if is_good:  # a flip in the text or between files is none in the records
            after = unpacked_loosely(packed)
            assert {k: v for k, v in after.items() if "calls" in k} == {k: v for k, v in before.items() if "calls" in k}


def unpacked_loosely(path: Path) -> Files:
    """As verify reads it: a stream, whose own check sum nobody asks."""
    with tarfile.open(path, "r|gz") as archive:
        return {
            member.name.removeprefix("evidence/"): file.read()
            for member in archive
            if member.isreg() and (file := archive.extractfile(member)) is not None
        }
