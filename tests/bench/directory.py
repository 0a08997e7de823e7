"""
What a directory of a million numbers costs: its snapshot, look-ups, and a reload under load (docs/directory.md).

A reload is measured at the real program: OPTIONS requests go to it all the time, and the longest wait for an answer is
told, with and without reloads. On a busy machine the figure without them says how much of it is the machine's.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import tempfile
import time
import timeit
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path

from proxy.call.directory import Directory, DirectoryBuilder, number_of
from proxy.call.trunk import Customer, Trunk
from proxy.store.snapshot import keep, kept
from tests.story import request
from tests.wire.peers import CALLER, CORE, Sink
from tests.wire.trunkward import Proxy, Setting

TODAY = date(2026, 11, 25)
_FIRST = 18_610_000_000_000  # keys of +8610…


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.directory", description=__doc__)
    parser.add_argument("--numbers", type=int, default=1_000_000)
    parser.add_argument("--trunks", type=int, default=200)
    parser.add_argument("--reloads", type=int, default=3)
    parser.add_argument("--nice", type=int, default=0, help="below 0: before the other programs of a busy machine")
    options = parser.parse_args()
    keys = sorted(_FIRST + place for place in _scattered(options.numbers))
    if options.nice:
        os.setpriority(os.PRIO_PROCESS, 0, options.nice)  # the node inherits it
    with tempfile.TemporaryDirectory(prefix="trunkward-directory-") as directory:
        home = Path(directory)
        look_ups(home, keys, options.trunks)
        reloads(home, keys, options.trunks, options.reloads)


def _scattered(count: int) -> list[int]:
    """So many different integers below 100 million, in no order that helps anybody."""
    return [place * 61_803_399 % 100_000_000 for place in range(count)]


def look_ups(home: Path, keys: list[int], trunks: int) -> None:
    """The snapshot's size, how long it takes to map it, and random look-ups in it."""
    built = _built(keys, trunks)
    _say("snapshot written", lambda: keep(home / "snapshot", built))
    print(f"{'snapshot':<28} {(home / 'snapshot').stat().st_size / 2**20:8.1f} MB")
    _say("snapshot checked and mapped", lambda: kept(home / "snapshot"))
    mapped, _ = kept(home / "snapshot")
    asked = [number_of(keys[place % len(keys)]) for place in _scattered(100_000)]

    def every() -> None:
        for number in asked:
            mapped.allocated("trunk-0", number, TODAY)

    best = min(timeit.repeat(every, number=1, repeat=9, timer=time.process_time)) / len(asked)
    print(f"{'one look-up':<28} {best * 1e6:8.2f} µs")


def reloads(home: Path, keys: list[int], trunks: int, count: int) -> None:
    """The longest wait for an answer, without reloads and with so many."""
    core, pbx = Sink(CORE), Sink(CALLER)
    lines = [_trunk(home, index, keys[index::trunks]) for index in range(trunks)]
    proxy = Proxy(home, Setting(core.port, trunks="".join(lines)))
    try:
        quiet = _waits(proxy, pbx, lambda seconds: seconds > 10)
        _tell("longest wait, no reload", quiet)
        for number in range(1, count + 1):
            done = proxy.program.err.read_text().count("reload.done")
            proxy.program.send(signal.SIGHUP)
            waits = _waits(proxy, pbx, partial(_reloaded, proxy, done))
            _tell(f"longest wait, reload {number}", waits)
    finally:
        proxy.kill()
        core.close()
        pbx.close()


def _reloaded(proxy: Proxy, before: int, _: float) -> bool:
    return proxy.program.err.read_text().count("reload.done") > before


def _waits(proxy: Proxy, pbx: Sink, over: Callable[[float], bool]) -> list[float]:
    found, began = [], time.perf_counter()
    while not over(time.perf_counter() - began):
        number = len(found)
        via = f"SIP/2.0/UDP {pbx.host}:{pbx.port};branch=z9hG4bK-{time.perf_counter_ns()}"
        asked = time.perf_counter()
        pbx.send(request("OPTIONS", f"sip:{proxy.host}:{proxy.port}", via=via, call_id=f"wait-{number}"), proxy.address)
        pbx.receive(b"SIP/2.0 ")
        found.append(time.perf_counter() - asked)
        time.sleep(0.002)
    return found


def _trunk(home: Path, index: int, keys: list[int]) -> str:
    rows = "".join(f"{number_of(key)},2027-01-{1 + key % 28:02},archive {key % 10}\n" for key in keys)
    (home / f"trunk-{index}.csv").write_text("first,valid_to,proof\n" + rows)
    address = f"10.{index >> 8}.{index & 255}.1"
    return f"""\
  - id: trunk-{index}
    customer: bolt
    role: access
    sources: ["{address}/32"]
    gateway: ["sip:{address}:5060"]
    allocations:
      - {{csv: "trunk-{index}.csv"}}
"""


def _built(keys: list[int], trunks: int) -> Directory:
    builder = DirectoryBuilder()
    for index in range(trunks):
        builder.add_trunk(Trunk(f"trunk-{index}", Customer(f"customer-{index}")))
    for place, key in enumerate(keys):
        proof, last = f"archive {key % 10}", date(2027, 1, 1 + key % 28)
        builder.add_keys(f"trunk-{place % trunks}", key, key, None, last, "", proof)
    return builder.build()


def _tell(what: str, waits: list[float]) -> None:
    shown = f"{len(waits)} answers, median {statistics.median(waits) * 1e3:.1f} ms"
    print(f"{what:<28} {max(waits) * 1e3:8.1f} ms ({shown})", flush=True)


def _say(what: str, done: Callable[[], object]) -> None:
    began = time.perf_counter()
    done()
    print(f"{what:<28} {(time.perf_counter() - began) * 1e3:8.1f} ms", flush=True)


if __name__ == "__main__":
    main()
