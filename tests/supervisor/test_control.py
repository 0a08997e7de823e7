"""The control process is joined with workers, and missed when it is gone."""

from __future__ import annotations

import os
import selectors
import signal
import socket
from collections.abc import Callable
from pathlib import Path

from proxy.checks.policy import NAMES
from proxy.net import line
from proxy.observe.log import get
from proxy.settings.load import load
from proxy.supervisor.control import Control
from tests.admin.stage import write_config
from tests.wire.peers import free_port


def test_it_is_started_joined_and_missed(tmp_path: Path) -> None:
    more = f'metrics: {{address: "127.0.0.1:{free_port()}"}}\nadmin: {{address: "127.0.0.1:{free_port()}"}}\n'
    config = write_config(tmp_path, more)
    heard: dict[socket.socket, Callable[[], None]] = {}
    ended: list[bool] = []
    control = Control(config, get("test"), heard.__setitem__, lambda sock: heard.pop(sock, None) and None)
    assert control.start(load(config, rules=NAMES), lambda: ended.append(True))
    ours, theirs = line.line()
    with ours, theirs:
        control.connect(0, ours)
        said = line.hear(theirs)
        assert said is not None
        assert said.kind == line.CHANNEL
        with socket.socket(fileno=said.file) as channel:
            channel.settimeout(10)
            assert channel.recv(1) == b"?"  # it asks
    (sock,) = heard
    (child,) = map(int, Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()[-1:])
    os.kill(child, signal.SIGKILL)
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_READ)
        assert selector.select(10)
    heard[sock]()
    assert (ended, heard) == ([True], {})
    control.reloaded()  # to nobody
    control.stop()
