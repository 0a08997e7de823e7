"""From a configuration file to a running node."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from socket import SOCK_DGRAM, socket

from structlog.typing import FilteringBoundLogger

from proxy.net.udp import RECEIVE_BUFFER, buffer_size, open_listening
from proxy.observe import log as logs
from proxy.parts import load_to_start, snapshot_of
from proxy.settings.model import Settings
from proxy.supervisor.inherit import Inherited, inherited, line_before
from proxy.supervisor.process import Supervisor


def serve(config: Path, *, json: bool) -> int:
    """Run the proxy on a configuration until it is told to stop. Raises ConfigError, ListenError, OSError."""
    loaded, away = load_to_start(config)
    logs.configure(sys.stderr, json=json, level="info")
    log = logs.get("trunkward")
    for problem in away:
        log.warning("directory.away", problem=problem.text("en"), started_on=str(snapshot_of(loaded.settings)))
    there = inherited(os.environ)
    predecessor = line_before(os.environ)
    sockets = open_sockets(loaded.settings, log, there)
    there.close()
    supervisor = Supervisor(
        config,
        loaded,
        log,
        sockets,
        workers=worker_count(loaded.settings),
        sound=not away,
        predecessor=predecessor,
        command=[
            sys.executable,
            "-P",
            "-m",
            "proxy",
            "serve",
            "-c",
            str(config),
            "--log",
            "json" if json else "console",
        ],
    )
    return supervisor.run()


def worker_count(settings: Settings) -> int:
    """How many workers there are to be; `auto` is one for each core that this process may use."""
    wanted = settings.node.workers
    return len(os.sched_getaffinity(0)) if wanted == "auto" else wanted


def open_sockets(settings: Settings, log: FilteringBoundLogger, there: Inherited) -> list[socket]:
    """The sockets of all listeners, which every worker inherits; some may be there already. Raises ListenError."""
    sockets = [
        there.take(item.transport, item.address) or open_listening(item.transport, *item.address)
        for item in settings.listen
    ]
    for sock in sockets:
        if sock.type == SOCK_DGRAM and buffer_size(sock) < RECEIVE_BUFFER:
            log.warning("udp.small_buffer", octets=buffer_size(sock), advice="sysctl net.core.rmem_max=8388608")
    return sockets
