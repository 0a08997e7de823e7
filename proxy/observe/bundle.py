"""A bundle: a part of the records with its proof, one file that anyone can verify (docs/evidence.md)."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from io import FileIO
from pathlib import Path
from typing import IO, Final, Literal

import msgspec

from proxy.observe import checkpoint
from proxy.observe.chain import series_of
from proxy.observe.checkpoint import Checkpoint
from proxy.observe.evidence import copies_of, is_record_file, noted
from proxy.observe.evidence_key import Keys, public_keys
from proxy.observe.findings import Fault, Findings, Place
from proxy.observe.walk import Walk

ROOT: Final = "evidence"
README: Final = "README.md"
MANIFEST: Final = "manifest.json"
PUBLIC: Final = "evidence.pub"
RECORDS: Final = "records"
SMALL: Final = 1 << 20  # octets of a manifest or a key at most
MUCH: Final = 1 << 28  # octets of checkpoints at most, as they are read into memory


class Manifest(msgspec.Struct, frozen=True):
    """What is in a bundle: `first` to `last` is packed, `wanted` what was asked for. It is not signed."""

    v: Literal[1]
    kind: Literal["trunkward.evidence"]
    node: str
    first: int
    last: int
    wanted: tuple[int, int]
    made_at: str


class BundleError(ValueError):
    """A file that is no bundle, or a damaged one."""


def verify_bundle(
    path: Path,
    keys: Keys,
    copies: Sequence[Path] = (),
    progress: Callable[[int], object] = lambda _octets: None,
) -> Findings:
    """
    Walk the records of a bundle, which may be of any size; without `keys`, that in the bundle is believed.

    `progress` is told how many octets of the file have been read. Raises BundleError, OSError.
    """
    with _Counted(path, progress) as file:
        try:
            with tarfile.open(fileobj=file, mode="r|gz") as archive:
                return _Reading(keys, copies).walk(archive)
        except (tarfile.TarError, EOFError, zlib.error) as error:
            raise BundleError(str(error)) from None


class _Reading:
    """One bundle, read from its beginning to its end."""

    def __init__(self, keys: Keys, copies: Sequence[Path]) -> None:
        self._keys = keys
        self._signatures: Literal["checked", "bundle key"] = "checked" if keys else "bundle key"
        self._copies = copies
        self._manifest: Manifest | None = None

    def walk(self, archive: tarfile.TarFile) -> Findings:
        walk: Walk | None = None
        for name, file in _members(archive):
            if name == PUBLIC and not self._keys:
                self._keys = self._key(file)
            elif name == MANIFEST:
                self._manifest = _manifest(file)
            elif name == checkpoint.FILE and walk is None:
                walk = self._begin(file)
            elif name.startswith(f"{RECORDS}/") and is_record_file(name.removeprefix(f"{RECORDS}/")):
                if walk is None:
                    raise BundleError("its checkpoints do not stand before its records")
                walk.file(name, file, last=False, progress=lambda _octets: None)
        if walk is None or self._manifest is None:
            raise BundleError(f"it has no {MANIFEST} or no {checkpoint.FILE}")
        return _finish(walk, self._manifest)

    def _key(self, file: IO[bytes]) -> Keys:
        try:
            return public_keys([_small(file, SMALL)])
        except ValueError as error:
            raise BundleError(str(error)) from None

    def _begin(self, file: IO[bytes]) -> Walk:
        if not self._keys:
            raise BundleError(f"it has no {PUBLIC}")
        faults: list[Fault] = []
        lines = _small(file, MUCH).splitlines(keepends=True)
        believed: list[Checkpoint] = list(noted(checkpoint.FILE, lines, self._keys, faults, may_be_torn=False))
        series = next((series_of(each.file) or "" for each in reversed(believed) if each.file), "")
        believed += copies_of(self._copies, self._keys, faults, series)
        walk = Walk(believed, is_part=True)
        for fault in faults:
            walk.found.fault(fault)
        walk.found.signatures = self._signatures
        walk.found.keys = tuple(self._keys)
        return walk


def _finish(walk: Walk, manifest: Manifest) -> Findings:
    """Nothing may be missing of what the manifest promises, and a checkpoint closes it."""
    found = walk.finish()
    if found.first > manifest.first:
        place = Place(RECORDS, 1, found.first)
        found.fault(Fault("dropped", place, manifest.first, found.first - 1))
    if found.last > found.sealed:
        found.fault(Fault("unsigned", walk.place, found.sealed + 1, found.last))
    return found


def _members(archive: tarfile.TarFile) -> Iterator[tuple[str, IO[bytes]]]:
    """The regular files of a bundle by their names in it."""
    for member in archive:
        file = archive.extractfile(member) if member.isreg() else None
        if file is not None and member.name.startswith(f"{ROOT}/"):
            yield member.name.removeprefix(f"{ROOT}/"), file


def _manifest(file: IO[bytes]) -> Manifest:
    try:
        return msgspec.json.decode(_small(file, SMALL), type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BundleError(f"{MANIFEST} is none") from None


def _small(file: IO[bytes], most: int) -> bytes:
    data = file.read(most + 1)
    if len(data) > most:
        raise BundleError("it is too large")
    return data


class _Counted(FileIO):
    """A file that tells how much of it has been read."""

    def __init__(self, path: Path, progress: Callable[[int], object]) -> None:
        super().__init__(path, "rb")
        self._progress = progress

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size) or b""
        self._progress(len(data))
        return data
