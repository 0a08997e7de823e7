"""Emergency calls get through whatever else does not: floods, reloads, and every store gone at once."""

from __future__ import annotations

import os
import resource
import threading
from pathlib import Path

from tests.store.postgres import running
from tests.wire.flood import Flood
from tests.wire.peers import CALLER, STRANGER
from tests.wire.play import SPOOFED, Load, Who
from tests.wire.stage import Stage
from tests.wire.test_directory_store import office_of
from tests.wire.trunkward import Proxy, Setting

ENDLESS = Load(calls=0, log=False, linger=8000, seconds=90)
EMERGENCIES = Load(calls=1000, rate=60, hold=50, log=False, linger=8000, seconds=80)


def fill_the_disk(proxy: Proxy) -> None:
    """No file of the program or its children grows beyond four kilobytes: so stands a limit for a full disk."""
    for process in Path("/proc").glob("[0-9]*"):
        if process.name.isdigit() and _session(process) == proxy.program.process.pid:
            resource.prlimit(int(process.name), resource.RLIMIT_FSIZE, (1 << 12, resource.RLIM_INFINITY))


def _session(process: Path) -> int:
    try:
        return os.getsid(int(process.name))
    except ProcessLookupError:
        return -1


def test_a_thousand_emergency_calls_with_every_store_down_in_floods_and_reloads(stage: Stage, root: Path) -> None:
    """The node was started with its database, loses it and the disk for its records, and is told to reload all the time."""
    callee = stage.callee("callee_answered", ENDLESS)
    with running() as server:
        url = server.database()
        proxy = stage.proxy(Setting(callee.port, records=", durable: true"))
        office_of(proxy, root, url)
        assert proxy.hang_up()["ok"] is True
    fill_the_disk(proxy)
    floods = [Flood(stage.sink(host), proxy.address, SPOOFED, 0.4) for host in (CALLER, STRANGER)]
    over = threading.Event()
    refused: list[bool] = []

    def reload() -> None:
        while not over.wait(4.0):
            refused.append(proxy.hang_up()["ok"])

    reloads = threading.Thread(target=reload)
    reloads.start()
    try:
        caller = stage.caller("caller_answered", proxy.address, Who(number=SPOOFED, called="110"), EMERGENCIES)
        caller.program.wait(90)
    finally:
        over.set()
        reloads.join()
        for flood in floods:
            flood.stop()
    metrics = proxy.metrics()
    print([flood.sent for flood in floods], caller.statistics(), refused)

    # what SIPp makes of a late BYE's late answer is no matter here: only emergency calls reach the callee, each once
    assert callee.statistics().created == EMERGENCIES.calls
    assert True not in refused
    assert len(refused) >= 2
    assert metrics["trunkward_records_disk_refuses",] == 1
    assert floods[1].heard == []
