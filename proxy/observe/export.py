"""Packs a part of the records with its proof: what was asked for, up to the checkpoint that closes it."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from string import Template
from typing import Final

import msgspec

from proxy.observe import bundle, checkpoint
from proxy.observe.bundle import Manifest
from proxy.observe.chain import Link, files_of, first_line, link_of
from proxy.observe.checkpoint import Signed
from proxy.observe.evidence_key import Keys, fingerprint, public_pem


@dataclass(frozen=True, slots=True)
class Bound:
    """One end of a range: a seq, or what `reading.moment` gives; neither: as far as there is."""

    seq: int = 0
    ts: str = ""

    def is_reached(self, link: Link) -> bool:
        """Whether a range that begins here has begun with this record."""
        return link.seq >= self.seq and link.ts >= self.ts

    def is_passed(self, link: Link) -> bool:
        """Whether a range that ends here, inclusive, has ended before this record."""
        return bool(self.seq and link.seq > self.seq) or bool(self.ts and link.ts[: len(self.ts)] > self.ts)


@dataclass(frozen=True, slots=True)
class Slice:
    """The octets of one file that are packed."""

    path: Path
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the chain: `wanted` records are asked for, `first` to `last` are packed, from these octets."""

    first: int
    last: int
    wanted: tuple[int, int]
    slices: tuple[Slice, ...]


class NothingThereError(ValueError):
    """No record is in the range."""


class NotSealedError(ValueError):
    """No checkpoint closes the range yet; `sealed` is the last seq under one."""

    def __init__(self, sealed: int) -> None:
        super().__init__(f"sealed up to {sealed}")
        self.sealed = sealed


def sealed_by(directory: Path, keys: Keys, series: str = "") -> list[Signed]:
    """The checkpoints of a chain that one of the keys has signed, in their order. Raises OSError."""
    with (directory / checkpoint.file_of(series)).open("rb") as file:
        signed = (checkpoint.read_or_none(line) for line in file)
        return [each for each in signed if each is not None and each.is_genuine(keys)]


def find(
    directory: Path,
    marks: Sequence[Signed],
    start: Bound,
    end: Bound,
    progress: Callable[[int], object],
    series: str = "",
) -> Part:
    """
    Find a range of records of one chain, prolonged to the next checkpoint, without which nothing would prove its end.

    Raises NothingThereError, NotSealedError, OSError.
    """
    seqs = sorted({each.checkpoint.seq for each in marks})
    sealed = seqs[-1] if seqs else 0
    if not end.seq and not end.ts:
        end = Bound(seq=max(1, sealed))
    finding = _Finding(start, end, seqs)
    for path in _relevant(files_of(directory, series), start):
        finding.take(path, progress)
        if finding.is_over:
            break
    if not finding.first:
        raise NothingThereError
    last = finding.close()
    if not last:
        raise NotSealedError(sealed)
    return Part(finding.first, last, (finding.first, finding.wanted), tuple(finding.slices))


class _Finding:
    """Walks over files until the part that is looked for lies behind."""

    def __init__(self, start: Bound, end: Bound, seqs: list[int]) -> None:
        self._start, self._end, self._seqs = start, end, seqs
        self.first = self.wanted = 0
        self._closing = 0  # the seq of the checkpoint that closes the range, once its end is known
        self._seen = 0
        self.slices: list[Slice] = []
        self.is_over = False

    def take(self, path: Path, progress: Callable[[int], object]) -> None:
        """Look through one file."""
        begin = -1
        offset = 0
        with path.open("rb") as file:
            for line in file:
                link = link_of(line[:-1])
                belongs = link is not None and self._look(link)
                if self.is_over and not belongs:
                    break
                if belongs and begin < 0:
                    begin = offset
                offset += len(line)
                progress(len(line))
                if self.is_over:
                    break
        if begin >= 0:
            self.slices.append(Slice(path, begin, offset))

    def _look(self, link: Link) -> bool:
        """Whether a record belongs to the part."""
        passed = self._end.is_passed(link)
        if not self.first:
            self.is_over = passed
            if passed or not self._start.is_reached(link):
                return False
            self.first = link.seq
        if passed and not self._closing:
            self._closing = self._checkpoint_from(self.wanted) or self.wanted
        if self._closing and link.seq > self._closing:
            self.is_over = True
            return False
        if not self._closing:
            self.wanted = link.seq
        self._seen = link.seq
        self.is_over = link.seq == self._closing or self._is_last(link)
        return True

    def _is_last(self, link: Link) -> bool:
        """Whether a checkpoint closes the very record that was asked for as the last."""
        return self._end.seq == link.seq == self._checkpoint_from(link.seq)

    def _checkpoint_from(self, seq: int) -> int:
        return next((each for each in self._seqs if each >= seq), 0)

    def close(self) -> int:
        """The seq of the last record that is packed; 0 where no checkpoint closes the part."""
        closing = self._checkpoint_from(self.wanted)
        return closing if 0 < closing <= self._seen else 0


