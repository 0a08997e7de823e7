"""Many calls, one after the other: none is lost, and memory does not grow. TRUNKWARD_SOAK says how many (docs/reliability.md)."""

from __future__ import annotations

import os
import time
from pathlib import Path

from tests.wire.play import Load
from tests.wire.stage import Stage
from tests.wire.trunkward import Proxy, Setting

CALLS = int(os.environ.get("TRUNKWARD_SOAK", "2000"))
RATE = int(os.environ.get("TRUNKWARD_SOAK_RATE", "200"))
PAGE = os.sysconf("SC_PAGE_SIZE")
GROWTH = 24 << 20  # octets that four processes may grow by in the second half; 500,000 calls would leave far more


def memory(proxy: Proxy) -> dict[str, int]:
    """What the private memory of each process of the node is, in octets: what is shared with others counts once, nowhere."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(process.name)) == proxy.program.process.pid:
                resident, shared = (process / "statm").read_text().split()[1:3]
                found[process.name] = (int(resident) - int(shared)) * PAGE
        except OSError:
            continue  # ended meanwhile
    return found


def test_memory_is_flat_over_many_calls(stage: Stage) -> None:
    seconds = CALLS // RATE + 120
    callee = stage.callee("callee_answered", Load(calls=0, log=False, linger=2000, seconds=seconds))
    proxy = stage.proxy(Setting(callee.port))
    load = Load(calls=CALLS, rate=RATE, hold=200, log=False, seconds=seconds)
    caller = stage.caller("caller_answered", proxy.address, load=load)
    seen: list[tuple[float, int, dict[str, int]]] = []
    began = time.monotonic()
    while caller.program.process.poll() is None:
        seen.append((time.monotonic() - began, proxy_calls(proxy), memory(proxy)))
        time.sleep(max(1.0, seconds / 60))
    counted = caller.wait(60)
    time.sleep(1.0)
    last = memory(proxy)
    half = next(sizes for _, calls, sizes in seen if calls >= CALLS // 3)
    for at, calls, sizes in [*seen[:: max(1, len(seen) // 12)], (time.monotonic() - began, proxy_calls(proxy), last)]:
        print(f"{at:7.0f} s {calls:8} calls {sum(sizes.values()) / 2**20:7.1f} MiB", [f"{size / 2**20:.1f}" for size in sizes.values()])  # fmt: skip

    assert (counted.succeeded, counted.failed) == (CALLS, 0)
    assert last.keys() == half.keys()  # nobody has died
    assert sum(last.values()) - sum(half.values()) < GROWTH
    assert proxy.metrics()["trunkward_transactions",] < 40 * RATE * 3
    proxy.stop()


def proxy_calls(proxy: Proxy) -> int:
    """How many calls it has judged."""
    return int(sum(value for key, value in proxy.metrics().items() if key[0] == "trunkward_calls_total"))
