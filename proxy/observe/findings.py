"""What a walk along the chain finds: faults, gaps that the node has recorded itself, and what was proved."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

MOST: Final = 100  # faults and gaps that are kept; more are counted

# changed: a line is not what was hashed; dropped: lines are missing; inserted: a line that does not belong there;
# reordered: lines stand in another place; truncated: the end is missing; anew: the chain begins again at 1;
# rewritten: whole, and not what was signed; checkpoint: a checkpoint is not what was signed; unsigned: lines of a
# bundle stand behind its last checkpoint
Kind = Literal[
    "changed", "dropped", "inserted", "reordered", "truncated", "anew", "rewritten", "checkpoint", "unsigned"
]


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file, from 1, and the seq that stands or should stand there (0: none)."""

    file: str
    line: int
    seq: int


@dataclass(slots=True)
class Fault:
    """
    One fault, at the first line that is wrong; `first` to `last` are the records that are missing or in doubt.

    `found` counts those of them that stand elsewhere.
    """

    kind: Kind
    place: Place
    first: int = 0
    last: int = 0
    found: int = 0

    def settle(self) -> None:
        """Call it what it is, when all lines are known."""
        if self.kind == "dropped" and self.found == self.last - self.first + 1:
            self.kind = "reordered"

    def row(self) -> dict[str, object]:
        """The fault as values by name; `missing` counts records, null where none is missing."""
        missing = self.last - self.first + 1 - self.found if self.kind in ("dropped", "truncated") else None
        between = [self.first, self.last] if self.first else None
        where = {"kind": self.kind, "file": self.place.file, "line": self.place.line, "seq": self.place.seq or None}
        return where | {"between": between, "missing": missing}


@dataclass(frozen=True, slots=True)
class Gap:
    """A record of the node about records that it could not write; `lost` is None where it cannot know how many."""

    place: Place
    lost: int | None
    since: str
    until: str
    reason: str

    def row(self) -> dict[str, object]:
        """The gap as values by name."""
        where: dict[str, object] = {"seq": self.place.seq, "file": self.place.file, "line": self.place.line}
        return where | {"lost": self.lost, "since": self.since, "until": self.until, "reason": self.reason}


@dataclass(slots=True)
class Findings:
    """
    Everything that a walk has found.

    `first` and `last` are seqs, 0 without records. `begin` says how the beginning is known: "whole" (seq 1),
    "expired" (a signed checkpoint stands before it), "part" (of a bundle), "unproven". `sealed` is the last seq
    under a checkpoint that is right; `keys` are the fingerprints of the public keys that were believed. `torn`
    counts octets of a last line that has no end. `lost` sums the gaps whose number is known.
    """

    first: int = 0
    last: int = 0
    lines: int = 0
    octets: int = 0
    files: int = 0
    begin: Literal["whole", "expired", "part", "unproven", ""] = ""
    checkpoints: int = 0
    signatures: Literal["checked", "bundle key", "not checked"] = "not checked"
    keys: tuple[str, ...] = ()
    sealed: int = 0
    sealed_at: str = ""
    torn: int = 0
    lost: int = 0
    gap_count: int = 0
    fault_count: int = 0
    gaps: list[Gap] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def fault(self, fault: Fault) -> None:
        """Note a fault."""
        self.fault_count += 1
        if len(self.faults) < MOST:
            self.faults.append(fault)

    def gap(self, gap: Gap) -> None:
        """Note a gap."""
        self.gap_count += 1
        self.lost += gap.lost or 0
        if len(self.gaps) < MOST:
            self.gaps.append(gap)

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong."""
        return not self.fault_count

    def facts(self) -> dict[str, object]:
        """What was found as values by name."""
        return {
            "result": "passed" if self.is_good else "failed",
            "first": self.first or None,
            "last": self.last or None,
            "lines": self.lines,
            "octets": self.octets,
            "files": self.files,
            "begin": self.begin or None,
            "checkpoints": self.checkpoints,
            "signatures": self.signatures,
            "keys": list(self.keys),
            "sealed_to": self.sealed or None,
            "sealed_at": self.sealed_at or None,
            "unsealed": self.last - max(self.sealed, self.first - 1) if self.last else 0,
            "torn_octets": self.torn,
            "gaps": self.gap_count,
            "lost": self.lost,
        }
