"""The composition root: settings become values, values become parts, parts become a running node."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from datetime import date
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
from proxy.call.directory import Directory
from proxy.call.model import Call
from proxy.call.trunk import Customer, DialPlan, RuleAction, Trunk
from proxy.checks import verdict
from proxy.checks.base import Facts, Verdict
from proxy.checks.policy import NAMES, effective
from proxy.core.actions import Report
from proxy.core.admit import Admission
from proxy.core.place import SIP_PORT, Hop, Listener, Place
from proxy.core.proxy import Network, ProxyCore
from proxy.core.tally import Tally
from proxy.net.node import Node
from proxy.net.udp import RECEIVE_BUFFER, buffer_size, open_socket, source_for
from proxy.observe import log as logs
from proxy.observe.channel import Channel
from proxy.observe.journal import Journal
from proxy.observe.measure import count
from proxy.observe.metrics import snapshot
from proxy.settings.load import load
from proxy.settings.model import Settings
from proxy.settings.problems import ConfigError, Problem
from proxy.sip.uri import parse_uri
from proxy.sources.directory_file import load_directory, shrinks_too_far
from proxy.transaction.timers import Lengths

# How long a stopping node waits for calls that are being set up. Longer than a phone takes to answer
# a verdict, shorter than systemd's patience.
DRAIN_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration file, and the directory that it names, read whole."""

    settings: Settings
    directory: Directory


def load_all(config: Path) -> Loaded:
    """Read a configuration and its directory. Raises ConfigError with every problem of both."""
    settings = load(config, rules=NAMES)
    return Loaded(settings, _directory(config, settings))


def _directory(config: Path, settings: Settings) -> Directory:
    return load_directory(
        config.parent / settings.directory.url.removeprefix("file:"),
        country=settings.numbering.country,
        emergency=frozenset(settings.numbering.emergency),
        rules=NAMES,
    )


def core_trunk(settings: Settings) -> Trunk:
    """The core side as a trunk: it is trusted, and writes numbers as the country does."""
    plan = DialPlan(country=settings.numbering.country, emergency=frozenset(settings.numbering.emergency))
    return Trunk(id="core", customer=Customer("core"), role="core", dial_plan=plan)


def listeners_of(settings: Settings) -> tuple[Listener, ...]:
    """The listeners, with what peers are told about each."""
    return tuple(
        Listener(index, item.name, *(item.advertise or item.address), item.address)
        for index, item in enumerate(settings.listen)
    )


def network_of(loaded: Loaded) -> Network:
    """Who is who around the node, and which listener leads to whom (asked from the kernel's routes)."""
    listeners = listeners_of(loaded.settings)
    first = min(loaded.settings.core.next_hops, key=lambda hop: hop.priority)
    addresses = {trunk.id: address_of(trunk.gateway[0]) for trunk in loaded.directory.trunks.values() if trunk.gateway}
    core = address_of(first.uri)
    leads = {ip: _listener_for(ip, listeners) for ip in {core[0], *(address[0] for address in addresses.values())}}
    hops = [address_of(hop.uri)[0] for hop in loaded.settings.core.next_hops]
    return Network(
        Place(listeners, leads),
        Admission(loaded.directory, core_trunk(loaded.settings), hops),
        Hop(core, leads[core[0]]),
        {trunk: Hop(address, leads[address[0]]) for trunk, address in addresses.items()},
    )


def address_of(uri: str) -> tuple[str, int]:
    """IP address and port of a SIP URI; the settings have made sure that it is one."""
    parsed = parse_uri(uri.encode("ascii"))
    return parsed.host_text, parsed.port or SIP_PORT


def _listener_for(ip: str, listeners: tuple[Listener, ...]) -> int:
    """The listener whose address the kernel would send from; else the first of the family; else the first."""
    source = source_for(ip)
    family = [listener for listener in listeners if listener.is_ipv6 == (":" in ip)]
    exact = [listener for listener in family if listener.bound[0] == source]
    return (exact or family or list(listeners))[0].index


def judge_of(loaded: Loaded, today: Callable[[], date]) -> Callable[[Call], Verdict]:
    """The function that judges a call under this configuration."""
    settings, directory = loaded.settings, loaded.directory
    node = {name: RuleAction(entry.action, entry.status) for name, entry in settings.policy.items()}
    policies: dict[str, Mapping[str, RuleAction]] = {}
    for trunk in directory.trunks.values():
        policies[trunk.id] = effective(node, trunk.policy)
    default = effective(node, {})

    def judge(call: Call) -> Verdict:
        trunk = call.trunk
        mode = trunk.mode or settings.node.mode
        return verdict.judge(call, Facts(directory, today()), policies.get(trunk.id, default), mode)

    return judge


