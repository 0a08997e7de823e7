"""The supervisor: sockets, workers that inherit them, signals, reloads. No event loop, no thread but the log's."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from time import monotonic, time
from typing import Final, NoReturn

import msgspec
from structlog.typing import FilteringBoundLogger

from proxy import __version__
from proxy.app import RETIRE_SECONDS, quiet_gc
from proxy.core.quarantine import Quarantine
from proxy.net import line
from proxy.net.board import Board
from proxy.net.handover import Before, Inbox, Post
from proxy.net.line import HungUp
from proxy.observe.evidence_key import own_key
from proxy.parts import Loaded, changes_refused, node_key, take_next, write_whole
from proxy.settings.problems import Problem
from proxy.supervisor import loading
from proxy.supervisor.children import SIGNALS, Child, be_child, be_worker, fork
from proxy.supervisor.control import Control
from proxy.supervisor.loading import Loading
from proxy.supervisor.notify import Notify
from proxy.supervisor.restart import Collected, Successor, take_over
from proxy.supervisor.watch import Watch

TICK: Final = 0.25  # seconds between looks at the workers
# A stopping worker drains for ten seconds and writes its records for ten more at the most.
STOP_SECONDS: Final = 30.0


class Supervisor:
    """Keeps the workers of one node, and the control process, from the start to the stop."""

    def __init__(
        self,
        config: Path,
        loaded: Loaded,
        log: FilteringBoundLogger,
        sockets: list[socket.socket],
        *,
        workers: int,
        sound: bool,
        predecessor: socket.socket | None = None,
        command: Sequence[str] = (),
    ) -> None:
        """
        `sound` is whether `loaded` is what the directory says now, `predecessor` the line to the process that this one
        takes over from, `command` what starts the program anew. Raises OSError.
        """
        self._config = config
        self._loaded = loaded
        self._log = log
        self._sockets = sockets
        settings = loaded.settings
        self._state = Path(settings.node.state)
        self._state.mkdir(parents=True, exist_ok=True)
        Path(settings.records.directory).mkdir(parents=True, exist_ok=True)
        self._key = node_key(self._state)
        own_key(self._state)  # made now, so that no two workers make one
        self._count = workers
        self._board = Board(self._count)
        self._board.loaded(time(), ok=sound)
        self._inboxes = tuple(Inbox() for _ in range(self._count))
        self._children: dict[int, Child] = {}
        self._due: dict[int, float] = {}
        self._watch = Watch()
        self._generation = 0
        self._loading: Loading | None = None
        self._wanted: bool | None = None  # a reload asked for during a reload, and whether by force
        self._selector = selectors.DefaultSelector()
        self._control = Control(config, log, self._listen, self._unlisten)
        self._stopping = 0.0  # the moment by which a stop is over
        self._was_ready = False
        self._failed: OSError | None = None
        self._predecessor = predecessor
        self._before: Before | None = None
        self._command = tuple(command)
        self._successor: Successor | None = None
        self._collected: Collected | None = None
        self._notify = Notify(os.environ)
        self._quarantine = Quarantine()

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT; returns the exit status. Raises OSError when no worker can start."""
        pid_file = self._state / "trunkward.pid"
        self._catch_signals()
        quiet_gc()
        if self._predecessor is not None:
            self._before = take_over(self._predecessor, self._key)
            self._predecessor.close()
            self._start_all()  # callers wait: the control process can do so
        if not self._start_control():
            self._signal_all(signal.SIGKILL)
            return 1
        if self._predecessor is None:
            self._start_all()
        pid_file.write_text(f"{os.getpid()}\n", encoding="ascii")
        try:
            while self._children or self._due or not self._stopping:
                for key, _ in self._selector.select(TICK):
                    key.data()
                self._look(monotonic())
        finally:
            self._end()
            with contextlib.suppress(OSError):
                if pid_file.read_text(encoding="ascii") == f"{os.getpid()}\n":
                    pid_file.unlink()
        if self._failed is not None:
            raise self._failed
        dropped = sum(seat.dropped for seat in self._board.seats)
        self._log.info("node.stopped", records_dropped=dropped)
        return 0

    # workers

    def _start_all(self) -> None:
        for index in range(self._count):
            self._start(index)

    def _start(self, index: int) -> None:
        """Make a worker."""
        self._board.seats[index].clear()
        ours, theirs = line.line()
        self._listen(ours, partial(self._hear_worker, index))  # before the fork: a child drops what is listened to
        post = Post(
            index,
            self._sockets,
            theirs,
            self._board,
            self._inboxes,
            self._key,
            self._config,
            self._before,
            tuple(self._quarantine.refused),
        )
        log = self._log.bind(worker=index) if self._count > 1 else self._log
        pid = fork(partial(be_worker, self._selector, self._loaded, log, post))
        theirs.close()
        self._children[index] = Child(pid, ours, self._generation)
        self._watch.started(index, monotonic())
        self._control.connect(index, ours)

    def _hear_worker(self, index: int) -> None:
        child = self._children[index]
        try:
            while (said := line.hear(child.line)) is not None:
                if said.kind == line.TAKEN:
                    child.generation = int(said.text)
                    self._all_taken()
                elif said.kind == line.WANTED:
                    self._reload_soon(force=False)
                elif said.kind == line.CALLS and self._collected is not None:
                    self._collected.add(said.file)
                elif said.kind == line.FAILED and not self._was_ready:
                    number, _, name = said.text.decode("utf-8", "replace").partition(" ")
                    self._failed = OSError(int(number), os.strerror(int(number)), name or None)
        except HungUp:
            self._unlisten(child.line)  # what became of it is seen when it is reaped

    def _look(self, now: float) -> None:
        """See to the workers: who has ended, who hangs, whose turn it is to begin again."""
        self._reap(now)
        self._reap_loader()
        self._notify.alive(now)
        if self._collected is not None:
            self._collected.look(now)
        if self._stopping:
            if now > self._stopping:
                self._signal_all(signal.SIGKILL)
            return
        self._watch.look(now)
        for index, child in self._children.items():
            if self._watch.is_hung(index, self._board.seats[index].beaten, now):
                self._log.error("worker.hung", worker=index)
                os.kill(child.pid, signal.SIGKILL)
        for index, due in list(self._due.items()):
            if now >= due:
                del self._due[index]
                self._start(index)
        if not self._was_ready and all(seat.beaten for seat in self._board.seats):
            self._was_ready = True
            self._tell_ready()

    def _reap(self, now: float) -> None:
        for index, child in list(self._children.items()):
            pid, status = os.waitpid(child.pid, os.WNOHANG)
            if not pid:
                continue
            self._hear_worker(index)  # its last words
            self._unlisten(child.line)
            child.line.close()
            del self._children[index]
            if self._stopping:
                continue
            self._log.error("worker.ended", worker=index, status=os.waitstatus_to_exitcode(status))
            if self._failed is not None:
                self._stop()
                return
            self._suspect(self._board.seats[index].message)
            self._due[index] = self._watch.ended(index, now)
            self._all_taken()

    def _suspect(self, message: bytes) -> None:
        """A worker has ended while it worked on this message; the second time nobody is to read it any more."""
        digest = self._quarantine.died_over(message)
        if digest:
            self._log.error("message.quarantined", digest=digest.hex(), octets=len(message))
            for child in self._children.values():
                line.say(child.line, line.REFUSE, digest)

    def _tell_ready(self) -> None:
        self._notify.ready(os.getpid())
        settings = self._loaded.settings
        listening = [f"{item.transport} {item.name}" for item in settings.listen]
        about = {"version": __version__, "listen": listening, "mode": settings.node.mode, "workers": self._count}
        self._log.info("node.ready", **about, **self._loaded.directory.entries)

    # reloads

    def _reload_soon(self, *, force: bool) -> None:
        """Reload now, or once more when the reload under way is done: what it reads may be older than the wish."""
        if self._stopping:
            return
        if self._loading is not None:
            self._wanted = force or bool(self._wanted)
            return
        self._notify.reloading()
        file = os.memfd_create("trunkward-loaded")
        self._loading = Loading(fork(partial(self._be_loader, file)), file, time(), force)

    def _be_loader(self, file: int) -> NoReturn:
        be_child(self._selector)
        loading.write(self._config, file)

    def _reap_loader(self) -> None:
        """The child has read everything anew: take all of it or nothing."""
        if self._loading is None or not self._loading.pid:
            return
        pid, status = os.waitpid(self._loading.pid, os.WNOHANG)
        if not pid:
            return
        done = self._loading = Loading(0, self._loading.file, self._loading.started, self._loading.force)
        loaded, problems = done.result(status, self._config)
        if loaded is not None:
            problems = changes_refused(self._config, self._loaded, loaded, force=done.force)
        if loaded is None or problems:
            self._reloaded(problems)
            return
        self._loaded = loaded
        take_next(loaded.settings)
        quiet_gc()
        self._generation += 1
        self._board.loaded(time(), ok=True)
        for child in self._children.values():
            line.say(child.line, line.LOADED, b"%d" % self._generation, done.file)
        self._all_taken()

    def _all_taken(self) -> None:
        """A reload is done when every worker has what it brought; one that begins now has it from the start."""
        taken = all(child.generation == self._generation for child in self._children.values())
        if self._loading is not None and not self._loading.pid and taken:
            self._reloaded([])

    def _reloaded(self, problems: list[Problem]) -> None:
        """Say how a reload has ended, and begin the next one where it is wanted."""
        assert self._loading is not None  # noqa: S101 - one was under way
        done, self._loading = self._loading, None
        os.close(done.file)
        self._notify.ready(os.getpid())
        self._board.loaded(self._board.loaded_at, ok=not problems)
        if not problems:
            self._control.reloaded()
        for problem in problems:
            self._log.error("reload.refused", problem=problem.text("en"))
        self._log.info("reload.done", ok=not problems, force=done.force, seconds=round(time() - done.started, 3))
        said = [problem.text("en") for problem in problems]
        report = {"ok": not problems, "at": done.started, "force": done.force, "problems": said}
        try:
            write_whole(self._state / "reload.json", msgspec.json.encode(report))
        except OSError as error:  # a full disk; what was decided stands in the log
            self._log.error("reload.not_written", error=error.strerror)
        if self._wanted is not None:
            again, self._wanted = self._wanted, None
            self._reload_soon(force=again)

    # signals

    def _catch_signals(self) -> None:
        self._signalled, self._wakes = socket.socketpair()
        for sock in (self._signalled, self._wakes):
            sock.setblocking(False)
        for number in SIGNALS:
            signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(self._wakes.fileno(), warn_on_full_buffer=False)
        self._listen(self._signalled, self._take_signals)

    def _take_signals(self) -> None:
        for number in self._signalled.recv(4096):
            if number in (signal.SIGTERM, signal.SIGINT):
                self._stop()
            elif number in (signal.SIGHUP, signal.SIGUSR1):
                self._reload_soon(force=number == signal.SIGUSR1)
            elif number == signal.SIGUSR2:
                self._restart()

    def _restart(self) -> None:
        """Start the program anew; it takes over once it has loaded everything, and until then nothing changes."""
        if self._successor is not None or self._stopping or self._loading is not None:
            self._log.warning("restart.refused", advice="something else is under way; try again")
            return
        try:
            self._successor = Successor(self._command, self._sockets)
        except OSError as error:
            self._log.error("restart.failed", error=error.strerror)
            return
        self._listen(self._successor.line, self._hear_successor)

    def _hear_successor(self) -> None:
        """It has loaded everything: retire. Or it has ended before that: go on."""
        assert self._successor is not None  # noqa: S101 - it was there to be heard
        try:
            said = line.hear(self._successor.line)
        except HungUp:
            self._unlisten(self._successor.line)
            self._successor.line.close()
            if not self._stopping:
                self._log.error("restart.failed", status=self._successor.process.wait())
                self._successor = None
            return
        if said is not None and said.kind == line.READY:
            self._log.info("node.replaced", pid=self._successor.process.pid)
            self._stopping = monotonic() + STOP_SECONDS + RETIRE_SECONDS
            self._due.clear()
            self._control.stop()  # its addresses are wanted
            self._collected = Collected(len(self._children), self._give)
            for child in self._children.values():
                line.say(child.line, line.RETIRE)
            self._collected.look(monotonic())

    def _give(self, calls: list[int]) -> None:
        if self._successor is not None:
            self._successor.give(calls, self._inboxes)

    def _stop(self) -> None:
        """Let every worker end in its own time."""
        if not self._stopping:
            self._stopping = monotonic() + STOP_SECONDS
            self._due.clear()
            self._log.info("node.draining")
            self._notify.stopping()
            self._signal_all(signal.SIGTERM)

    def _signal_all(self, number: signal.Signals) -> None:
        for child in self._children.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(child.pid, number)

    # the control process, and the end

    def _start_control(self) -> bool:
        """Start it, and join it with the workers that there are; False when it does not come up."""
        if not self._control.start(self._loaded.settings, self._control_ended):
            return False
        for index, child in self._children.items():
            self._control.connect(index, child.line)
        return True

    def _control_ended(self) -> None:
        if not self._stopping:
            self._start_control()

    def _end(self) -> None:
        """Leave nothing behind."""
        self._signal_all(signal.SIGKILL)
        for sock in self._sockets:
            sock.close()
        if self._loading is not None and self._loading.pid:
            os.kill(self._loading.pid, signal.SIGKILL)
        self._control.stop()
        signal.set_wakeup_fd(-1)

    def _listen(self, sock: socket.socket, heard: Callable[[], None]) -> None:
        self._selector.register(sock, selectors.EVENT_READ, heard)

    def _unlisten(self, sock: socket.socket) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(sock)
