"""The transaction layer: runs the four tables, keeps their timers, and frees each transaction when it ends."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Final, TypeAlias

from proxy.sip import build
from proxy.sip.response import Response
from proxy.transaction import arrows, client_invite, client_non_invite, server_invite, server_non_invite
from proxy.transaction.key import Key
from proxy.transaction.machine import Machine
from proxy.transaction.timers import Lengths, Timers

Address: TypeAlias = tuple[str, int]
Transmit: TypeAlias = Callable[[bytes, Address, int, bool, int], None]
"""
Called with the octets, where they go, the index of the listener to send from, whether they are a repetition, and the
connection to prefer (0: none).
"""

# Over a reliable transport nothing is repeated, and nobody waits for repetitions (RFC 3261 §17.1.1.2, §17.1.2.2,
# §17.2.1, §17.2.2).
_REPEATING: Final = frozenset({arrows.TIMER_A, arrows.TIMER_E, arrows.TIMER_G})
_LINGERING: Final = frozenset({arrows.TIMER_D, arrows.TIMER_I, arrows.TIMER_J, arrows.TIMER_K})
_NOTICES: Final = frozenset({arrows.PASS_UP, arrows.TIMED_OUT, arrows.UNREACHABLE})


class Transactions:
    """
    Every running transaction of a node; `reliable` are the listeners whose transport is.

    `fire` answers with what the transaction user must hear: PASS_UP, TIMED_OUT or UNREACHABLE, or "".
    """

    __slots__ = ("_fixed", "_reliable", "_transmit", "clients", "lengths", "servers", "timers")

    def __init__(self, lengths: Lengths, transmit: Transmit, reliable: Container[int] = ()) -> None:
        self.lengths = lengths
        self.timers = Timers()
        self.servers: dict[Key, Machine] = {}
        self.clients: dict[Key, Machine] = {}
        self._transmit = transmit
        self._reliable = reliable
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
        machine.reliable = listener in self._reliable
        self.servers[key] = machine
        return machine

    def request(
        self, key: Key, data: bytes, to: Address, listener: int, now: float, *, invite: bool, flow: int = 0
    ) -> Machine:
        """Start a client transaction: send `data`, and repeat it until something is heard (RFC 3261 §17.1)."""
        room = client_invite if invite else client_non_invite
        machine = Machine(room.TABLE, room.START, key, to, listener, self.lengths.t1)
        machine.data = data
        machine.flow = flow
        machine.reliable = listener in self._reliable
        self.clients[key] = machine
        self._transmit(data, to, listener, False, flow)
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
                self._transmit(data, machine.to, machine.listener, False, machine.flow)
            elif action in _NOTICES:
                notice = action
            elif action == arrows.RESEND:
                if machine.data:
                    self._transmit(machine.data, machine.to, machine.listener, True, machine.flow)
            elif action == arrows.STOP:
                self.timers.cancel_all(machine)
            elif action == arrows.ACKNOWLEDGE:
                if response is not None:
                    ack = build.companion(b"ACK", machine.data, response.data)
                    self._transmit(ack, machine.to, machine.listener, False, machine.flow)
            elif machine.reliable and action in _LINGERING:
                machine.on(action)
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

    def lost(self, flow: int, to: Address, listener: int) -> list[Machine]:
        """
        A connection is gone: requests that went by it and have no answer at all go once more, by another one; that
        the peer has had them twice does no harm. Those that have done so already are returned.
        """
        failed: list[Machine] = []
        for machine in list(self.clients.values()):
            if machine.listener != listener or (machine.to != to and machine.flow != flow):
                continue
            if machine.state not in (arrows.CALLING, arrows.TRYING):
                continue
            if machine.renewed:
                failed.append(machine)
            else:
                machine.renewed = True
                self._transmit(machine.data, machine.to, machine.listener, True, 0)
        return failed

    def _arm(self, machine: Machine, timer: str, now: float) -> None:
        if machine.reliable and timer in _REPEATING:
            return
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
