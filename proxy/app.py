"""The composition root: values become parts, parts become a running node, and signals act on it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from datetime import date
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from time import monotonic, time
from typing import Final

import msgspec
from structlog.typing import FilteringBoundLogger

from proxy import __version__
from proxy.admin.process import ControlError, spawn
from proxy.core.actions import Commit, HopChanged, News, Shown
from proxy.core.proxy import ProxyCore
from proxy.core.tally import Tally
from proxy.net.commits import Commits
from proxy.net.node import Node
from proxy.net.terms import Peers
from proxy.net.udp import RECEIVE_BUFFER, buffer_size, open_listening
from proxy.observe import log as logs
from proxy.observe.channel import Channel
from proxy.observe.checkpoint import Signer
from proxy.observe.evidence_key import own_key
from proxy.observe.journal import Journal
from proxy.observe.measure import count
from proxy.observe.metrics import snapshot
from proxy.parts import (
    Loaded,
    changes_refused,
    hep_of,
    judge_of,
    listeners_of,
    load_next,
    load_to_start,
    network_of,
    node_key,
    peers_of,
    snapshot_of,
    take_next,
    write_whole,
)
from proxy.settings.problems import ConfigError, Problem
from proxy.sources.identity_services import certificate_ends, verifier_of
from proxy.sources.listen_files import listen_ends
from proxy.sources.verification import Retired
from proxy.transaction.timers import Lengths
from stirshaken.repository import BUCKETS

# How long a stopping node waits for calls that are being set up. Longer than a phone takes to answer
# a verdict, shorter than systemd's patience.
DRAIN_SECONDS: Final = 10.0


class Server:
    """One running node: its parts, and what signals do to them."""

    def __init__(self, config: Path, loaded: Loaded, log: FilteringBoundLogger, *, sound: bool = True) -> None:
        """Build every part. `sound` is whether `loaded` is what the directory says now. Raises ListenError, OSError."""
        self._config, self._loaded, self._log = config, loaded, log
        self._today = date.today()  # noqa: DTZ011  # allocations are held against the node's local day
        self._reloading: asyncio.Task[None] | None = None
        self._doubted: set[str] = set()
        self._retired = Retired()
        self._following: asyncio.Task[None] | None = None
        self._wanted: bool | None = None  # a reload asked for during a reload, and whether by force
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loaded_at, self._reload_ok = time(), sound
        self._offset = time() - monotonic()
        settings = loaded.settings
        self._state = Path(settings.node.state)
        self._state.mkdir(parents=True, exist_ok=True)
        self.tally = Tally()
        self._sockets = [open_listening(item.transport, *item.address) for item in settings.listen]
        self._warn_small_buffers()
        self.journal = Journal(
            Path(settings.records.directory),
            settings.node.name,
            mask=settings.records.mask_numbers,
            capacity=settings.records.queue,
            retention=settings.records.retention,
            wall=self._wall,
            log=log,
            fsync=settings.records.fsync,
            checkpoint=settings.records.checkpoint,
            signer=Signer(own_key(self._state), settings.node.name),
            committed=self._committed,
            refusing=self._refusing,
        )
        self.core = ProxyCore(
            network_of(loaded),
            key=node_key(self._state),
            tally=self.tally,
            today=self._today,
            lengths=Lengths(c=settings.core.ring_timeout),
            durable=settings.records.durable,
        )
        self._hep = hep_of(loaded, self._wall, self.tally)
        self._verifier = verifier_of(loaded.settings.identity, loaded.identity, time)
        self._ends = certificate_ends(loaded.identity) | listen_ends(loaded.listen)
        judge = judge_of(loaded, self._day, time, self._verifier)
        self.node = Node(
            self.core,
            self._sockets,
            judge=judge.at_once,
            judge_in_time=judge.in_time,
            report=self._report,
            new_day=self._new_day,
            today=_local_day,
            tally=self.tally,
            log=log,
            commits=self._commits(),
            listeners=listeners_of(settings),
            peers=peers_of(config, loaded),
        )
        self._channel: Channel | None = None
        self._stop = asyncio.Event()

    async def run(self) -> int:
        """Serve until SIGTERM or SIGINT; returns the exit status."""
        self._loop = loop = asyncio.get_running_loop()
        settings = self._loaded.settings
        try:
            control, channel_socket = spawn(settings.metrics.address, settings.admin.address, self._config)
        except ControlError:
            self._log.error("control.failed", advice="see the line above; is another trunkward running?")
            self.journal.close()
            return 1
        self._channel = channel = Channel(channel_socket, self._snapshot)
        channel.attach(loop)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload_soon, False)
        loop.add_signal_handler(signal.SIGUSR1, self._reload_soon, True)
        pid_file = self._state / "trunkward.pid"
        pid_file.write_text(f"{os.getpid()}\n", encoding="ascii")
        self.node.start(loop)
        _quiet_gc()
        self._follow(loop)
        entries = self._loaded.directory.entries
        listening = [f"{item.transport} {item.name}" for item in settings.listen]
        self._log.info("node.ready", version=__version__, listen=listening, mode=settings.node.mode, **entries)
        await self._stop.wait()
        if self._following is not None:
            self._following.cancel()
        await self._drain()
        self.node.stop()
        if self._verifier is not None:
            await self._verifier.aclose()
        await self._retired.aclose()
        self._close_hep()
        self.journal.close()
        channel.close()
        control.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            control.wait(5)
        pid_file.unlink(missing_ok=True)
        self._log.info("node.stopped", records_dropped=self.journal.dropped)
        return 0

    def _follow(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let changes of a directory in PostgreSQL be read as they come."""
        url = self._loaded.settings.directory.url
        if url.startswith("postgresql:"):
            # only who has a database pays for its driver
            from proxy.store.following import follow  # noqa: PLC0415

            told = partial(self._log.warning, "directory.away")
            self._following = loop.create_task(
                follow(url, partial(self._reload_soon, False), lambda why: told(reason=why))
            )

    async def _drain(self) -> None:
        """Let calls that are being set up come to their answer; then close the records of all calls."""
        self.core.drain()
        self._log.info("node.draining")
        deadline = monotonic() + DRAIN_SECONDS
        while not self.core.idle and monotonic() < deadline:  # noqa: ASYNC110  # the core has no events to wait for
            await asyncio.sleep(0.05)
        self.node.carry_out(self.core.end_all(monotonic()))

    def _reload_soon(self, force: bool) -> None:
        """Reload now, or once more when the reload under way is done: what it reads may be older than the wish."""
        if self._reloading is None or self._reloading.done():
            self._reloading = asyncio.get_running_loop().create_task(self._reload(force))
        else:
            self._wanted = force or bool(self._wanted)

    async def _reload(self, force: bool) -> None:
        """Read everything anew in a child process, and take all of it or nothing."""
        started = time()
        loaded, peers = self._loaded, None
        try:
            loaded = await _load_apart(self._config)
            problems = list(changes_refused(self._config, self._loaded, loaded, force=force))
            peers = peers_of(self._config, loaded)
        except ConfigError as error:
            problems = list(error.problems)
        except (OSError, BrokenProcessPool) as error:
            problems = [Problem(str(self._config), 0, 0, "", "config.reload_failed", {"error": type(error).__name__})]
        self._reload_ok = not problems
        if not problems and peers is not None:
            self._take(loaded, peers)
            if self._channel is not None:
                self._channel.tell_reloaded()
        for problem in problems:
            self._log.error("reload.refused", problem=problem.text("en"))
        self._log.info("reload.done", ok=not problems, force=force, seconds=round(time() - started, 3))
        report = {
            "ok": not problems,
            "at": started,
            "force": force,
            "problems": [item.text("en") for item in problems],
        }
        try:
            write_whole(self._state / "reload.json", msgspec.json.encode(report))
        except OSError as error:  # a full disk; what was decided stands in the log
            self._log.error("reload.not_written", error=error.strerror)
        if self._wanted is not None:
            again, self._wanted = self._wanted, None
            await self._reload(again)

    def _take(self, loaded: Loaded, peers: Peers | None = None) -> None:
        before, self._loaded = self._loaded, loaded
        self.node.meet(peers)
        take_next(loaded.settings)
        self._loaded_at = time()
        self.core.replace(network_of(loaded), self._today)
        if (before.settings.identity, before.identity) != (loaded.settings.identity, loaded.identity):
            self._retired.add(self._verifier)  # what it knows was judged by other anchors
            replays = None if self._verifier is None else self._verifier.replays  # a used token stays used
            self._verifier = verifier_of(loaded.settings.identity, loaded.identity, time, replays)
        self._ends = certificate_ends(loaded.identity) | listen_ends(loaded.listen)
        if (before.settings.shipping.hep, before.shipping) != (loaded.settings.shipping.hep, loaded.shipping):
            self._close_hep()
            self._hep = hep_of(loaded, self._wall, self.tally)
        judge = judge_of(loaded, self._day, time, self._verifier)
        self.node.judge, self.node.judge_in_time = judge.at_once, judge.in_time
        _quiet_gc()

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
            ("transactions",): self.core.transactions,
            ("records_queue",): self.journal.queued,
            ("records_dropped_total",): self.journal.dropped,
            ("records_disk_refuses",): float(self.journal.refused),
            ("records_gaps_total",): self.journal.gaps,
            ("records_unsealed",): self.journal.unsealed,
            ("event_loop_lag_seconds",): self.node.lag,
            ("queue_wait_seconds",): self.node.wait,
            ("overload_level",): float(self.node.overload),
            ("config_last_reload_successful",): float(self._reload_ok),
            ("directory_loaded_timestamp_seconds",): self._loaded_at,
        }
        gauges |= {("connections", transport): number for transport, number in self.node.connections.items()}
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
            self.core.replace(network_of(self._loaded), today)

    def _warn_small_buffers(self) -> None:
        for sock in self._sockets:
            if sock.type == socket.SOCK_DGRAM and buffer_size(sock) < RECEIVE_BUFFER:
                self._log.warning(
                    "udp.small_buffer", octets=buffer_size(sock), advice="sysctl net.core.rmem_max=8388608"
                )


def _local_day() -> date:
    return date.today()  # noqa: DTZ011  # allocations are held against the node's local day


async def _load_apart(config: Path) -> Loaded:
    """`load_next` in a child process: a million numbers would hold up the loop for seconds."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return await asyncio.get_running_loop().run_in_executor(pool, load_next, config)


def _quiet_gc() -> None:
    """
    What is loaded stays: take it out of the collector's sight, and look seldom. Calls are freed by
    reference counts alone (a test holds it), so the collector only finds what a defect leaves.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)


def serve(config: Path, *, json: bool) -> int:
    """Run the proxy on a configuration until it is told to stop. Raises ConfigError, ListenError, OSError."""
    loaded, away = load_to_start(config)
    logs.configure(sys.stderr, json=json, level="info")
    log = logs.get("trunkward")
    for problem in away:
        log.warning("directory.away", problem=problem.text("en"), started_on=str(snapshot_of(loaded.settings)))

    async def main() -> int:
        return await Server(config, loaded, log, sound=not away).run()

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(main())


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's loop where the `fast` extra is installed."""
    if find_spec("uvloop") is None:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = import_module("uvloop").new_event_loop
    return factory
