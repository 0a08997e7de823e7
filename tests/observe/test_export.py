"""Export: what was asked for, up to the checkpoint that closes it, and nothing half written."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
from pathlib import Path
from shutil import which

import pytest

from proxy.observe import checkpoint, export
from proxy.observe.bundle import MANIFEST, PUBLIC, README, verify_bundle
from proxy.observe.export import Bound, NothingThereError, NotSealedError, find, pack, sealed_by
from tests.observe.chains import DAYS, KEYS, SIGNER, hash_of, name_of, records, seal, write

TS = "2026-11-26T00:00:00.000Z"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Three days of forty records, each closed by a checkpoint, then ten that nobody has signed for."""
    made = tmp_path / "made"
    lines = write(made)
    with (made / name_of(DAYS[2])).open("ab") as file:
        file.write(b"".join(records(10, 120, hash_of(lines[-1]))))
    return made


def part_of(directory: Path, start: Bound, end: Bound) -> export.Part:
    return find(directory, sealed_by(directory, KEYS), start, end, lambda _octets: None)


@pytest.mark.parametrize(
    ("start", "end", "wanted", "packed"),
    [
        (Bound(seq=5), Bound(seq=9), (5, 9), (5, 40)),
        (Bound(seq=5), Bound(seq=40), (5, 40), (5, 40)),
        (Bound(seq=40), Bound(seq=41), (40, 41), (40, 80)),
        (Bound(seq=41), Bound(seq=41), (41, 41), (41, 80)),
        (Bound(seq=80), Bound(seq=81), (80, 81), (80, 120)),
        (Bound(seq=120), Bound(seq=120), (120, 120), (120, 120)),
        (Bound(), Bound(), (1, 120), (1, 120)),
        (Bound(seq=100), Bound(), (100, 120), (100, 120)),
        (Bound(ts="2026-11-23T08:00:05"), Bound(ts="2026-11-23T08:00:09"), (6, 10), (6, 40)),
        (Bound(ts="2026-11-23T08:01:30"), Bound(ts="2026-11-23T08:01:59"), (91, 120), (91, 120)),
        (Bound(seq=3), Bound(ts="2026-11-23T08:00:39"), (3, 40), (3, 40)),
    ],
)
def test_a_part_goes_up_to_a_checkpoint(
    directory: Path, tmp_path: Path, start: Bound, end: Bound, wanted: tuple[int, int], packed: tuple[int, int]
) -> None:
    part = part_of(directory, start, end)
    assert (part.wanted, (part.first, part.last)) == (wanted, packed)
    pack(tmp_path / "out", part, sealed_by(directory, KEYS), KEYS, 0.0, TS)
    found = verify_bundle(tmp_path / "out", KEYS)

    assert (found.is_good, found.first, found.last, found.lines) == (True, *packed, packed[1] - packed[0] + 1)


@pytest.mark.parametrize(
    ("start", "end"),
    [(Bound(seq=7), Bound(seq=6)), (Bound(ts="2027"), Bound()), (Bound(seq=999), Bound()), (Bound(), Bound(ts="2025"))],
)
def test_nothing_in_a_range_is_said(directory: Path, start: Bound, end: Bound) -> None:
    with pytest.raises(NothingThereError):
        part_of(directory, start, end)


@pytest.mark.parametrize("end", [Bound(seq=121), Bound(seq=500), Bound(ts="2026-11-24")])
def test_what_nobody_has_signed_for_is_not_packed(directory: Path, end: Bound) -> None:
    with pytest.raises(NotSealedError) as caught:
        part_of(directory, Bound(seq=5), end)

    assert caught.value.sealed == 120


def test_only_checkpoints_of_the_keys_count(directory: Path) -> None:
    with (directory / checkpoint.FILE).open("ab") as file:
        file.write(seal(records(1), 1).replace(b'"seq":1,', b'"seq":130,') + b"odd\n")

    assert [each.checkpoint.seq for each in sealed_by(directory, KEYS)] == [40, 80, 120]
    assert sealed_by(directory, {}) == []


def test_files_before_the_part_are_not_read(directory: Path) -> None:
    read: list[int] = []
    find(directory, sealed_by(directory, KEYS), Bound(seq=81), Bound(seq=85), read.append)

    assert sum(read) <= (directory / name_of(DAYS[2])).stat().st_size


