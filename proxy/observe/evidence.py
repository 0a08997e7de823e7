"""Evidence of one node: its record files held against their chain and the checkpoints (docs/evidence.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from proxy.observe import checkpoint
from proxy.observe.chain import files_of, record_files, series_of
from proxy.observe.checkpoint import Checkpoint
from proxy.observe.evidence_key import Keys
from proxy.observe.findings import Fault, Findings, Place
from proxy.observe.walk import Walk


def verify(
    directory: Path,
    keys: Keys,
    copies: Sequence[Path] = (),
    progress: Callable[[int], object] = lambda _octets: None,
    series: str = "",
) -> Findings:
    """
    Walk one chain of the records of a directory. Raises OSError.

    Args:
        directory: Where `calls-*.jsonl` and `checkpoints.jsonl` are.
        keys: Public keys that checkpoints may be signed with; without any, signatures are not checked.
        copies: Files of checkpoints that were kept elsewhere.
        progress: Is told how many octets have been read.
        series: Which chain, "" for the first; `series_in` says which there are.
    """
    faults: list[Fault] = []
    believed, files = _standing(directory, keys, faults, series)
    believed += copies_of(copies, keys, faults, series)
    walk = Walk(believed)
    for fault in faults:
        walk.found.fault(fault)
    walk.found.signatures = "checked" if keys else "not checked"
    walk.found.keys = tuple(keys)
    for path in files:
        with path.open("rb") as file:
            walk.file(path.name, file, last=path is files[-1], progress=progress)
    return walk.finish()


def _standing(directory: Path, keys: Keys, faults: list[Fault], series: str) -> tuple[list[Checkpoint], list[Path]]:
    """
    The checkpoints and files of one moment, though a node may be at work: files are listed behind the checkpoints, as
    these name what is written already, and none may have expired meanwhile, which would look like one that is missing.
    """
    own = directory / checkpoint.file_of(series)
    before: list[Path] | None = None
    files: list[Path] = []
    believed: list[Checkpoint] = []
    while before is None or before[:1] != files[:1]:
        before = files_of(directory, series)
        del faults[:]
        believed = list(noted(own.name, _lines(own), keys, faults)) if own.exists() else []
        files = files_of(directory, series)
    return believed, files


def series_in(directory: Path, copies: Sequence[Path] = ()) -> list[str]:
    """The chains that a directory has, or that checkpoints kept elsewhere tell of: "" first, then "1", "2" …"""
    found = {series_of(path.name) or "" for path in record_files(directory)}
    found |= {
        of for path in directory.glob("checkpoints*.jsonl") if (of := checkpoint.series_of(path.name)) is not None
    }
    for each in copies_of_any(copies):
        found.add(series_of(each.file) or "")
    return sorted(found, key=lambda series: int(series or 0))


def copies_of_any(copies: Sequence[Path]) -> Iterator[Checkpoint]:
    """Whatever reads like a checkpoint in files that were kept elsewhere. Raises OSError."""
    for path in copies:
        yield from (signed.checkpoint for line in _lines(path) if (signed := checkpoint.read_or_none(line)))


def size_of(directory: Path) -> int:
    """How many octets of records there are to read."""
    return sum(path.stat().st_size for path in record_files(directory))


def copies_of(copies: Sequence[Path], keys: Keys, faults: list[Fault], series: str = "") -> list[Checkpoint]:
    """
    The checkpoints of a chain in files that were kept elsewhere; of one without any of any chain `faults` is told.

    Raises OSError.
    """
    believed = []
    for path in copies:
        kept = list(noted(str(path), _lines(path), keys, faults, may_be_torn=False))
        if not kept and not any(fault.place.file == str(path) for fault in faults):
            faults.append(Fault("checkpoint", Place(str(path), 1, 0)))
        believed += [each for each in kept if (series_of(each.file) or "") == series]
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
    return series_of(name) is not None


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while line := file.readline(checkpoint.MAX_LINE):
            yield line
