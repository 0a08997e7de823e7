"""Evidence of one node: its record files held against their chain and the checkpoints (docs/evidence.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from proxy.observe import checkpoint
from proxy.observe.chain import PATTERN
from proxy.observe.checkpoint import Checkpoint
from proxy.observe.evidence_key import Keys
from proxy.observe.findings import Fault, Findings, Place
from proxy.observe.walk import Walk

CHECKPOINTS: Final = checkpoint.FILE


def verify(
    directory: Path,
    keys: Keys,
    copies: Sequence[Path] = (),
    progress: Callable[[int], object] = lambda _octets: None,
) -> Findings:
    """
    Walk the records of a directory. Raises OSError.

    Args:
        directory: Where `calls-*.jsonl` and `checkpoints.jsonl` are.
        keys: Public keys that checkpoints may be signed with; without any, signatures are not checked.
        copies: Files of checkpoints that were kept elsewhere.
        progress: Is told how many octets have been read.
    """
    faults: list[Fault] = []
    believed, files = _standing(directory, keys, faults)
    believed += copies_of(copies, keys, faults)
    walk = Walk(believed)
    for fault in faults:
        walk.found.fault(fault)
    walk.found.signatures = "checked" if keys else "not checked"
    walk.found.keys = tuple(keys)
    for path in files:
        with path.open("rb") as file:
            walk.file(path.name, file, last=path is files[-1], progress=progress)
    return walk.finish()


def _standing(directory: Path, keys: Keys, faults: list[Fault]) -> tuple[list[Checkpoint], list[Path]]:
    """
    The checkpoints and files of one moment, though a node may be at work: files are listed behind the checkpoints, as
    these name what is written already, and none may have expired meanwhile, which would look like one that is missing.
    """
    own = directory / checkpoint.FILE
    before: list[Path] | None = None
    files: list[Path] = []
    believed: list[Checkpoint] = []
    while before is None or before[:1] != files[:1]:
        before = sorted(directory.glob(PATTERN))
        del faults[:]
        believed = list(noted(own.name, _lines(own), keys, faults)) if own.exists() else []
        files = sorted(directory.glob(PATTERN))
    return believed, files


def size_of(directory: Path) -> int:
    """How many octets of records there are to read."""
    return sum(path.stat().st_size for path in directory.glob(PATTERN))


def copies_of(copies: Sequence[Path], keys: Keys, faults: list[Fault]) -> list[Checkpoint]:
    """The checkpoints of files that were kept elsewhere; of one without any `faults` is told. Raises OSError."""
    believed = []
    for path in copies:
        kept = list(noted(str(path), _lines(path), keys, faults, may_be_torn=False))
        if not kept and not any(fault.place.file == str(path) for fault in faults):
            faults.append(Fault("checkpoint", Place(str(path), 1, 0)))
        believed += kept
    return believed


def noted(
    name: str, lines: Iterable[bytes], keys: Keys, faults: list[Fault], *, may_be_torn: bool = True
) -> Iterator[Checkpoint]:
    """The checkpoints among lines that may be believed; of the others `faults` is told, unless the last is torn."""
    for number, line in enumerate(lines, 1):
        if (signed := checkpoint.read_or_none(line)) is None:
            if line.endswith(b"\n") or not may_be_torn:  # a torn one is written again by the node
                faults.append(Fault("checkpoint", Place(name, number, 0)))
        elif keys and not signed.is_genuine(keys):
            faults.append(Fault("checkpoint", Place(name, number, signed.checkpoint.seq)))
        else:
            yield signed.checkpoint


def is_record_file(name: str) -> bool:
    """Whether a file of that name is one of records."""
    return fnmatchcase(name, PATTERN)


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while line := file.readline(checkpoint.MAX_LINE):
            yield line
