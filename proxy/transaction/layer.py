"""The transaction layer: runs the four tables, keeps their timers, and frees each transaction when it ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from proxy.sip import build
from proxy.sip.response import Response
from proxy.transaction import arrows, client_invite, client_non_invite, server_invite, server_non_invite
from proxy.transaction.key import Key
from proxy.transaction.machine import Machine
from proxy.transaction.timers import Lengths, Timers

Address: TypeAlias = tuple[str, int]
Transmit: TypeAlias = Callable[[bytes, Address, int, bool], None]
"""Called with the octets, where they go, the index of the listener to send from, and whether they are a repetition."""

_NOTICES: Final = frozenset({arrows.PASS_UP, arrows.TIMED_OUT, arrows.UNREACHABLE})


class Transactions:
    """
    Every running transaction of a node.

    `fire` answers with what the transaction user must hear: PASS_UP, TIMED_OUT or UNREACHABLE, or "".
    """

    __slots__ = ("_fixed", "_transmit", "clients", "lengths", "servers", "timers")

    def __init__(self, lengths: Lengths, transmit: Transmit) -> None:
        self.lengths = lengths
        self.timers = Timers()
        self.servers: dict[Key, Machine] = {}
        self.clients: dict[Key, Machine] = {}
        self._transmit = transmit
        patience = lengths.patience
        self._fixed = {  # all but A, E and G, which double
            arrows.TIMER_B: patience,
            arrows.TIMER_D: max(32.0, patience),
            arrows.TIMER_F: patience,
            arrows.TIMER_H: patience,
            arrows.TIMER_I: lengths.t4,
            arrows.TIMER_J: patience,
            arrows.TIMER_K: lengths.t4,
            arrows.TIMER_L: patience,
            arrows.TIMER_M: patience,
        }

    def __len__(self) -> int:
        return len(self.servers) + len(self.clients)

    def serve(self, key: Key, to: Address, listener: int, *, invite: bool) -> Machine:
        """Start a server transaction; its responses go to `to`."""
        room = server_invite if invite else server_non_invite
        machine = Machine(room.TABLE, room.START, key, to, listener, self.lengths.t1)
        self.servers[key] = machine
        return machine

    def request(self, key: Key, data: bytes, to: Address, listener: int, now: float, *, invite: bool) -> Machine:
        """Start a client transaction: send `data`, and repeat it until something is heard (RFC 3261 §17.1)."""
        room = client_invite if invite else client_non_invite
        machine = Machine(room.TABLE, room.START, key, to, listener, self.lengths.t1)
        machine.data = data
        self.clients[key] = machine
        self._transmit(data, to, listener, False)
        self._arm(machine, arrows.TIMER_A if invite else arrows.TIMER_E, now)
        self.timers.arm(machine, arrows.TIMER_B if invite else arrows.TIMER_F, self.lengths.patience, now)
        return machine

    def fire(
        self, machine: Machine, event: str, now: float, data: bytes = b"", response: Response | None = None
    ) -> str:
        """Give one event to a transaction and carry out the arrow's actions; `data` is what SEND puts on the wire."""
        notice = ""
        for action in machine.on(event):
            if action == arrows.SEND:
                machine.data = data
                self._transmit(data, machine.to, machine.listener, False)
            elif action in _NOTICES:
                notice = action
            elif action == arrows.RESEND:
                if machine.data:
                    self._transmit(machine.data, machine.to, machine.listener, True)
            elif action == arrows.STOP:
                self.timers.cancel_all(machine)
            elif action == arrows.ACKNOWLEDGE:
                if response is not None:
                    ack = build.companion(b"ACK", machine.data, response.data)
                    self._transmit(ack, machine.to, machine.listener, False)
            else:
                self._arm(machine, action, now)
        if machine.state == arrows.TERMINATED:
            self.forget(machine)
        elif machine.state == arrows.ACCEPTED:
            machine.data = b""  # RFC 6026: never repeated by the transaction; half a minute is long to keep it
        return notice

    def forget(self, machine: Machine) -> None:
        """Free a transaction, whatever its state."""
        self.timers.cancel_all(machine)
        key = machine.key
        table = self.clients if self.clients.get(key) is machine else self.servers
        if table.get(key) is machine:
            del table[key]
        machine.owner = None

    def _arm(self, machine: Machine, timer: str, now: float) -> None:
        fixed = self._fixed.get(timer)
        if fixed is not None:
            self.timers.arm(machine, timer, fixed, now)
            return
        length = machine.interval
        if timer == arrows.TIMER_A:
            machine.interval = 2 * length
        elif machine.state == arrows.PROCEEDING:
            length = self.lengths.t2
        else:
            machine.interval = min(2 * length, self.lengths.t2)
        self.timers.arm(machine, timer, length, now)
