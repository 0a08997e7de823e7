"""One running transaction: where it stands in its table, and what it repeats on the wire."""

from __future__ import annotations

from proxy.transaction.arrows import Step, Table
from proxy.transaction.key import Key

_STAY: tuple[str, ...] = ()


class Machine:
    """
    A transaction in some state of its table.

    `data`, `to`, `listener` and `flow` are the message that is repeated and where it goes (`data` b"" before
    there is one); `interval` the next length of its retransmission timer, in seconds; `reliable` whether the
    transport repeats by itself, and `renewed` whether the request has gone once more over another connection;
    `owner` whatever the transaction user keeps with it; `armed` belongs to the timers.
    """

    __slots__ = (
        "__weakref__",
        "armed",
        "data",
        "flow",
        "interval",
        "key",
        "listener",
        "owner",
        "reliable",
        "renewed",
        "state",
        "table",
        "to",
    )

    def __init__(self, table: Table, start: str, key: Key, to: tuple[str, int], listener: int, interval: float) -> None:
        self.table = table
        self.state = start
        self.key = key
        self.data = b""
        self.to = to
        self.listener = listener
        self.flow = 0
        self.interval = interval
        self.reliable = False
        self.renewed = False
        self.owner: object = None
        self.armed: dict[str, float] = {}

    def on(self, event: str) -> tuple[str, ...]:
        """Take the arrow of `event` and return its actions; an event without an arrow changes nothing."""
        step: Step | None = self.table[self.state].get(event)
        if step is None:
            return _STAY
        self.state = step[0]
        return step[1]

    def __repr__(self) -> str:
        return f"Machine({self.key[:2]!r}, {self.state}, timers {sorted(self.armed)})"