class Server:
    """One running node: its parts, and what signals do to them."""

    def __init__(self, config: Path, loaded: Loaded, log: FilteringBoundLogger) -> None:
        """Build every part. Raises ListenError, OSError."""
        self._config = config
        self._loaded = loaded
        self._log = log
        self._today = date.today()  # noqa: DTZ011  # allocations are held against the node's local day
        self._reloading: asyncio.Task[None] | None = None
        self._loaded_at = time()
        self._reload_ok = True
        self._offset = time() - monotonic()
        settings = loaded.settings
        self._state = Path(settings.node.state)
        self._state.mkdir(parents=True, exist_ok=True)
        self.tally = Tally()
        self._sockets = [open_socket(*item.address) for item in settings.listen]
        self._warn_small_buffers()
        self.journal = Journal(
            Path(settings.records.directory),
            settings.node.name,
            mask=settings.records.mask_numbers,
            capacity=settings.records.queue,
            retention=settings.records.retention,
            wall=self._wall,
            log=log,
        )
        self.core = ProxyCore(
            network_of(loaded),
            key=node_key(self._state),
            tally=self.tally,
            today=self._today,
            lengths=Lengths(c=settings.core.ring_timeout),
        )
        self.node = Node(
            self.core,
            self._sockets,
            judge=judge_of(loaded, self._day),
            report=self._report,
            new_day=self._new_day,
            today=_local_day,
            tally=self.tally,
            log=log,
        )
        self._stop = asyncio.Event()

    async def run(self) -> int:
        """Serve until SIGTERM or SIGINT; returns the exit status."""
        loop = asyncio.get_running_loop()
        settings = self._loaded.settings
        try:
            control, channel_socket = spawn(settings.metrics.address, settings.admin.address)
        except ControlError:
            self._log.error("control.failed", advice="see the line above; is another trunkward running?")
            self.journal.close()
            return 1
        channel = Channel(channel_socket, self._snapshot)
        channel.attach(loop)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload_soon, False)
        loop.add_signal_handler(signal.SIGUSR1, self._reload_soon, True)
        pid_file = self._state / "trunkward.pid"
        pid_file.write_text(f"{os.getpid()}\n", encoding="ascii")
        self.node.start(loop)
        _quiet_gc()
        entries = self._loaded.directory.entries
        listening = [f"udp {item.name}" for item in settings.listen]
        self._log.info("node.ready", version=__version__, listen=listening, mode=settings.node.mode, **entries)
        await self._stop.wait()
        await self._drain()
        self.node.stop()
        self.journal.close()
        channel.close()
        control.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            control.wait(5)
        pid_file.unlink(missing_ok=True)
        self._log.info("node.stopped", records_dropped=self.journal.dropped)
        return 0

    async def _drain(self) -> None:
        """Let calls that are being set up come to their answer; then close the records of all calls."""
        self.core.drain()
        self._log.info("node.draining")
        deadline = monotonic() + DRAIN_SECONDS
        while not self.core.idle and monotonic() < deadline:  # noqa: ASYNC110  # the core has no events to wait for
            await asyncio.sleep(0.05)
        self.node.carry_out(self.core.end_all(monotonic()))

    def _reload_soon(self, force: bool) -> None:
        if self._reloading is None or self._reloading.done():
            self._reloading = asyncio.get_running_loop().create_task(self._reload(force))

    async def _reload(self, force: bool) -> None:
        """Read everything anew in a child process, and take all of it or nothing."""
        started = time()
        try:
            loaded = await _load_apart(self._config)
            problems = list(changes_refused(self._config, self._loaded, loaded, force=force))
        except ConfigError as error:
            loaded, problems = self._loaded, list(error.problems)
        except (OSError, BrokenProcessPool) as error:
            loaded, problems = (
                self._loaded,
                [Problem(str(self._config), 0, 0, "", "config.reload_failed", {"error": type(error).__name__})],
            )
        self._reload_ok = not problems
        if not problems:
            self._take(loaded)
        for problem in problems:
            self._log.error("reload.refused", problem=problem.text("en"))
        self._log.info("reload.done", ok=not problems, force=force, seconds=round(time() - started, 3))
        report = {
            "ok": not problems,
            "at": started,
            "force": force,
            "problems": [item.text("en") for item in problems],
        }
        write_whole(self._state / "reload.json", msgspec.json.encode(report))

    def _take(self, loaded: Loaded) -> None:
        self._loaded = loaded
        self._loaded_at = time()
        self.core.replace(network_of(loaded), self._today)
        self.node.judge = judge_of(loaded, self._day)
        _quiet_gc()

    def _report(self, report: Report) -> None:
        count(report, self.tally)
        self.journal.put(report)

    def _snapshot(self) -> bytes:
        """Everything that /metrics shows, as the control process wants it."""
        gauges: dict[tuple[str, ...], float] = {
            ("transactions",): self.core.transactions,
            ("records_queue",): self.journal.queued,
            ("records_dropped_total",): self.journal.dropped,
            ("event_loop_lag_seconds",): self.node.lag,
            ("config_last_reload_successful",): float(self._reload_ok),
            ("directory_loaded_timestamp_seconds",): self._loaded_at,
        }
        for trunk, calls in self.core.active_calls.items():
            gauges["active_calls", trunk] = calls
        for kind, number in self._loaded.directory.entries.items():
            gauges["directory_entries", kind] = number
        return snapshot(self.tally, gauges)

    def _wall(self, at: float) -> float:
        return at + self._offset

    def _day(self) -> date:
        return self._today

    def _new_day(self, today: date) -> None:
        self._offset = time() - monotonic()
        if today != self._today:
            self._today = today
            self.core.replace(network_of(self._loaded), today)

    def _warn_small_buffers(self) -> None:
        for sock in self._sockets:
            if buffer_size(sock) < RECEIVE_BUFFER:
                self._log.warning(
                    "udp.small_buffer", octets=buffer_size(sock), advice="sysctl net.core.rmem_max=8388608"
                )


