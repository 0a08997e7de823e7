"""The command behind `./run bench`: starts the contenders, measures them in turns, prints the tables."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tests.bench import cpu, micro
from tests.bench.contenders import KamailioScreening, Service, Trunkward, write_callers, write_signed
from tests.wire import identity, play
from tests.wire.identity import Lab
from tests.wire.peers import CALLER, CORE, free_port
from tests.wire.play import Load, Who

# Kinds of calls, and what is done with their signed identities by the contenders that take them.
SERVICES: Mapping[str, Service] = {"passed": "", "refused": "", "verified": "verify", "signed": "sign", "tcp": "tcp"}
KINDS = tuple(SERVICES)


@dataclass(frozen=True, slots=True)
class Run:
    """One measured load: CPU time a call in µs, and what would spoil the figure."""

    round: int
    contender: str
    kind: str
    calls: int
    microseconds: float
    retransmissions: int
    records: int


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asked for."""

    calls: int
    rate: int
    repeat: int
    compiled: bool
    output: str
    kinds: str = ",".join(KINDS)


def main(arguments: list[str]) -> int:
    """Measure and print; 1 when a program is missing or a call failed."""
    options = _options(arguments)
    missing = [name for name in ("sipp", "kamailio") if shutil.which(name) is None]
    if missing:
        print(f"missing: {', '.join(missing)}; apt-get install sip-tester kamailio", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="trunkward-bench-") as directory:
        if options.compiled:
            _compile(Path(directory))
        result = measure(Path(directory), options)
    print(json.dumps(result, indent=2) if options.output == "json" else table(result))
    return 0


def measure(directory: Path, options: Options) -> dict[str, Any]:
    """Run every round and return all figures."""
    lab = identity.made(directory)
    write_callers(directory / "passed.csv", 0)
    write_callers(directory / "signed.csv", 0)
    write_callers(directory / "tcp.csv", 0)
    write_callers(directory / "refused.csv", 1)
    wanted = [kind for kind in KINDS if kind in options.kinds.split(",")]
    runs: list[Run] = []
    memory: dict[str, int] = {}
    with lab.repository:
        for service in dict.fromkeys(SERVICES[kind] for kind in wanted):
            kinds = [kind for kind in wanted if SERVICES[kind] == service]
            runs += _bout(directory, options, lab, service, kinds, memory)
    _say("the parts, without peers")
    return {**_summary(runs, memory, options), "parts_us": micro.measure()}


def _bout(
    directory: Path, options: Options, lab: Lab, service: Service, kinds: list[str], memory: dict[str, int]
) -> list[Run]:
    """All rounds of the kinds that the same contenders can take."""
    core_port = free_port()
    contenders: list[Trunkward | KamailioScreening] = []
    few = replace(options, calls=200, rate=100)
    try:
        for make in (Trunkward, KamailioScreening):
            _say(f"starting {make.__name__} {service} with 1,000,000 numbers")
            contenders.append(make(directory, core_port, lab, service))
        for contender in contenders:  # warm-up: first use of everything
            for kind in kinds:
                _run(directory, contender, kind, core_port, few, 0, lab)
        runs = [
            _run(directory, contender, kind, core_port, options, number, lab)
            for number in range(1, options.repeat + 1)
            for kind in kinds
            for contender in (contenders if number % 2 else contenders[::-1])
        ]
        for each in contenders:
            memory.setdefault(each.name, cpu.resident(each.pid) >> 20)
            each.stop()
    finally:
        for each in contenders:
            each.program.kill()
    return runs


def _run(
    directory: Path,
    contender: Trunkward | KamailioScreening,
    kind: str,
    core_port: int,
    options: Options,
    number: int,
    lab: Lab,
) -> Run:
    """Put one load on one contender; every call must go as it should."""
    _say(f"round {number}: {contender.name}, {options.calls} calls {kind}, {options.rate} a second")
    seconds = options.calls // options.rate + 60
    numbers = directory / f"{kind}.csv"
    token = ""
    if kind == "verified":
        write_signed(numbers, lab, options.calls)  # a token that another call has used is a replay
        token = f"[field1];info=<{lab.repository.url}/sp.pem>;alg=ES256;ppt=shaken"
    by = "t1" if kind == "tcp" else "u1"
    load = Load(options.calls, options.rate, hold=100, seconds=seconds, log=False, numbers=numbers, transport=by)
    who = Who(number="[field0]", identity=token)
    at = (CALLER, free_port())
    before, written = cpu.used(contender.pid), contender.records()
    if kind != "refused":
        callee = play.callee(directory, "callee_answered", load, (CORE, core_port))
        caller = play.caller(directory, "caller_answered", contender.address, who, load, at)
        found = [caller.wait(seconds), callee.wait(seconds)]
    else:
        caller = play.caller(directory, "caller_refused:403", contender.address, who, load, at)
        found = [caller.wait(seconds)]
    spent = cpu.used(contender.pid) - before
    return Run(
        round=number,
        contender=contender.name,
        kind=kind,
        calls=options.calls,
        microseconds=round(spent / 1000 / options.calls, 1),
        retransmissions=sum(each.retransmissions + each.repeats for each in found),
        records=contender.records() - written,
    )


