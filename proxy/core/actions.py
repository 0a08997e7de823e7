"""What the proxy core asks its surroundings to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from proxy.call.model import Call
from proxy.checks.base import Verdict

Address: TypeAlias = tuple[str, int]
EndedBy = Literal["caller", "callee", "proxy", "timeout"]


class Send:
    """
    Put `data` on the wire to `to` from the listener with index `listener`; where that is of TCP or TLS, by the
    connection `flow` while it is open (0: by any to that address), else by a new one.
    """

    __slots__ = ("data", "flow", "listener", "to")

    def __init__(self, data: bytes, to: Address, listener: int, flow: int = 0) -> None:
        self.data = data
        self.to = to
        self.listener = listener
        self.flow = flow

    def __repr__(self) -> str:
        first_line = self.data.partition(b"\r\n")[0]
        return f"Send({first_line!r}, to={self.to}, listener={self.listener})"


class Judge:
    """Ask for the verdict on a call; the answer comes back through `ProxyCore.judged(ticket, …)`."""

    __slots__ = ("call", "ticket")

    def __init__(self, ticket: int, call: Call) -> None:
        self.ticket: Final = ticket
        self.call: Final = call

    def __repr__(self) -> str:
        return f"Judge({self.ticket}, {self.call!r})"


class Commit:
    """Have `report` on disk; what it says is done once that is said through `ProxyCore.recorded(ticket, …)`."""

    __slots__ = ("at", "report", "ticket")

    def __init__(self, ticket: int, report: Decided | Refused) -> None:
        self.ticket: Final = ticket
        self.report: Final = report
        self.at: Final = report.at

    def __repr__(self) -> str:
        return f"Commit({self.ticket}, {self.report!r})"


# The reports are not frozen: nobody changes them, and freezing makes each four times dearer to make.


@dataclass(slots=True)
class Decided:
    """
    Report: the verdict of a call, at the moment it is acted on.

    `status` is the SIP status that the proxy itself answered (None when the call was passed on);
    `next_hop` is "ip:port" of where it went ("" when rejected); `at` and `elapsed` are seconds,
    `at` on the core's clock.
    """

    at: float
    call: Call
    verdict: Verdict
    status: int | None
    next_hop: str
    callee_trunk: str
    elapsed: float


@dataclass(slots=True)
class Ended:
    """
    Report: a call is over. `ring` is from the INVITE to the final answer, `duration` from the answer
    to the end (0.0 when not answered), both in seconds. `messages` is the ladder: (seconds since the
    INVITE, "in" | "out", "ip:port", "INVITE" | "180 Ringing" …).
    """

    at: float
    call: Call
    verdict: Verdict
    callee_trunk: str
    next_hop: str
    status: int
    answered: bool
    ring: float
    duration: float
    ended_by: EndedBy
    messages: tuple[tuple[float, str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """
    Report: a request from a source that is no trunk, which was refused. `status` is what it was answered, None for
    nothing at all.
    """

    at: float
    source: str
    listener: str
    call_id: str
    method: str
    caller: str
    called: str
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Late:
    """Report: from `since` to `at`, `count` verdicts were acted on before their records were on disk."""

    at: float
    since: float
    count: int


@dataclass(frozen=True, slots=True)
class HopChanged:
    """Report: a next hop ("ip:port") is down, for `cause`, or `up` again. It goes into the log, not into a record."""

    at: float
    next_hop: str
    up: bool
    cause: str


@dataclass(slots=True)
class Shown:
    """
    Report: the messages of a call that was judged, where such calls are shown. `request` came from `source` to
    `listener`; `sent` is the answer, or the request as it went on (b"" for neither), from `egress` to `to`. `by_stream`
    says of each of the two whether it went over TCP or TLS.
    """

    at: float
    call_id: str
    trunk: str
    verdict: Verdict
    request: bytes
    source: Address
    listener: Address
    sent: bytes
    egress: Address
    to: Address
    by_stream: tuple[bool, bool] = (False, False)


Report: TypeAlias = Decided | Ended | Refused | Late
News: TypeAlias = Report | HopChanged | Shown
Action: TypeAlias = Send | Judge | Commit | News