def _local_day() -> date:
    return date.today()  # noqa: DTZ011  # allocations are held against the node's local day


def changes_refused(config: Path, old: Loaded, new: Loaded, *, force: bool) -> list[Problem]:
    """What a reload may not do: change what only a restart can, or lose too many numbers unless forced."""
    problems: list[Problem] = []
    fixed = {
        "listen": (old.settings.listen, new.settings.listen),
        "node.name": (old.settings.node.name, new.settings.node.name),
        "node.state": (old.settings.node.state, new.settings.node.state),
        "records": (old.settings.records, new.settings.records),
        "metrics": (old.settings.metrics, new.settings.metrics),
        "admin": (old.settings.admin, new.settings.admin),
        "core.ring_timeout": (old.settings.core.ring_timeout, new.settings.core.ring_timeout),
    }
    for key, (before, after) in fixed.items():
        if before != after:
            problems.append(Problem(str(config), 0, 0, key, "config.needs_restart", {}))
    before_total, after_total = old.directory.total, new.directory.total
    if not force and shrinks_too_far(before_total, after_total, new.settings.directory.max_shrink):
        values = {
            "before": before_total,
            "after": after_total,
            "share": f"{new.settings.directory.max_shrink:.0%}",
        }
        problems.append(Problem(str(config), 0, 0, "directory", "config.directory_shrinks", values))
    return problems


async def _load_apart(config: Path) -> Loaded:
    """`load_all` in a child process: a million numbers would hold up the loop for seconds."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return await asyncio.get_running_loop().run_in_executor(pool, load_all, config)


def node_key(state: Path) -> bytes:
    """The node's secret for branches, tags and route cookies; made once, kept for restarts."""
    path = state / "node.key"
    with contextlib.suppress(FileNotFoundError):
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
        if len(key) >= 16:
            return key
    key = secrets.token_bytes(32)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as out:
        out.write(key.hex() + "\n")
    return key


def write_whole(path: Path, data: bytes) -> None:
    """Replace a file in one step: readers see the old or the new one, never half."""
    new = path.with_name(path.name + ".new")
    new.write_bytes(data + b"\n")
    new.replace(path)


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
    loaded = load_all(config)
    logs.configure(sys.stderr, json=json, level="info")
    log = logs.get("trunkward")

    async def main() -> int:
        return await Server(config, loaded, log).run()

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(main())


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's loop where the `fast` extra is installed."""
    if find_spec("uvloop") is None:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = import_module("uvloop").new_event_loop
    return factory


__all__ = ["ConfigError", "Loaded", "Server", "judge_of", "load_all", "serve"]