def test_a_bundle_holds_lines_checkpoints_around_them_and_a_way_to_verify(directory: Path, tmp_path: Path) -> None:
    pack(tmp_path / "out", part_of(directory, Bound(seq=45), Bound(seq=50)), sealed_by(directory, KEYS), KEYS, 1e9, TS)
    with tarfile.open(tmp_path / "out") as archive:
        names = archive.getnames()
        archive.extractall(tmp_path / "x", filter="data")
    out = tmp_path / "x" / "evidence"
    whole = (directory / name_of(DAYS[1])).read_bytes().splitlines(keepends=True)

    assert names == [
        f"evidence/{name}" for name in (README, PUBLIC, MANIFEST, checkpoint.FILE, f"records/{name_of(DAYS[1])}")
    ]
    assert (out / "records" / name_of(DAYS[1])).read_bytes() == b"".join(whole[4:])
    kept = [checkpoint.read(line).checkpoint.seq for line in (out / checkpoint.FILE).read_bytes().splitlines()]
    assert kept == [40, 80]
    assert next(iter(KEYS)) in (out / README).read_text(encoding="utf-8")


def test_nothing_is_overwritten_and_nothing_half_is_left(directory: Path, tmp_path: Path) -> None:
    part, marks = part_of(directory, Bound(seq=5), Bound(seq=9)), sealed_by(directory, KEYS)
    (tmp_path / "there").write_bytes(b"x")
    with pytest.raises(FileExistsError):
        pack(tmp_path / "there", part, marks, KEYS, 0.0, TS)
    (directory / name_of(DAYS[0])).unlink()
    with pytest.raises(FileNotFoundError):
        pack(tmp_path / "out", part, marks, KEYS, 0.0, TS)

    assert (tmp_path / "there").read_bytes() == b"x"
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(which("openssl") is None, reason="no openssl")
@pytest.mark.parametrize("changed", [False, True])
def test_the_readme_verifies_without_this_program(directory: Path, tmp_path: Path, changed: bool) -> None:
    pack(tmp_path / "out", part_of(directory, Bound(seq=45), Bound(seq=90)), sealed_by(directory, KEYS), KEYS, 0.0, TS)
    with tarfile.open(tmp_path / "out") as archive:
        archive.extractall(tmp_path, filter="data")
    out = tmp_path / "evidence"
    program, shell = re.findall(r"```(?:python|sh)\n(.*?)```", (out / README).read_text(encoding="utf-8"), re.DOTALL)
    if changed:
        path = out / "records" / name_of(DAYS[2])
        path.write_bytes(path.read_bytes().replace(b"acme-1", b"acme-2", 1))
    chain = subprocess.run([sys.executable, "-I", "-c", program], cwd=out, capture_output=True, text=True, check=False)

    assert (chain.returncode != 0) == changed, chain.stderr
    if changed:
        assert f"{name_of(DAYS[2])}:1: changed" in chain.stderr
        return
    assert chain.stdout == "chain is whole up to seq 120\n"
    assert subprocess.run(["sh", "-c", shell], cwd=out, capture_output=True, check=False).returncode == 0
    signed = (out / "last.body").read_bytes()
    (out / "last.body").write_bytes(signed.replace(b"gw1", b"gw2"))
    assert subprocess.run(["sh", "-c", shell], cwd=out, capture_output=True, check=False).returncode != 0


def test_of_two_keys_the_last_signer_is_packed(directory: Path, tmp_path: Path) -> None:
    assert list(SIGNER.keys) == list(KEYS)
    other = checkpoint.Signer(export_key(), "gw1")
    lines = b"".join((directory / name_of(day)).read_bytes() for day in DAYS).splitlines(keepends=True)
    checkpoint.append(directory, other.line("stop", TS, name_of(DAYS[2]), 130, hash_of(lines[-1])))
    keys = {**KEYS, **other.keys}
    marks = sealed_by(directory, keys)
    pack(tmp_path / "out", find(directory, marks, Bound(seq=100), Bound(), lambda _: None), marks, keys, 0.0, TS)
    found = verify_bundle(tmp_path / "out", {})

    assert (found.is_good, found.keys, found.last) == (True, tuple(other.keys), 130)


def export_key() -> checkpoint.Ed25519PrivateKey:
    return checkpoint.Ed25519PrivateKey.from_private_bytes(b"2" * 32)
