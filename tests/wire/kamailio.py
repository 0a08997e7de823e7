"""Kamailio 5.6 with one of our configurations, in the foreground, with its fast allocators."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.wire.peers import Program, require

ROOT: Final = Path(__file__).resolve().parents[2]
NEXT_HOP: Final = ROOT / "config" / "kamailio" / "next-hop.cfg"
PREVIOUS_HOP: Final = ROOT / "config" / "kamailio" / "previous-hop.cfg"


class Kamailio:
    """
    A running Kamailio.

    `values` replaces the `#!define`d values of the configuration (`LISTEN`, `NEXT_HOP` …): the shipped
    files guard each with `#!ifndef`, so a test runs the very file that an operator copies.
    `-x fm -X fm`: Debian's default allocators are the debugging ones. `memory` is shared and private, MB.
    """

    def __init__(
        self,
        directory: Path,
        config: Path,
        port: int,
        values: Mapping[str, str],
        memory: tuple[int, int] = (64, 8),
        *,
        tcp: bool = False,
    ) -> None:
        self.port = port
        self.directory = directory / f"kamailio-{port}"
        run = self.directory / "run"
        run.mkdir(parents=True)
        defines = [word for name, value in values.items() for word in ("-A", f"{name}={value}")]
        argv = [
            *(require("kamailio", "kamailio"), "-f", str(config), "-DD", "-E", "-x", "fm", "-X", "fm"),
            *(
                "-m",
                str(memory[0]),
                "-M",
                str(memory[1]),
                "-Y",
                str(run),
                "-w",
                str(self.directory),
                *defines,
            ),
        ]
        self.program = Program("kamailio", argv, self.directory)
        self.program.wait_bound(port, tcp=tcp)

    def stop(self) -> None:
        """End it; an unclean end is an error."""
        status = self.program.stop(10.0)
        assert status == 0, self.program.complaint()

    def kill(self) -> None:
        """End it and its children at once."""
        self.program.kill()
