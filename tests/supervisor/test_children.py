"""Forks: what a child has of the supervisor, and what it has not."""

from __future__ import annotations

import os
import selectors
import signal
import socket
from functools import partial
from typing import NoReturn

from proxy.supervisor.children import SIGNALS, be_child, fork


def _told(selector: selectors.BaseSelector, out: int) -> NoReturn:
    be_child(selector)
    ignored = [number for number in SIGNALS if signal.getsignal(number) is signal.SIG_IGN]
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    os.write(out, f"{len(ignored)} {len(blocked & set(SIGNALS))}".encode())
    os.read(os.open("/dev/zero", os.O_RDONLY), 1)
    signal.pause()
    os._exit(1)


def test_a_child_has_neither_our_lines_nor_our_signals() -> None:
    ours, theirs = socket.socketpair()
    reads, writes = os.pipe()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with selectors.DefaultSelector() as selector:
        selector.register(ours, selectors.EVENT_READ)
        pid = fork(partial(_told, selector, writes))
        assert os.read(reads, 100) == b"4 0"  # all but SIGTERM, which ends it, and SIGCHLD
        ours.close()
        assert theirs.recv(1) == b""  # the child does not hold our end
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before
    os.kill(pid, signal.SIGTERM)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGTERM
    for file in (reads, writes):
        os.close(file)
    theirs.close()
