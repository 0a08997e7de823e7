"""The configuration read anew in a child process, once for all workers: its result is a file that all of them map."""

from __future__ import annotations

import os
from dataclasses import dataclass
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Final, NoReturn

from proxy.app import read_loaded
from proxy.parts import Loaded, load_next, peers_of
from proxy.settings.problems import ConfigError, Problem

DONE: Final = 0
REFUSED: Final = 3


@dataclass(frozen=True, slots=True)
class Loading:
    """A reload under way: the child that reads (0 when it has ended), and the file that it writes."""

    pid: int
    file: int
    started: float
    force: bool

    def result(self, status: int, config: Path) -> tuple[Loaded | None, list[Problem]]:
        """What the child that ended with this wait status has found."""
        code = os.waitstatus_to_exitcode(status)
        if code == DONE:
            return read_loaded(os.dup(self.file)), []
        if code == REFUSED:
            return None, list(ForkingPickler.loads(os.pread(self.file, os.fstat(self.file).st_size, 0)))
        reason = {"error": f"exit status {code}"}
        return None, [Problem(str(config), 0, 0, "", "config.reload_failed", reason)]


def write(config: Path, file: int) -> NoReturn:
    """In the child: load, write what came of it, and end."""
    code = 1
    try:
        found: object
        try:
            loaded = load_next(config)
            found, code = loaded, DONE
            peers_of(config, loaded)  # what a worker could not make of it is no reason for it to end
        except ConfigError as error:
            found, code = tuple(error.problems), REFUSED
        data = memoryview(ForkingPickler.dumps(found))
        while data:
            data = data[os.write(file, data) :]
    except BaseException:  # noqa: BLE001  # whatever it was, the supervisor says that it failed
        code = 1
    finally:
        os._exit(code)
