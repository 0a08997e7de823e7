"""Child processes of the supervisor: forks, for they have everything loaded, in milliseconds."""

from __future__ import annotations

import os
import selectors
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NoReturn

from structlog.typing import FilteringBoundLogger

from proxy.app import work
from proxy.net import line
from proxy.net.handover import Post
from proxy.observe import log as logs
from proxy.parts import Loaded

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCHLD)


@dataclass(slots=True)
class Child:
    """A worker that lives: its process, our end of the line, and the last configuration that it has taken."""

    pid: int
    line: socket.socket
    generation: int


def fork(child: Callable[[], NoReturn]) -> int:
    """A child process, in which no signal is lost or taken for ours before it knows what to do with it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    pid = os.fork()
    if pid == 0:
        child()
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return pid


def be_child(selector: selectors.BaseSelector) -> None:
    """In the child: forget what is the supervisor's alone, its signals and its lines to others."""
    signal.set_wakeup_fd(-1)
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL if number in (signal.SIGTERM, signal.SIGCHLD) else signal.SIG_IGN)
    for key in list(selector.get_map().values()):
        if isinstance(key.fileobj, socket.socket):
            key.fileobj.close()
    selector.close()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def be_worker(selector: selectors.BaseSelector, loaded: Loaded, log: FilteringBoundLogger, post: Post) -> NoReturn:
    """In the child: work until there is no more to do."""
    code = 1
    try:
        be_child(selector)
        code = work(loaded, log, post)
    except OSError as error:
        line.say(post.line, line.FAILED, f"{error.errno or 0} {error.filename or ''}".encode()[: line.MAX_TEXT])
        log.error("worker.failed", error=error.strerror or type(error).__name__)  # noqa: TRY400  # no defect of ours
    except Exception:  # it is the last thing that this process does
        log.exception("worker.failed")
    finally:
        logs.drain()
        os._exit(code)