def _summary(runs: list[Run], memory: dict[str, int], options: Options) -> dict[str, Any]:
    medians = {
        kind: {
            name: statistics.median(run.microseconds for run in runs if (run.kind, run.contender) == (kind, name))
            for name in memory
        }
        for kind in dict.fromkeys(run.kind for run in runs)
    }
    ratios = {kind: round(each["trunkward"] / each["kamailio"], 3) for kind, each in medians.items()}
    return {
        "calls": options.calls,
        "rate": options.rate,
        "numbers": 1_000_000,
        "machine": {"cpu": cpu.model(), "cores": os.cpu_count(), "python": platform.python_version()},
        "runs": [asdict(run) for run in runs],
        "median_us": medians,
        "ratio": ratios,
        "memory_mb": memory,
    }


def table(result: dict[str, Any]) -> str:
    """Lay the figures out for people."""
    machine = result["machine"]
    lines = [
        "CPU time of a call in µs: user and system, all processes, records on",
        f"{result['calls']} calls a run, {result['rate']} a second, {result['numbers']:,} numbers allocated",
        f"{machine['cpu']}, {machine['cores']} cores, Python {machine['python']}",
        "",
        f"{'round':>6} {'calls':>8} {'contender':<10} {'µs a call':>10} {'repeats':>8} {'records':>8}",
    ]
    lines += [
        f"{run['round']:>6} {run['kind']:>8} {run['contender']:<10} {run['microseconds']:>10.1f} "
        f"{run['retransmissions']:>8} {run['records']:>8}"
        for run in result["runs"]
    ]
    lines += ["", f"{'median':>6} {'calls':>8} {'trunkward':>10} {'kamailio':>10} {'ratio':>8}"]
    for kind, each in result["median_us"].items():
        ratio = f"{result['ratio'][kind]:>8.2f}"
        lines.append(f"{'':>6} {kind:>8} {each['trunkward']:>10.1f} {each['kamailio']:>10.1f} {ratio}")
    memory = ", ".join(f"{name} {size} MB" for name, size in result["memory_mb"].items())
    lines += ["", f"memory after the run: {memory}", "", "parts of a call in one process without peers, µs, best of 5:"]
    lines += [f"{value:>10.1f}  {name}" for name, value in result["parts_us"].items()]
    return "\n".join(lines)


def _options(arguments: list[str]) -> Options:
    parser = argparse.ArgumentParser(prog="./run bench", description=__doc__)
    parser.add_argument("--calls", type=int, default=4000, help="calls of one run (default 4000)")
    parser.add_argument("--rate", type=int, default=400, help="calls a second (default 400)")
    parser.add_argument("--repeat", type=int, default=3, help="rounds, each measures everybody (default 3)")
    parser.add_argument("--compiled", action="store_true", help="measure the wheel with compiled rooms; needs gcc")
    parser.add_argument("--kinds", default=",".join(KINDS), help=f"which calls (default {','.join(KINDS)})")
    parser.add_argument("--output", choices=("table", "json"), default="table")
    return Options(**vars(parser.parse_args(arguments)))


def _compile(directory: Path) -> None:
    """Build the compiled wheel, and let the programs started from here find it before the tree."""
    _say("compiling the hot rooms")
    build = "import sys; from hatchling.build import build_wheel; build_wheel(sys.argv[1])"
    environment = {**os.environ, "HATCH_BUILD_HOOK_ENABLE_CUSTOM": "true"}
    root = Path(__file__).resolve().parent.parent.parent
    subprocess.run([sys.executable, "-c", build, str(directory)], cwd=root, env=environment, check=True)
    (wheel,) = directory.glob("*.whl")
    house = directory / "house"
    zipfile.ZipFile(wheel).extractall(house)
    os.environ["PYTHONPATH"] = str(house)


def _say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)
