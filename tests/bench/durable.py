"""What `records.durable` costs: the same calls of SIPp without and with it (docs/records.md, "Durable")."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from tests.bench import cpu
from tests.wire import play
from tests.wire.peers import CALLER, CORE, free_port
from tests.wire.play import Load, Who
from tests.wire.trunkward import Proxy, Setting


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.durable", description=__doc__)
    parser.add_argument("--calls", type=int, default=4000)
    parser.add_argument("--rate", type=int, nargs="+", default=[50, 200, 400])
    parser.add_argument("--directory", help="on the disk to measure (default: that of temporary files)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="trunkward-durable-", dir=options.directory) as directory:
        for rate in options.rate:
            for name, records in (("plain", ""), ("durable", ", durable: true")):
                home = Path(directory) / f"{name}-{rate}"
                home.mkdir()
                print(f"{rate:>5} calls/s {name:<8} {_run(home, records, options.calls, rate)}", flush=True)


def _run(home: Path, records: str, calls: int, rate: int) -> str:
    core_port = free_port()
    proxy = Proxy(home, Setting(core_port, records=records))
    try:
        load = Load(calls, rate, hold=100, seconds=calls // rate + 60, log=False)
        before = cpu.used(proxy.program.process.pid)
        callee = play.callee(home, "callee_answered", load, (CORE, core_port))
        caller = play.caller(home, "caller_answered", proxy.address, Who(), load, (CALLER, free_port()))
        found = [each.wait(load.seconds) for each in (caller, callee)]
        spent = (cpu.used(proxy.program.process.pid) - before) / 1000 / calls
        metrics = proxy.metrics()
        proxy.stop()
    finally:
        proxy.kill()
    count, total = (metrics[f"trunkward_commit_seconds_{each}",] for each in ("count", "sum"))
    mean = f", wait {1000 * total / count:.2f} ms on average, 99% {_quantile(metrics, count)}" if count else ""
    late, repeats = metrics["trunkward_records_late_total",], sum(each.retransmissions for each in found)
    return f"{spent:7.0f} µs of CPU a call{mean}, {late:.0f} late, {repeats} repeats, {found[0].failed} failed"


def _quantile(metrics: dict[tuple[str, ...], float], count: float) -> str:
    """The bucket that holds the 99th of a hundred."""
    name = "trunkward_commit_seconds_bucket"
    bounds = sorted((float(key[1][3:]), value) for key, value in metrics.items() if key[0] == name)
    return f"within {1000 * next(bound for bound, below in bounds if below >= 0.99 * count):g} ms"


if __name__ == "__main__":
    main()
