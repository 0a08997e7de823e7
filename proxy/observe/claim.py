"""Which chain of a directory a process writes: the first that nobody else is writing."""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MOST: Final = 1000


@dataclass(frozen=True, slots=True)
class Claim:
    """A chain that is ours until `release`; `series` is "" for the first one."""

    series: str
    file: int

    def release(self) -> None:
        """Let others have it."""
        os.close(self.file)


def claim(directory: Path) -> Claim:
    """Take the first chain that is free; a process that dies leaves its own to the next. Raises OSError."""
    directory.mkdir(parents=True, exist_ok=True)
    for number in range(MOST):
        series = str(number or "")
        file = os.open(directory / f"chain{series and '-'}{series}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            continue
        return Claim(series, file)
    raise BlockingIOError(f"{MOST} chains of {directory} are being written")