def _relevant(paths: list[Path], start: Bound) -> list[Path]:
    """The files from the one on in which a range may begin."""
    while len(paths) > 1:
        link = link_of(first_line(paths[1]))
        if link is None or not (link.seq <= start.seq or paths[0].name[6:14] < start.ts[:10].replace("-", "")):
            break
        del paths[0]
    return paths


def pack(out: Path, part: Part, marks: Sequence[Signed], keys: Keys, made_at: float, ts: str) -> None:
    """
    Write a bundle; `made_at` and `ts` are now, in epoch seconds and as text.

    Raises OSError, FileExistsError too; nothing is left of a bundle that could not be written whole.
    """
    around = _around(part, marks)
    key = next(keys[each.checkpoint.key] for each in reversed(around))
    manifest = Manifest(1, "trunkward.evidence", around[-1].checkpoint.node, part.first, part.last, part.wanted, ts)
    small = {
        bundle.README: _readme(manifest, fingerprint(key)),
        bundle.PUBLIC: public_pem(key),
        bundle.MANIFEST: msgspec.json.format(msgspec.json.encode(manifest)) + b"\n",
        checkpoint.FILE: b"".join(each.line for each in around if each.checkpoint.key == fingerprint(key)),
    }
    with out.open("xb") as file:
        try:
            with tarfile.open(fileobj=file, mode="w:gz", compresslevel=6) as archive:
                for name, data in small.items():
                    archive.addfile(_entry(name, len(data), made_at), BytesIO(data))
                for each in part.slices:
                    _add(archive, each, made_at)
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            with suppress(OSError):
                out.unlink()
            raise


def _add(archive: tarfile.TarFile, part: Slice, made_at: float) -> None:
    with part.path.open("rb") as file:
        file.seek(part.start)
        entry = _entry(f"{bundle.RECORDS}/{part.path.name}", part.end - part.start, made_at)
        archive.addfile(entry, file)


def _entry(name: str, size: int, made_at: float) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(f"{bundle.ROOT}/{name}")
    entry.size, entry.mtime, entry.mode = size, int(made_at), 0o644
    return entry


def _around(part: Part, marks: Sequence[Signed]) -> list[Signed]:
    """The checkpoints of a part: those within, and the last one before it."""
    before = max((each.checkpoint.seq for each in marks if each.checkpoint.seq < part.first), default=-1)
    return list(_between(marks, before, part.last))


def _between(marks: Sequence[Signed], first: int, last: int) -> Iterator[Signed]:
    yield from sorted(
        (each for each in marks if first <= each.checkpoint.seq <= last), key=lambda each: each.checkpoint.seq
    )


_README: Final = "bundle_readme.md"


def _readme(manifest: Manifest, key: str) -> bytes:
    """How to verify the bundle without this program, in Chinese and English."""
    text = (files("proxy.observe") / _README).read_text(encoding="utf-8")
    values = {"node": manifest.node, "first": manifest.first, "last": manifest.last, "made_at": manifest.made_at}
    wanted = {"wanted_first": manifest.wanted[0], "wanted_last": manifest.wanted[1]}
    return Template(text).substitute(values, **wanted, fingerprint=key).encode()
