"""The shell around the proxy core: sockets drained, actions carried out, one timer. The clock is read here."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date
from time import monotonic, time
from typing import Final

from structlog.typing import FilteringBoundLogger

from proxy.call.model import Call
from proxy.checks.base import Verdict
from proxy.core.actions import Action, Address, Commit, Judge, News, Send
from proxy.core.place import Listener
from proxy.core.proxy import ProxyCore
from proxy.core.quarantine import digest_of
from proxy.core.tally import Tally
from proxy.net.board import Seat
from proxy.net.commits import Commits
from proxy.net.flows import Flows
from proxy.net.handover import Before, Crew, Handed, Inbox
from proxy.net.pressure import Strain
from proxy.net.terms import Ears, Peers
from proxy.net.udp import MAX_DATAGRAM, RECEIVE_BUFFER, buffer_size, kernel_drops, waited
from proxy.sip.errors import ParseError
from proxy.transaction.timers import NEVER

# Datagrams taken from one socket before others get their turn: a flood must not starve timers.
BATCH: Final = 64
# Timers fall due one by one; being up to 20 ms late serves some dozen at once, and SIP's shortest is 500 ms.
TIMER_STEP: Final = 0.02
# Seconds between looks at the loop's lag, the kernel's drops and the calendar.
HOUSEKEEPING: Final = 1.0


class Node:
    """
    Runs a ProxyCore on an event loop.

    `judge` gives the verdict on a call at once, or None where facts have to be fetched; `judge_in_time` gives it
    then. `report` takes every report and must not block. `commits` has records on disk before their verdicts act,
    where that is wanted. `sockets` are in the order of `listeners`; those of TCP and TLS listen already, and `peers`
    is what their connections go by. Where several workers share the sockets, `crew` says which messages are for whom;
    what is being read stands in the buffer of `seat`, for the supervisor to see.
    """

    def __init__(
        self,
        core: ProxyCore,
        sockets: Sequence[socket.socket],
        *,
        judge: Callable[[Call], Verdict | None],
        judge_in_time: Callable[[Call], Awaitable[Verdict]],
        report: Callable[[News], None],
        new_day: Callable[[date], None],
        today: Callable[[], date],
        tally: Tally,
        log: FilteringBoundLogger,
        commits: Commits | None = None,
        listeners: Sequence[Listener] = (),
        peers: Peers | None = None,
        crew: Crew | None = None,
        before: Before | None = None,
        seat: Seat | None = None,
    ) -> None:
        self.core = core
        self.judge = judge
        self.judge_in_time = judge_in_time
        self.lag = 0.0  # worst delay of the loop in the last second, in seconds
        self._sockets = tuple(sockets)
        self._report = report
        self._new_day = new_day
        self._today = today
        self._tally = tally
        self._log = log
        self._commits = commits
        self._deadline: asyncio.TimerHandle | None = None
        self._told_late = False
        self._held: list[Send] | None = None
        self._crew, self._before = crew, before
        self.refused: set[bytes] = set()  # digests of messages that have ended workers
        self._seat = seat
        streams = {each.index: self._sockets[each.index] for each in listeners if each.is_stream}
        ears = Ears(
            self._message, self._unframed, self._unreachable, self._lost, core.knows, lambda: core.answers_strangers
        )
        worker = crew.owners.index if crew is not None else 0
        flows = Flows(listeners, streams, ears, tally=tally, log=log, peers=peers, worker=worker)
        self.flows = flows if streams else None
        self._datagrams = [index for index in range(len(self._sockets)) if index not in streams]
        self._buffer = memoryview(bytearray(MAX_DATAGRAM)) if seat is None else seat.buffer
        self._armed_for = NEVER
        self._timer: asyncio.TimerHandle | None = None
        self._housekeeper: asyncio.TimerHandle | None = None
        self._waiting: set[asyncio.Task[None]] = set()
        # the kernel grants twice what is asked for, to have room for its own
        self.strain = Strain([buffer_size(sock) / (2 * RECEIVE_BUFFER) for sock in self._sockets])
        counted = self._datagrams if worker == 0 else ()  # by one worker
        self._drops = {index: kernel_drops(self._sockets[index]) for index in counted}

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to listen."""
        self._loop = loop
        for index in self._datagrams:
            loop.add_reader(self._sockets[index], self._readable, index)
        if self.flows is not None:
            self.flows.start(loop)
        if self._crew is not None:
            loop.add_reader(self._crew.inbox.reads, self._handed, self._crew.inbox)
        self._tick(loop.time())

    def stop(self) -> None:
        """Close the sockets and the timers."""
        for index, sock in enumerate(self._sockets):
            if index in self._datagrams:
                self._loop.remove_reader(sock)
                sock.close()
        if self.flows is not None:
            self.flows.stop()
        for waiting in self._waiting:
            waiting.cancel()
        late = self._commits.report(monotonic()) if self._commits is not None else None
        if late is not None:
            self._report(late)
        for handle in (self._timer, self._housekeeper, self._deadline):
            if handle is not None:
                handle.cancel()

    def retire(self, inbox: Inbox) -> None:
        """Read no socket any more: others do, and hand over what is for us."""
        for index in self._datagrams:
            self._loop.remove_reader(self._sockets[index])
        if self.flows is not None:
            self.flows.shut()
        self._loop.add_reader(inbox.reads, self._handed, inbox)

    @property
    def connections(self) -> Mapping[str, int]:
        """How many connections there are of each transport."""
        return {} if self.flows is None else self.flows.count_by_transport()

    def meet(self, peers: Peers | None) -> None:
        """Let connections from now on go by this; None: by what there is."""
        if self.flows is not None and peers is not None:
            self.flows.peers = peers

    def carry_out(self, actions: Sequence[Action]) -> None:
        """Do what the core asked for, in order."""
        for action in actions:
            kind = type(action)
            if kind is Send:
                self._send(action)  # type: ignore[arg-type]  # told apart by identity: the hot path
            elif kind is Judge:
                self._judge(action)  # type: ignore[arg-type]
            elif kind is Commit:
                self._commit(action)  # type: ignore[arg-type]
            else:
                self._report(action)  # type: ignore[arg-type]

    def _judge(self, question: Judge) -> None:
        try:
            verdict = self.judge(question.call)
        except Exception:  # noqa: BLE001  # one call must not stop the node; it is logged and counted
            self._unjudged(question)
            return
        if verdict is not None:
            self.carry_out(self.core.judged(question.ticket, verdict, monotonic()))
            return
        waiting = self._loop.create_task(self._judge_in_time(question), name="verdict")
        self._waiting.add(waiting)
        waiting.add_done_callback(self._waiting.discard)

    def _commit(self, commit: Commit) -> None:
        """Let a verdict wait for its record, and for no longer than is agreed."""
        if self._commits is None or not self._commits.begin(commit, monotonic()):
            self._go_on([commit.ticket])
        elif self._deadline is None:
            self._await_commits()

    def _await_commits(self) -> None:
        due = self._commits.due if self._commits is not None else None
        self._deadline = None if due is None else self._loop.call_later(max(0.0, due - monotonic()), self._overdue)

    def _overdue(self) -> None:
        if self._commits is not None:
            self._go_on(self._commits.overdue(monotonic()))
            self._say_late()
        self._await_commits()

    def recorded(self, tickets: Sequence[int]) -> None:
        """Take the news that the records of these tickets are on disk."""
        if self._commits is not None:
            self._go_on(self._commits.done(tickets, monotonic()))
            self._say_late()

    def unrecorded(self) -> None:
        """Take the news that the disk refuses: nobody waits for it."""
        if self._commits is not None:
            self._go_on(self._commits.refused(monotonic()))
            self._say_late()

    def _say_late(self) -> None:
        """Tell the log when verdicts begin to act before their records are on disk, and log and records when not."""
        if self._commits is None or (self._commits.late is not None) == self._told_late:
            return
        self._told_late = not self._told_late
        if self._told_late:
            self._log.error("records.late", advice="the disk is too slow or refuses; calls go on without waiting")
            return
        self._log.info("records.durable_again")
        late = self._commits.report(monotonic())
        if late is not None:
            self._report(late)

    def _go_on(self, tickets: Sequence[int]) -> None:
        for ticket in tickets:
            try:
                self.carry_out(self.core.recorded(ticket, monotonic()))
            except Exception:  # noqa: BLE001  # as above
                self._tally.count["parse_errors_total", "internal"] += 1
                self._log.exception("verdict.failed")
        self._rearm()

    async def _judge_in_time(self, question: Judge) -> None:
        """Let this call alone wait for its facts."""
        try:
            verdict = await self.judge_in_time(question.call)
            self.carry_out(self.core.judged(question.ticket, verdict, monotonic()))
        except Exception:  # noqa: BLE001  # as above
            self._unjudged(question)
        self._rearm()

    def _unjudged(self, question: Judge) -> None:
        self._tally.count["parse_errors_total", "internal"] += 1
        self._log.exception("verdict.failed")
        self.carry_out(self.core.unjudged(question.ticket, monotonic()))

    def _readable(self, index: int) -> None:
        """Drain a socket until it is empty, within bounds."""
        receive, buffer = self._sockets[index].recvfrom_into, self._buffer
        self._held = []
        for turn in range(BATCH):
            try:
                length, source = receive(buffer)
                if turn == 0:
                    self._measure(index, waited(self._sockets[index], time()))
            except BlockingIOError:
                break
            except OSError:
                continue  # an ICMP error of an earlier datagram; the transaction's timer deals with it
            data, address = bytes(buffer[:length]), (source[0], source[1])
            if self._before is not None and self._before.takes(data, address, index, time()):
                continue
            if self._crew is None or not self._pass_on(self._crew, data, address, index, 0, ()):
                self._take(data, address, index, 0, ())
        self._let_go()

    def _let_go(self) -> None:
        """A batch is done: send what was held back."""
        held, self._held = self._held or (), None
        for send in held:
            self._put(send)
        self._rearm()

    def _pass_on(self, crew: Crew, data: bytes, source: Address, index: int, flow: int, names: tuple[str, ...]) -> bool:
        """Hand a message over to the worker that its call belongs to; False when that is this one."""
        owner = crew.owner(data)
        if owner == crew.owners.index:
            return False
        if flow or not self.core.sheds(data, source, monotonic()):  # datagrams of strangers are not worth the way
            came = time() if flow else time() - waited(self._sockets[index], time())
            crew.pass_on(owner, Handed(data, source, index, came, flow, names))
        return True

    def _handed(self, inbox: Inbox) -> None:
        """Take what other workers have read for us."""
        self._held = []
        for turn in range(BATCH):
            try:
                handed = inbox.take()
            except OSError:
                break
            if turn == 0:
                self._measure(handed.listener, max(0.0, time() - handed.came))
            if handed.outward:
                self._put(Send(handed.data, handed.source, handed.listener, handed.flow))
                continue
            self._buffer[: min(len(handed.data), MAX_DATAGRAM)] = handed.data[:MAX_DATAGRAM]
            self._take(handed.data, handed.source, handed.listener, handed.flow, handed.names)
        self._let_go()

    def _take(self, data: bytes, source: Address, index: int, flow: int, names: tuple[str, ...]) -> None:
        """Work on a message; meanwhile the supervisor can see which one it is."""
        if self.refused and digest_of(data) in self.refused:
            self._tally.count["packets_shed_total", "quarantine"] += 1
            return
        if self._seat is None:
            self._receive(data, source, index, flow, names)
            return
        self._seat.reading(min(len(data), MAX_DATAGRAM))
        self._receive(data, source, index, flow, names)
        self._seat.reading(0)

    def _measure(self, index: int, wait: float) -> None:
        """Note how long the datagram at the head of a queue waited, and let the core know how far behind we are."""
        now = monotonic()
        level = self.strain.measure(index, wait, now)
        if level is not None:
            self.core.press(level)

    def _receive(self, data: bytes, source: Address, index: int, flow: int, names: tuple[str, ...]) -> None:
        try:
            self.carry_out(self.core.receive(data, source, index, monotonic(), flow, names))
        except Exception:  # noqa: BLE001  # one message must not stop the node; it is logged and counted
            self._tally.count["parse_errors_total", "internal"] += 1
            self._log.exception("message.failed", octets=len(data))

    def _message(self, data: bytes, source: Address, index: int, flow: int, names: tuple[str, ...]) -> None:
        """Take a message that a connection brought."""
        if self._crew is None or not self._pass_on(self._crew, data, source, index, flow, names):
            self._buffer[: min(len(data), MAX_DATAGRAM)] = data[:MAX_DATAGRAM]
            self._take(data, source, index, flow, names)
        self._rearm()

    def _unframed(
        self, head: bytes, fault: ParseError, source: Address, index: int, flow: int, names: tuple[str, ...]
    ) -> None:
        self.carry_out(self.core.unframed(head, fault, source, index, flow, names))

    def _lost(self, flow: int, to: Address, index: int) -> None:
        self.carry_out(self.core.lost(flow, to, index, monotonic()))
        self._rearm()

    def _send(self, send: Send) -> None:
        """
        Send now, or behind the datagrams that are being taken: each one wakes its receiver, and one that is
        on this core takes it over, with its caches, in the middle of our work.
        """
        if self._held is None:
            self._put(send)
        else:
            self._held.append(send)

    def _put(self, send: Send) -> None:
        if self.flows is not None and send.listener in self.flows:
            if self._crew is None or not self._crew.gives_back(send, time()):
                self.flows.send(send)
            return
        try:
            self._sockets[send.listener].sendto(send.data, send.to)
        except (BlockingIOError, InterruptedError):
            self._tally.count["socket_drops_total",] += 1
        except (OSError, ValueError, OverflowError) as error:
            if isinstance(error, OSError) and error.errno == errno.ENOBUFS:
                self._tally.count["socket_drops_total",] += 1
                return
            self._log.warning("send.failed", error=getattr(error, "strerror", None) or type(error).__name__)
            self._loop.call_soon(self._unreachable, send.data)

    def _unreachable(self, data: bytes) -> None:
        self.carry_out(self.core.unreachable(data, monotonic()))
        self._rearm()

    def _rearm(self) -> None:
        """Keep one timer armed, not later than the core wants to be called."""
        due = self.core.timer_due()
        if due is None or due >= self._armed_for:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._armed_for = due
        self._timer = self._loop.call_later(max(due - monotonic(), 0.0) + TIMER_STEP, self._timers)

    def _timers(self) -> None:
        self._armed_for = NEVER
        try:
            self.carry_out(self.core.timer(monotonic()))
        except Exception:  # noqa: BLE001  # one message must not stop the node; it is logged and counted
            self._log.exception("timer.failed")
        self._rearm()

    def _tick(self, expected: float) -> None:
        """Once a second: how late the loop runs, what waited and was dropped, and whether a new day has begun."""
        now = self._loop.time()
        self.lag = max(0.0, now - expected)
        self.strain.second(self._log)
        if self.flows is not None:
            self.flows.tick()
        for index, before in self._drops.items():
            with contextlib.suppress(OSError):
                drops = self._drops[index] = kernel_drops(self._sockets[index])
                self._tally.count["socket_drops_total",] += max(0, drops - before)
        self._new_day(self._today())
        self._rearm()  # a reload may have brought next hops to probe
        self._housekeeper = self._loop.call_at(now + HOUSEKEEPING, self._tick, now + HOUSEKEEPING)
