"""SIPp as caller and callee: runs one scenario of `sipp/`, reads its statistics and the messages it saw."""

from __future__ import annotations

import csv
import re
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

from tests.wire.peers import CALLER, Program, free_port, require

SCENARIOS: Final = Path(__file__).with_name("sipp")
ALLOCATED: Final = "+862488880001"  # belongs to acme-1
SPOOFED: Final = "+8613800138000"  # belongs to nobody here
CALLED: Final = "+8613900139000"

_serial = count(1)
_LOGGED: Final = re.compile(
    rb"^(?:UDP|TCP) message (sent|received) [\[(](\d+)(?: bytes\):|\] bytes :)\n\n", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Statistics:
    """What SIPp counted. `retransmissions` are those sent, `repeats` those received."""

    created: int
    succeeded: int
    failed: int
    retransmissions: int
    repeats: int
    unexpected: int


@dataclass(frozen=True, slots=True)
class Load:
    """How many calls, at which rate a second; `hold` is -d, in ms; `log` keeps every message."""

    calls: int = 1
    rate: int = 10
    hold: int = 200
    linger: int = 100  # ms that a finished call still answers retransmissions
    seconds: int = 40  # the whole run is bounded by this
    log: bool = True
    transport: str = "u1"  # -t: u1 is UDP, t1 one TCP connection, tn one for each call
    options: bool = False  # answer OPTIONS; such a callee is never done, for each question is a call to SIPp
    numbers: Path | None = None  # a CSV whose columns are [field0], [field1] … in `Who`, one row a call


@dataclass(frozen=True, slots=True)
class Who:
    """What a caller says about itself: From (without tag), one more header line, and whom it calls."""

    number: str = ALLOCATED
    display: str = ""
    asserted: str | None = None  # the number in P-Asserted-Identity; None: the same, "": no such field
    called: str = CALLED
    host: str = CALLER
    identity: str = ""  # the value of an Identity field
    more: str = ""  # one more header line

    def parameters(self) -> dict[str, str]:
        """Return what stands for @FROM@, @ASSERTED@ and @CALLED@ in a scenario."""
        number = self.number if self.asserted is None else self.asserted
        asserted = f"P-Asserted-Identity: <sip:{number}@{self.host}>" if number else "Subject: nothing asserted"
        shown = f"{self.display} <sip:{self.number}@{self.host}>".strip()
        more = f"\n      Identity: {self.identity}" if self.identity else ""
        more += f"\n      {self.more}" if self.more else ""
        return {"FROM": shown, "ASSERTED": asserted + more, "CALLED": self.called}


class Sipp:
    """One SIPp process. `caller` and `callee` say what it plays; `within` is a command that starts it elsewhere."""

    def __init__(
        self,
        directory: Path,
        scenario: str,
        parameters: Mapping[str, str],
        argv: Sequence[str],
        port: int,
        within: Sequence[str] = (),
    ) -> None:
        self.name = f"{scenario.replace(':', '-')}-{next(_serial)}"
        self.directory = directory / self.name
        self.directory.mkdir()
        self.port = port
        script = _write(self.directory, scenario, parameters)
        argv = [*within, require("sipp", "sip-tester"), "-sf", script.name, *argv]
        self.program = Program(self.name, argv, self.directory)

    def wait(self, seconds: float = 60.0) -> Statistics:
        """Wait until all calls are over; every call must have followed the scenario."""
        status = self.program.wait(seconds)
        if status != 0:
            raise AssertionError(f"exit {status} of {self.name}\n{self.errors()}\n{self.program.complaint()}")
        return self.statistics()

    def finish(self, seconds: float = 60.0) -> Statistics:
        """Tell an endless callee to end once its calls are over, and wait for that."""
        self.program.send(signal.SIGUSR1)
        return self.wait(seconds)

    def statistics(self) -> Statistics:
        """Read the last line of both statistics files."""
        total, counts = self._last("stat.csv"), self._last("*_counts.csv")
        sent = [key for key in counts if key.endswith("_Sent")]
        resent = sum(int(counts[key.replace("_Sent", "_Retrans")]) for key in sent)
        every = sum(int(value) for key, value in counts.items() if key.endswith("_Retrans"))
        return Statistics(
            created=int(total["TotalCallCreated"]),
            succeeded=int(total["SuccessfulCall(C)"]),
            failed=int(total["FailedCall(C)"]),
            retransmissions=resent,
            repeats=every - resent,
            unexpected=sum(int(value) for key, value in counts.items() if key.endswith("_Unexp")),
        )

    def messages(self, direction: str) -> list[bytes]:
        """Return the messages "sent" or "received", in order, from the message log."""
        log = (self.directory / "messages.log").read_bytes()
        hits = [hit for hit in _LOGGED.finditer(log) if hit[1] == direction.encode("ascii")]
        return [log[hit.end() : hit.end() + int(hit[2])] for hit in hits]

    def response(self, status: int) -> bytes:
        """Return the first response with this status that came in."""
        start = b"SIP/2.0 %d " % status
        return next(message for message in self.messages("received") if message.startswith(start))

    def errors(self) -> str:
        """Return the end of SIPp's own error log."""
        log = self.directory / "errors.log"
        return log.read_text(encoding="utf-8", errors="replace")[-4000:] if log.exists() else ""

    def kill(self) -> None:
        """End SIPp at once."""
        self.program.kill()

    def _last(self, pattern: str) -> dict[str, str]:
        (file,) = self.directory.glob(pattern)
        with file.open(encoding="ascii") as lines:
            rows = list(csv.DictReader(lines, delimiter=";"))
        return {key: value for key, value in rows[-1].items() if key and value is not None}


def caller(
    directory: Path,
    scenario: str,
    to: tuple[str, int],
    who: Who,
    load: Load,
    at: tuple[str, int],
    within: Sequence[str] = (),
) -> Sipp:
    """Start a SIPp that makes `load.calls` calls from `at` to the proxy at `to`."""
    rate = ["-m", str(load.calls), "-r", str(load.rate), "-l", str(max(load.calls, 10))]
    numbers = ["-inf", str(load.numbers)] if load.numbers else []
    argv = [*_common(load, at), *rate, *numbers, f"{to[0]}:{to[1]}"]
    return Sipp(directory, scenario, who.parameters() | {"LINGER": str(load.linger)}, argv, at[1], within)


def callee(
    directory: Path,
    scenario: str,
    load: Load,
    at: tuple[str, int],
    contact: str = "",
    within: Sequence[str] = (),
) -> Sipp:
    """Start a SIPp that takes `load.calls` calls at `at`, endlessly many with 0; `contact` is its Contact."""
    limit = ["-m", str(load.calls)] if load.calls else []
    parameters = {"CONTACT": contact or f"{at[0]}:{at[1]}", "LINGER": str(load.linger)}
    made = Sipp(directory, scenario, parameters, [*_common(load, at), *limit], at[1], within)
    made.program.wait_bound(at[1], tcp=load.transport != "u1")
    return made


def _common(load: Load, at: tuple[str, int]) -> list[str]:
    log = ["-trace_msg", "-message_file", "messages.log"] if load.log else []
    return [
        *("-i", at[0], "-bind_local", "-p", str(at[1]), "-mp", str(free_port())),
        *("-t", load.transport, "-max_socket", "1000", "-nostdin", "-d", str(load.hold), "-cid_str", "%u-%p@%s"),
        *("-timeout", f"{load.seconds}s", "-timeout_error", "-recv_timeout", str(load.seconds * 1000)),
        *("-trace_err", "-error_file", "errors.log", "-trace_stat", "-stf", "stat.csv", "-fd", "1"),
        *("-trace_counts", "-buff_size", "4194304", *(["-aa"] if load.options else []), *log),
    ]


def _write(directory: Path, name: str, parameters: Mapping[str, str]) -> Path:
    """Write the scenario with its parameters: "caller_refused:403" is caller_refused.xml for status 403."""
    base, _, status = name.partition(":")
    text = (SCENARIOS / f"{base}.xml").read_text(encoding="utf-8")
    for key, value in {**parameters, "STATUS": status}.items():
        text = text.replace(f"@{key}@", value)
    file = directory / f"{base}.xml"
    file.write_text(text, encoding="utf-8")
    return file
