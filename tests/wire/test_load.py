"""Many calls at once, and what happens to them when the proxy is reloaded, told to stop, or killed."""

from __future__ import annotations

import json
import signal
import time
from collections import Counter

from tests.wire.peers import STOP_SECONDS
from tests.wire.play import SPOOFED, Load, Statistics, Who
from tests.wire.stage import Stage
from tests.wire.trunkward import Proxy, Setting

ENDLESS = Load(calls=0, log=False, seconds=90)


def test_a_thousand_calls_at_200_a_second_none_lost_none_repeated(stage: Stage) -> None:
    load = Load(calls=1000, rate=200, hold=300, log=False, seconds=60)
    callee = stage.callee("callee_answered", load)
    proxy = stage.proxy(Setting(callee.port))
    caller = stage.caller("caller_answered", proxy.address, load=load)

    clean = Statistics(1000, 1000, failed=0, retransmissions=0, repeats=0, unexpected=0)
    assert caller.wait(90) == clean
    assert callee.wait(90) == clean

    ends = proxy.wait_records("call.end", 1000)
    verdicts = proxy.records("call.verdict")
    assert _ids(verdicts) == _ids(ends) == dict.fromkeys(_ids(ends), 1)
    assert len(_ids(ends)) == 1000
    assert {end["ended_by"] for end in ends} == {"caller"}
    assert all(end["answered"] and load.hold - 5 <= end["duration_ms"] < 30_000 for end in ends)
    metrics = proxy.metrics()
    assert metrics["trunkward_active_calls", "trunk=acme-1"] == 0
    assert metrics["trunkward_calls_total", "mode=block", "trunk=acme-1", "verdict=pass"] == 1000
    assert metrics["trunkward_records_dropped_total",] == 0
    proxy.stop()


def test_sigterm_in_the_middle_of_the_load_drains_with_the_records_complete(stage: Stage) -> None:
    load = Load(calls=600, rate=150, hold=500, log=True, seconds=60)
    callee = stage.callee("callee_answered", ENDLESS)
    proxy = stage.proxy(Setting(callee.port))
    caller = stage.caller("caller_answered", proxy.address, load=load)
    _until_verdicts(proxy, 200)

    proxy.stop()

    caller.kill()
    verdicts, ends = _ids(proxy.records("call.verdict")), _ids(proxy.records("call.end"))
    assert set(verdicts.values()) == {1}
    assert ends == verdicts
    rung = {_call_id(message) for message in caller.messages("received") if message.startswith(b"SIP/2.0 180 ")}
    assert rung - set(verdicts) == set(), "a call went through without a record"


def test_reload_under_load_takes_what_is_good_and_refuses_what_is_bad(stage: Stage) -> None:
    load = Load(calls=800, rate=160, hold=200, log=False, seconds=60)
    callee = stage.callee("callee_answered", ENDLESS)
    proxy = stage.proxy(Setting(callee.port))
    stage.caller("caller_refused:403", proxy.address, Who(SPOOFED)).wait()
    caller = stage.caller("caller_answered", proxy.address, load=load)
    _until_verdicts(proxy, 100)

    proxy.reload(more=f'      - {{number: "{SPOOFED}"}}\n')
    assert proxy.metrics()["trunkward_config_last_reload_successful",] == 1
    stage.caller("caller_answered", proxy.address, Who(SPOOFED)).wait()

    (proxy.directory / "directory.yaml").write_text("customers: [{id: acme}]\ntrunks: [{id: 5, sauces: []}]\n")
    proxy.hang_up()
    assert proxy.metrics()["trunkward_config_last_reload_successful",] == 0
    stage.caller("caller_answered", proxy.address, Who(SPOOFED)).wait()

    assert caller.wait(90) == Statistics(800, 800, failed=0, retransmissions=0, repeats=0, unexpected=0)
    callee.finish()
    proxy.wait_records("call.end", 803)
    proxy.stop()


def test_every_record_line_is_whole_after_kill_9(stage: Stage) -> None:
    load = Load(calls=600, rate=150, hold=100, log=False, seconds=60)
    callee = stage.callee("callee_answered", ENDLESS)
    proxy = stage.proxy(Setting(callee.port))
    caller = stage.caller("caller_answered", proxy.address, load=load)
    _until_verdicts(proxy, 200)

    proxy.kill()
    caller.kill()

    data = b"".join(file.read_bytes() for file in proxy.record_files())
    assert data.endswith(b"\n")
    assert len([json.loads(line) for line in data.split(b"\n")[:-1]]) >= 200

    proxy.restart()  # and the next process appends whole lines to the same file
    stage.caller("caller_answered", proxy.address).wait()
    proxy.stop()
    assert proxy.records()[-1]["event"] == "call.end"


def test_a_second_sigterm_or_sigint_does_not_break_the_drain(stage: Stage) -> None:
    callee = stage.callee("callee_answered", ENDLESS)
    proxy = stage.proxy(Setting(callee.port))
    stage.caller("caller_answered", proxy.address, load=Load(calls=5)).wait()
    proxy.program.send(signal.SIGTERM)
    proxy.program.send(signal.SIGINT)

    assert proxy.program.wait(STOP_SECONDS) == 0, proxy.program.complaint()
    assert len(proxy.records("call.end")) == 5


def _ids(records: list[dict[str, str]]) -> Counter[str]:
    return Counter(record["call_id"] for record in records)


def _call_id(message: bytes) -> str:
    line = next(line for line in message.split(b"\r\n") if line.lower().startswith(b"call-id:"))
    return line.partition(b":")[2].strip().decode("ascii")


def _until_verdicts(proxy: Proxy, number: int) -> None:
    """Wait until the load is well under way."""
    deadline = time.monotonic() + 30
    while b"".join(file.read_bytes() for file in proxy.record_files()).count(b"call.verdict") < number:
        assert time.monotonic() < deadline, proxy.program.complaint()
        time.sleep(0.02)
