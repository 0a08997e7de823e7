"""The composition root of a worker: values become parts, parts become a running node; the supervisor says what next."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable
from datetime import date
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from mmap import ACCESS_READ, mmap
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from socket import socket
from time import monotonic, time
from typing import Final

from structlog.typing import FilteringBoundLogger

from proxy.core.actions import Commit, HopChanged, News, Shown
from proxy.core.owner import Owners
from proxy.core.proxy import ProxyCore
from proxy.core.tally import Tally
from proxy.net import line
from proxy.net.commits import Commits
from proxy.net.handover import Crew, Post
from proxy.net.line import HungUp, Said
from proxy.net.node import Node
from proxy.observe.channel import Channel
from proxy.observe.checkpoint import Signer
from proxy.observe.claim import Claim, claim
from proxy.observe.evidence_key import own_key
from proxy.observe.journal import Journal
from proxy.observe.measure import count
from proxy.observe.metrics import snapshot
from proxy.parts import Loaded, Ready, hep_of, judge_of, listeners_of, network_of, ready_of
from proxy.sources.identity_services import certificate_ends, verifier_of
from proxy.sources.listen_files import listen_ends
from proxy.sources.names import Names
from proxy.sources.placing import peer_names, wanted
from proxy.sources.verification import Retired
from proxy.transaction.timers import Lengths
from stirshaken.repository import BUCKETS

# How long a stopping node waits for calls that are being set up. Longer than a phone takes to answer
# a verdict, shorter than systemd's patience.
DRAIN_SECONDS: Final = 10.0
# How long a thread beside the loop may go on when the loop wants to. A datagram asks some five times, each time it
# comes from the kernel: with the 5 ms that Python has, a call would wait 25 ms while a reload is made ready.
SWITCH_SECONDS: Final = 0.0005
RETIRE_SECONDS: Final = 32.0  # timer B: nobody waits longer for the first answer to an INVITE
LINGER_SECONDS: Final = 3.0  # and that long in any case: what is under way has found its end by then
BEAT: Final = 0.25  # seconds between signs of life


class Worker:
    """One process that carries calls: its parts, and what the supervisor lets them do."""

    def __init__(self, loaded: Loaded, log: FilteringBoundLogger, post: Post) -> None:
        """Build every part. Raises OSError."""
        ready = ready_of(post.config, loaded)
        self._loaded, self._network, self._peers, self._log, self._post = loaded, ready.network, ready.peers, log, post
        self._today = date.today()  # noqa: DTZ011  # allocations are held against the node's local day
        self._doubted: set[str] = set()
        self._retired = Retired()
        self._taking: asyncio.Task[None] | None = None
        self._following: list[asyncio.Task[None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._offset = time() - monotonic()
        self._seat = post.board.seats[post.index]
        settings = loaded.settings
        self._state = Path(settings.node.state)
        self.tally = Tally()
        self.journal, self._claim = self._journal()
        self.names = Names(self._state / f"names-{post.index}.json", wall=time, log=log, changed=self._renumber)
        owners = self._owners = Owners(post.key, post.index, len(post.inboxes))
        self.core = ProxyCore(
            ready.network,
            key=post.key,
            tally=self.tally,
            today=self._today,
            lengths=Lengths(c=settings.core.ring_timeout),
            durable=settings.records.durable,
            owners=owners,
        )
        self._hep = hep_of(loaded, self._wall, self.tally)
        self._verifier = verifier_of(loaded.settings.identity, loaded.identity, time)
        self._ends = certificate_ends(loaded.identity) | listen_ends(loaded.listen)
        judge = judge_of(loaded, self._day, time, self._verifier, ready.rules)
        self.node = Node(
            self.core,
            post.sockets,
            judge=judge.at_once,
            judge_in_time=judge.in_time,
            report=self._report,
            new_day=self._new_day,
            today=date.today,  # the node's local day
            tally=self.tally,
            log=log,
            crew=Crew(owners, post.inboxes, self.tally) if owners.workers > 1 else None,
            before=post.before,
            seat=self._seat,
            commits=self._commits(),
            listeners=listeners_of(settings),
            peers=ready.peers,
        )
        self.node.refused |= set(post.refused)
        self._channel: Channel | None = None
        self._stop = asyncio.Event()
        self._orphaned, self._patience = False, DRAIN_SECONDS

    def _journal(self) -> tuple[Journal, Claim]:
        """A journal on the first chain that is free. Raises OSError."""
        settings = self._loaded.settings
        directory = Path(settings.records.directory)
        claimed = claim(directory)
        journal = Journal(
            directory,
            settings.node.name,
            mask=settings.records.mask_numbers,
            capacity=settings.records.queue,
            retention=settings.records.retention,
            wall=self._wall,
            log=self._log,
            fsync=settings.records.fsync,
            checkpoint=settings.records.checkpoint,
            signer=Signer(own_key(self._state), settings.node.name),
            committed=self._committed,
            refusing=self._refusing,
            series=claimed.series,
        )
        return journal, claimed

    async def run(self) -> int:
        """Serve until SIGTERM, or until the supervisor is gone; returns the exit status."""
        self._loop = loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._stop.set)
        loop.add_reader(self._post.line, self._hear)
        self.node.start(loop)
        sys.setswitchinterval(SWITCH_SECONDS)
        self._follow(loop)
        self._beat()
        line.say(self._post.line, line.READY)
        await self._stop.wait()
        for following in self._following:
            following.cancel()
        if not self._orphaned:
            await self._drain()
        if self._patience > DRAIN_SECONDS:  # from now on the others see to our calls
            self._post.inboxes[self._post.index].shut()
            await asyncio.sleep(0.05)  # what has come is taken
        self.node.carry_out(self.core.end_all(monotonic()))
        self.node.stop()
        if self._verifier is not None:
            await self._verifier.aclose()
        await self._retired.aclose()
        self._close_hep()
        self.journal.close()
        self._claim.release()
        self._seat.beat(monotonic(), self.journal.dropped)
        if self._channel is not None:
            self._channel.close()
        return 0

    def _beat(self) -> None:
        """Let the supervisor see that the loop runs."""
        self._seat.beat(monotonic(), self.journal.dropped)
        asyncio.get_running_loop().call_later(BEAT, self._beat)

    def _hear(self) -> None:
        """Do what the supervisor says; without it there is nothing to do."""
        try:
            while (said := line.hear(self._post.line)) is not None:
                self._obey(said)
        except HungUp:
            asyncio.get_running_loop().remove_reader(self._post.line)
            self._orphaned = True
            self._stop.set()

    def _obey(self, said: Said) -> None:
        if said.kind == line.CHANNEL:
            if self._channel is not None:
                self._channel.close()
            self._channel = Channel(socket(fileno=said.file), self._snapshot)
            self._channel.attach(asyncio.get_running_loop())
        elif said.kind == line.LOADED:
            self._taking = asyncio.get_running_loop().create_task(self._take_file(said.file, said.text))
        elif said.kind == line.REFUSE:
            self.node.refused.add(said.text)
        elif said.kind == line.RETIRE:
            self._retire()

    def _retire(self) -> None:
        """Another process takes over: say which calls stay ours, and see them to their answers."""
        self.node.retire(self._post.inboxes[self._post.index])
        file = os.memfd_create("trunkward-calls")
        os.write(file, b"".join(map(self._owners.mark_of, self.core.drain())))
        line.say(self._post.line, line.CALLS, b"", file)
        os.close(file)
        self._patience = RETIRE_SECONDS
        self._stop.set()

    async def _take_file(self, file: int, generation: bytes) -> None:
        """Take over what stands in a file that the supervisor's loader has written."""
        self._take(await asyncio.to_thread(read_ready, self._post.config, file))
        line.say(self._post.line, line.TAKEN, generation)

    def _follow(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let names be looked up; the first worker reads changes of a directory in PostgreSQL as they come, for all."""
        self.names.want(*wanted(self._loaded.settings, self._loaded.directory))
        self._renumber()
        self._following.append(loop.create_task(self.names.follow()))
        url = self._loaded.settings.directory.url
        if self._post.index == 0 and url.startswith("postgresql:"):
            # only who has a database pays for its driver
            from proxy.store.following import follow  # noqa: PLC0415

            told = partial(self._log.warning, "directory.away")
            self._following.append(
                loop.create_task(follow(url, partial(line.want, self._post.line), lambda why: told(reason=why)))
            )

    async def _drain(self) -> None:
        """Let calls that are being set up come to their answer."""
        self.core.drain()
        deadline = monotonic() + self._patience
        await asyncio.sleep(LINGER_SECONDS if self._patience > DRAIN_SECONDS else 0.0)  # others hand over to us
        while not self.core.idle and monotonic() < deadline:  # noqa: ASYNC110  # the core has no events to wait for
            await asyncio.sleep(0.05)

    def _take(self, ready: Ready) -> None:
        """
        Go on with another configuration, all of it between two datagrams. What takes its time has been done beside the
        loop, and nobody looks for garbage now: with a million numbers that would be felt.
        """
        loaded = ready.loaded
        before, self._loaded, self._network, self._peers = self._loaded, loaded, ready.network, ready.peers
        self.node.meet(ready.peers)
        self.names.want(*wanted(loaded.settings, loaded.directory))
        self._renumber()
        if (before.settings.identity, before.identity) != (loaded.settings.identity, loaded.identity):
            self._retired.add(self._verifier)  # what it knows was judged by other anchors
            replays = None if self._verifier is None else self._verifier.replays  # a used token stays used
            self._verifier = verifier_of(loaded.settings.identity, loaded.identity, time, replays)
        self._ends = certificate_ends(loaded.identity) | listen_ends(loaded.listen)
        if (before.settings.shipping.hep, before.shipping) != (loaded.settings.shipping.hep, loaded.shipping):
            self._close_hep()
            self._hep = hep_of(loaded, self._wall, self.tally)
        judge = judge_of(loaded, self._day, time, self._verifier, ready.rules)
        self.node.judge, self.node.judge_in_time = judge.at_once, judge.in_time

    def _renumber(self) -> None:
        """Let the core know who is who now: numbers, trunks, and what names of next hops stand for."""
        loaded, known = self._loaded, self.names.known
        if known:
            self._network = network_of(loaded, known, self.names.retired)
            self._peers.names = peer_names(loaded.settings, loaded.directory, known)
        self.core.replace(self._network, self._today)

    def _report(self, report: News) -> None:
        if isinstance(report, HopChanged):
            self._say(report)
            return
        if isinstance(report, Shown):
            if self._hep is not None:
                self._hep.put(report)
            return
        count(report, self.tally)
        self.journal.put(report)

    def _commits(self) -> Commits | None:
        """What lets verdicts wait for their records, where that is wanted."""
        records = self._loaded.settings.records
        return Commits(self._commit, records.durable_wait, self.tally) if records.durable else None

    def _commit(self, wanted: Commit) -> bool:
        count(wanted.report, self.tally)
        return self.journal.commit(wanted)

    def _committed(self, tickets: list[int]) -> None:
        """Called by the journal's thread, as `_refusing` is."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.node.recorded, tickets)

    def _refusing(self) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.node.unrecorded)

    def _snapshot(self) -> bytes:
        """Everything that /metrics shows, as the control process wants it."""
        gauges: dict[tuple[str, ...], float] = {
            ("workers",): 1.0,
            ("transactions",): self.core.transactions,
            ("records_queue",): self.journal.queued,
            ("records_dropped_total",): self.journal.dropped,
            ("records_disk_refuses",): float(self.journal.refused),
            ("records_gaps_total",): self.journal.gaps,
            ("records_unsealed",): self.journal.unsealed,
            ("event_loop_lag_seconds",): self.node.lag,
            ("queue_wait_seconds",): self.node.strain.wait,
            ("overload_level",): float(self.node.strain.overload),
            ("config_last_reload_successful",): float(self._post.board.reload_ok),
            ("directory_loaded_timestamp_seconds",): self._post.board.loaded_at,
        }
        gauges |= {("connections", transport): number for transport, number in self.node.connections.items()}
        gauges |= self.names.gauges()
        for next_hop, is_up in self.core.next_hops_up.items():
            gauges["next_hop_up", next_hop] = float(is_up)
        for trunk, calls in self.core.active_calls.items():
            gauges["active_calls", trunk] = calls
        for kind, number in self._loaded.directory.entries.items():
            gauges["directory_entries", kind] = number
        gauges |= {("certificate_not_after_timestamp_seconds", name): end for name, end in self._ends.items()}
        histograms = {}
        if self._verifier is not None:
            gauges |= {("identity_doubt", about): float(doubt) for about, doubt in self._verifier.doubts().items()}
            statistics = self._verifier.statistics
            gauges |= {("certificate_fetches_total", outcome): n for outcome, n in statistics.fetches.items()}
            gauges["certificate_fetch_failures_total",] = statistics.fetches.total() - statistics.fetches["loaded"]
            histograms["certificate_fetch_seconds"] = (BUCKETS[:-1], statistics.buckets, statistics.seconds)
        return snapshot(self.tally, gauges, histograms)

    def _say(self, change: HopChanged) -> None:
        """Tell the log how a next hop is doing."""
        if change.up:
            self._log.info("next_hop.up", next_hop=change.next_hop)
        else:
            self._log.warning("next_hop.down", next_hop=change.next_hop, cause=change.cause)

    def _alarm(self) -> None:
        """Say it once when the own clock or anchors come into doubt, and when that is over."""
        doubts = self._verifier.doubts() if self._verifier is not None else {}
        doubted = {about for about, doubt in doubts.items() if doubt}
        for about in doubted - self._doubted:
            self._log.error("identity.doubt", about=about, advice="tokens went bad on all trunks at once: check it")
        for about in self._doubted - doubted:
            self._log.info("identity.doubt_over", about=about)
        self._doubted = doubted

    def _close_hep(self) -> None:
        if self._hep is not None:
            self._hep.close()

    def _wall(self, at: float) -> float:
        return at + self._offset

    def _day(self) -> date:
        return self._today

    def _new_day(self, today: date) -> None:
        self._offset = time() - monotonic()
        self._alarm()
        if today != self._today:
            self._today = today
            self._renumber()


def read_loaded(file: int) -> Loaded:
    """What another process of this node has written to a file, which is closed. Raises OSError."""
    with os.fdopen(file, "rb") as data, mmap(data.fileno(), 0, access=ACCESS_READ) as octets:
        loaded = ForkingPickler.loads(octets)  # whoever else has the file has its position too, so nobody moves it
    assert isinstance(loaded, Loaded)  # noqa: S101 - it is our own child that wrote it
    return loaded


def read_ready(config: Path, file: int) -> Ready:
    """What `read_loaded` gives, made ready, in a thread: neither holds up the loop. Raises OSError."""
    return ready_of(config, read_loaded(file))


def quiet_gc() -> None:
    """
    What is loaded stays: take it out of the collector's sight, and look seldom. Calls are freed by
    reference counts alone (a test holds it), so the collector only finds what a defect leaves.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)


def work(loaded: Loaded, log: FilteringBoundLogger, post: Post) -> int:
    """Be a worker until the supervisor wants no more; returns the exit status. Raises OSError when it cannot start."""

    async def main() -> int:
        return await Worker(loaded, log, post).run()

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(main())


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's loop where the `fast` extra is installed."""
    if find_spec("uvloop") is None:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = import_module("uvloop").new_event_loop
    return factory
