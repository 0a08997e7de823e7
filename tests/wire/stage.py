"""The stage of one wire test: whoever enters leaves with it, last first, even when the test fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from tests.wire import play
from tests.wire.kamailio import Kamailio
from tests.wire.lossy import LossyRelay
from tests.wire.peers import CALLER, CORE, Sink, free_port
from tests.wire.phone import Phone
from tests.wire.play import Load, Sipp, Who
from tests.wire.trunkward import Proxy, Setting

Address = tuple[str, int]


class Stage:
    """Makes peers in `directory` and sees to their end."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._exits: list[Callable[[], None]] = []

    def proxy(self, setting: Setting) -> Proxy:
        """Start Trunkward."""
        home = self.directory / "trunkward"
        home.mkdir(exist_ok=True)
        made = Proxy(home, setting)
        self._exits.append(made.kill)
        return made

    def callee(self, scenario: str, load: Load | None = None, at: Address | None = None, contact: str = "") -> Sipp:
        """Start a SIPp that takes calls, on the core side unless said otherwise."""
        made = play.callee(self.directory, scenario, load or Load(), at or (CORE, free_port()), contact)
        self._exits.append(made.kill)
        return made

    def caller(
        self,
        scenario: str,
        to: Address,
        who: Who | None = None,
        load: Load | None = None,
        at: Address | None = None,
    ) -> Sipp:
        """Start a SIPp that makes calls, as trunk acme-1 unless said otherwise."""
        at = at or (CALLER, free_port())
        made = play.caller(self.directory, scenario, to, who or Who(host=at[0]), load or Load(), at)
        self._exits.append(made.kill)
        return made

    def kamailio(self, config: Path, port: int, values: Mapping[str, str]) -> Kamailio:
        """Start Kamailio on one of the shipped configurations."""
        made = Kamailio(self.directory, config, port, values)
        self._exits.append(made.kill)
        return made

    def phone(self, name: str, host: str) -> Phone:
        """Start a pjsua2 phone at a free port of `host`."""
        made = Phone(self.directory, name, host, free_port())
        self._exits.append(made.kill)
        return made

    def relay(self, front: Address, back: Address, beyond: Address, percent: int, seed: str) -> LossyRelay:
        """Start a relay that loses `percent` of the datagrams each way."""
        made = LossyRelay(front, back, beyond, percent, seed)
        self._exits.append(made.close)
        return made

    def sink(self, host: str = CORE, port: int = 0) -> Sink:
        """Open a bare UDP socket."""
        made = Sink(host, port)
        self._exits.append(made.close)
        return made

    def close(self) -> None:
        """Send everybody home."""
        while self._exits:
            self._exits.pop()()
