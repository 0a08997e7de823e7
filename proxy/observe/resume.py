"""Where the chain of a node stands when it starts: what the process before it has left on disk."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from proxy.observe import checkpoint
from proxy.observe.chain import GENESIS, Link, files_of, first_line, last_line, link_of
from proxy.observe.checkpoint import Checkpoint, Signed
from proxy.observe.evidence_key import Keys


@dataclass(frozen=True, slots=True)
class Standing:
    """
    Where the chain goes on: behind `seq`, whose hash is `previous`, in the file of `day` ("" for none).

    `is_unclean`: the process before did not stop by itself, so records that waited in its memory are lost, since
    about `since` (RFC 3339). `begins`: the first record, where records are older than checkpoints.
    """

    seq: int = 0
    previous: str = GENESIS
    day: str = ""
    since: str = ""
    is_unclean: bool = False
    begins: Link | None = None

    def told(self) -> Standing:
        """The same, when the unclean end is recorded."""
        return replace(self, is_unclean=False)


def resume(directory: Path, keys: Keys, log: FilteringBoundLogger, series: str = "") -> Standing:
    """Find where a chain stands; a line that was torn by a kill is cut off. Raises OSError."""
    files = files_of(directory, series)[::-1]
    day = f"{files[0].name[6:10]}-{files[0].name[10:12]}-{files[0].name[12:14]}" if files else ""
    torn, link = _last_link(files, log)
    furthest, latest = _marks(directory / checkpoint.file_of(series), keys)
    stands = Standing(day=day)
    if link is not None:
        stands = replace(stands, seq=link.seq, previous=link.hash, since=link.ts)
    if furthest is not None and furthest.seq > stands.seq:  # records that were signed are gone
        if not furthest.begins:
            log.error("records.missing", first=stands.seq + 1, last=furthest.seq)
        stands = replace(stands, seq=furthest.seq, previous=furthest.hash, since=stands.since or furthest.ts)
    if latest is None:
        return replace(stands, is_unclean=torn, begins=_first_link(files) if keys and furthest is None else None)
    stopped = latest.reason == "stop" and latest.seq == stands.seq
    return replace(stands, is_unclean=torn or not stopped)


def _last_link(files: list[Path], log: FilteringBoundLogger) -> tuple[bool, Link | None]:
    """Whether a line was torn, and the place of the last line in the newest file that has any."""
    torn = 0
    for path in files:
        last = last_line(path)
        behind = path.stat().st_size - last.end
        if behind:
            torn += behind
            os.truncate(path, last.end)
            log.warning("records.torn_line_cut", file=path.name, octets=behind)
        if last.data:
            link = link_of(last.data[:-1])
            if link is None:
                log.error("records.chain_broken", file=path.name)
            return torn > 0, link
    return torn > 0, None


def _first_link(files: list[Path]) -> Link | None:
    """The place of the first record of all, where the chain does not begin with it."""
    for path in reversed(files):
        if line := first_line(path):
            link = link_of(line)
            return link if link is not None and link.seq > 1 else None
    return None


def _marks(path: Path, keys: Keys) -> tuple[Checkpoint | None, Checkpoint | None]:
    """The node's own checkpoint that is furthest along the chain, and the latest that says where the chain stood."""
    try:
        with path.open("rb") as file:
            signed = [each for line in file if (each := checkpoint.read_or_none(line)) is not None]
    except FileNotFoundError:
        signed = []
    by_seq = sorted(signed, key=lambda each: each.checkpoint.seq, reverse=True)
    standing = (each for each in reversed(signed) if not each.checkpoint.begins)
    return _genuine(by_seq, keys), _genuine(standing, keys)


def _genuine(signed: Iterable[Signed], keys: Keys) -> Checkpoint | None:
    return next((each.checkpoint for each in signed if each.is_genuine(keys)), None)
