"""
Calls go on while workers are killed and the program is restarted under them: SIPp's retransmissions are all that helps.

Longer, with the figures of docs/reliability.md: TRUNKWARD_SECONDS=60 TRUNKWARD_RATE=100 ./run test tests/wire/test_workers.py -s
"""

from __future__ import annotations

import contextlib
import os
import signal
import time

import pytest

from tests.wire.play import Load
from tests.wire.stage import Stage
from tests.wire.trunkward import Setting

SECONDS = int(os.environ.get("TRUNKWARD_SECONDS", "4"))
RATE = int(os.environ.get("TRUNKWARD_RATE", "60"))
EVERY = 5 if SECONDS > 10 else 1.5
# as phones do, the callee answers a BYE again whose 200 was lost with a worker
ENDLESS = Load(calls=0, log=False, linger=8000, seconds=SECONDS + 90)
pytestmark = pytest.mark.wire


@pytest.mark.parametrize("workers", [1, 2])
def test_a_worker_killed_again_and_again_fails_no_call(workers: int, stage: Stage) -> None:
    load = Load(calls=RATE * SECONDS, rate=RATE, hold=300, linger=2000, log=False, seconds=SECONDS + 60)
    callee = stage.callee("callee_answered", ENDLESS)
    proxy = stage.proxy(Setting(callee.port, workers=workers))
    caller = stage.caller("caller_answered", proxy.address, load=load)
    end, kills, away = time.monotonic() + SECONDS, 0, []
    while time.monotonic() < end - 1:
        time.sleep(EVERY)
        pid = proxy.workers[0]
        killed = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        kills += 1
        while len(proxy.workers) < workers or pid in proxy.workers:
            assert time.monotonic() < killed + 10
            time.sleep(0.002)
        away.append(time.monotonic() - killed)

    told = caller.wait(SECONDS + 90)
    assert (told.succeeded, told.failed) == (load.calls, 0)
    callee.finish()
    proxy.stop()
    print(f"{workers} workers: {kills} killed in {load.calls} calls at {RATE}/s, next one after at most {max(away):.3f} s, {told.retransmissions} retransmissions")  # fmt: skip


def test_restarts_under_load_fail_no_call(stage: Stage) -> None:
    """SIGUSR2: the new program takes the sockets over, the old one sees its calls to their answers."""
    restarts = 10 if SECONDS > 10 else 2
    load = Load(calls=RATE * SECONDS, rate=RATE, hold=300, linger=2000, log=False, seconds=SECONDS + 60)
    callee = stage.callee("callee_answered", ENDLESS)
    proxy = stage.proxy(Setting(callee.port, workers=1))
    pid_file = proxy.directory / "state" / "trunkward.pid"
    caller = stage.caller("caller_answered", proxy.address, load=load)
    pids = [int(pid_file.read_text())]
    begun = time.monotonic()
    try:
        while len(pids) <= restarts:
            os.kill(pids[-1], signal.SIGUSR2)
            deadline = time.monotonic() + 60
            while not pid_file.exists() or not (text := pid_file.read_text()).strip() or int(text) == pids[-1]:
                assert time.monotonic() < deadline, proxy.program.complaint()
                time.sleep(0.02)
            pids.append(int(pid_file.read_text()))
        lasted = time.monotonic() - begun
        told = caller.wait(SECONDS + 90)
        assert (told.succeeded, told.failed) == (load.calls, 0)
        callee.finish()
        assert proxy.metrics()["trunkward_workers",] == 1
    finally:
        for pid in pids[1:]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
    print(f"{restarts} restarts within {lasted:.1f} s in {load.calls} calls at {RATE}/s: {told.failed} failed, {told.retransmissions} retransmissions")  # fmt: skip
