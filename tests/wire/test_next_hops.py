"""Several next hops: one is killed and started again in the middle of load, refuses, or says nothing at all."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable

from tests.wire.peers import CALLER, CORE, OTHER, free_port
from tests.wire.play import ALLOCATED, Load, Sipp, Statistics, Who
from tests.wire.stage import Stage
from tests.wire.trunkward import Proxy, Setting

SECONDS = 30.0
NO_PROBES = "  probe: {interval: 0s}\n"


def more(*ports: int) -> str:
    """Further next hops, each of a priority after the one before."""
    return "".join(f', {{uri: "sip:{CORE}:{port}", priority: {n}}}' for n, port in enumerate(ports, 2))


def until(true: Callable[[], bool], proxy: Proxy) -> None:
    deadline = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < deadline, proxy.program.complaint()
        time.sleep(0.05)


def calls(messages: Iterable[bytes], start: bytes) -> set[bytes]:
    """The Call-IDs of the messages about an INVITE that begin so."""
    found = set()
    for message in messages:
        call_id = re.search(rb"\r\nCall-ID: *([^\r]+)", message)
        if message.startswith(start) and re.search(rb"\r\nCSeq: *1 INVITE", message) and call_id:
            found.add(call_id[1])
    return found


def up(proxy: Proxy, port: int) -> float:
    return proxy.metrics()["trunkward_next_hop_up", f"next_hop={CORE}:{port}"]


def failovers(proxy: Proxy, where: str, cause: str) -> float:
    return proxy.metrics()["trunkward_failovers_total", f"cause={cause}", f"next_hop={where}"]


def clean(sipp: Sipp, number: int) -> None:
    """Every call was answered, and no party had to say anything twice."""
    assert sipp.wait(60) == Statistics(number, number, failed=0, retransmissions=0, repeats=0, unexpected=0)


def test_a_next_hop_killed_and_revived_in_the_middle_of_load_loses_no_call(stage: Stage) -> None:
    number, rate = 1000, 50
    first, second = free_port(), free_port()
    dying = stage.callee("callee_answered", Load(calls=0, options=True, seconds=90), at=(CORE, first))
    stage.callee("callee_answered", Load(calls=0, options=True, seconds=90, log=False), at=(CORE, second))
    proxy = stage.proxy(Setting(first, hops=more(second), watch="  probe: {interval: 1s, down_after: 3}\n"))
    load = Load(calls=number, rate=rate, hold=100, seconds=90)
    caller = stage.caller("caller_answered", proxy.address, load=load)

    until(lambda: len(proxy.records("call.end")) >= 3 * rate, proxy)
    dying.kill()
    until(lambda: up(proxy, first) == 0, proxy)
    at_least = len(proxy.records("call.verdict")) + 2 * rate
    until(lambda: len(proxy.records("call.verdict")) >= at_least, proxy)
    revived = stage.callee("callee_answered", Load(calls=0, options=True, seconds=90), at=(CORE, first))
    until(lambda: up(proxy, first) == 1, proxy)
    until(lambda: len(calls(revived.messages("received"), b"INVITE")) >= rate, proxy)

    heard = dying.messages("sent")
    rang = calls(heard, b"SIP/2.0 180")
    until(lambda: len(calls(caller.messages("received"), b"SIP/2.0 200") | rang) == number, proxy)
    lost = rang - calls(caller.messages("received"), b"SIP/2.0 200")
    assert len(lost) < rate / 5, "calls that rang where nobody was any more; they ring for 30 ms"
    assert calls(caller.messages("received"), b"SIP/2.0 5") == set()
    assert failovers(proxy, f"{CORE}:{first}", "silent") >= 3
    assert failovers(proxy, f"{CORE}:{second}", "silent") == 0
    assert [len(proxy.log(event)) for event in ("next_hop.down", "next_hop.up")] == [1, 1]
    caller.kill()


def test_three_calls_meet_a_next_hop_that_answers_503_and_no_call_is_lost(stage: Stage) -> None:
    first = stage.callee("callee_refuses:503", Load(calls=3, hold=10))
    second = stage.callee("callee_answered", Load(calls=10))
    proxy = stage.proxy(Setting(first.port, hops=more(second.port), watch=NO_PROBES))
    for _ in range(2):
        clean(stage.caller("caller_answered", proxy.address, load=Load(calls=5, rate=5)), 5)

    clean(first, 3)
    clean(second, 10)
    ends = proxy.wait_records("call.end", 10)
    assert {(end["status"], end["next_hop"]) for end in ends} == {(200, f"{CORE}:{second.port}")}
    ladder = [message[1:] for message in ends[0]["messages"]]
    assert [["in", f"{CORE}:{first.port}", "503 Refused"], ["out", f"{CORE}:{second.port}", "INVITE"]] == ladder[5:7]
    assert failovers(proxy, f"{CORE}:{first.port}", "503") == 3
    assert (up(proxy, first.port), up(proxy, second.port)) == (0, 1)
    (news,) = proxy.log("next_hop.down")
    assert (news["next_hop"], news["cause"]) == (f"{CORE}:{first.port}", "503")
    proxy.stop()


def test_a_silent_next_hop_delays_three_calls_and_then_none(stage: Stage) -> None:
    silent = stage.sink()
    second = stage.callee("callee_answered", Load(calls=6))
    watch = f"{NO_PROBES}  failover_after: 1s\n"
    proxy = stage.proxy(Setting(silent.port, hops=more(second.port), watch=watch))
    for _ in range(2):
        clean(stage.caller("caller_answered", proxy.address, load=Load(calls=3, rate=10)), 3)

    clean(second, 6)
    asked = silent.waiting()
    assert len(calls(asked, b"INVITE")) == 3
    assert len(asked) == 6  # 0 and 0.5 s; nothing once it is given up
    ends = proxy.wait_records("call.end", 6)
    assert [end["ring_ms"] >= 1000 for end in ends] == [True] * 3 + [False] * 3
    assert failovers(proxy, f"{CORE}:{silent.port}", "silent") == 3
    proxy.stop()


def test_calls_to_a_trunk_go_on_to_its_second_gateway(stage: Stage) -> None:
    gateway, spare, core = free_port(), free_port(), free_port()
    refusing = stage.callee("callee_refuses:503", Load(calls=1, hold=10), at=(CALLER, gateway))
    taking = stage.callee("callee_answered", at=(OTHER, spare))
    proxy = stage.proxy(Setting(core, gateway_port=gateway, gateways=f', "sip:{OTHER}:{spare}"'))
    who = Who(number="+8613800138000", called=ALLOCATED, host=CORE)
    clean(stage.caller("caller_answered", proxy.address, who, at=(CORE, core)), 1)

    clean(refusing, 1)
    clean(taking, 1)
    (end,) = proxy.wait_records("call.end", 1)
    assert (end["callee_trunk"], end["next_hop"], end["answered"]) == ("acme-1", f"{OTHER}:{spare}", True)
    assert failovers(proxy, f"{CALLER}:{gateway}", "503") == 1
    proxy.stop()


def test_when_every_next_hop_answers_503_so_does_the_proxy(stage: Stage) -> None:
    hops = [stage.callee("callee_refuses:503", Load(hold=10)) for _ in range(2)]
    proxy = stage.proxy(Setting(hops[0].port, hops=more(hops[1].port), watch=NO_PROBES))
    clean(stage.caller("caller_refused:503", proxy.address), 1)

    for each in hops:
        clean(each, 1)
    (end,) = proxy.wait_records("call.end", 1)
    assert (end["status"], end["next_hop"]) == (503, f"{CORE}:{hops[1].port}")
    proxy.stop()
