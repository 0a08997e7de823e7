"""More than was agreed, more than can be handled, and noise: who still gets through."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Final

from tests.wire.flood import Flood
from tests.wire.peers import OTHER, STRANGER, free_port
from tests.wire.play import SPOOFED, Load, Who
from tests.wire.stage import Stage
from tests.wire.trunkward import Proxy, Record, Setting, rules

ENDLESS: Final = Load(calls=0, log=False, seconds=90)
QUOTA: Final = 20  # calls a second
TRUNKS: Final = tuple(f"127.0.1.{number}" for number in range(1, 11))
BOLT: Final = Who(number="+862155550001", host=OTHER)


def trunk(host: str, limits: str = "") -> str:
    """A trunk of acme's at an address, with one number of its own."""
    return (
        f"  - id: trunk-{host}\n    customer: acme\n    sources: ['{host}/32']\n"
        f"    limits: {{{limits}}}\n    allocations: [{{number: '{number(host)}'}}]\n"
    )


def number(host: str) -> str:
    """The number of a trunk."""
    return f"+86246666{int(host.rpartition('.')[2]):04d}"


def shed(proxy: Proxy, metric: str, reason: str) -> float:
    """How much has been shed for a reason, whoever sent it."""
    name = f"trunkward_{metric}_shed_total"
    return sum(value for key, value in proxy.metrics().items() if key[0] == name and f"reason={reason}" in key)


def test_nine_trunks_within_their_quota_lose_nothing_to_a_tenth_that_sends_five_times_its_own(stage: Stage) -> None:
    """The nine send half their quota, so that a machine that stalls for a second decides nothing."""
    callee = stage.callee("callee_answered", ENDLESS)
    limits = f"calls_per_second: {QUOTA}"
    proxy = stage.proxy(Setting(callee.port, trunks="".join(trunk(host, limits) for host in TRUNKS)))
    load = Load(calls=80, rate=QUOTA // 2, hold=100, log=False, seconds=60)
    *nine, tenth = TRUNKS
    callers = [stage.caller("caller_answered", proxy.address, Who(number(host), host=host), load, (host, 5060)) for host in nine]  # fmt: skip
    loud = Load(calls=8 * 5 * QUOTA, rate=5 * QUOTA, hold=100, seconds=60)
    greedy = stage.caller("caller_answered_or:503", proxy.address, Who(number(tenth), host=tenth), loud, (tenth, 5060))

    counted = [each.wait(90) for each in callers]
    assert [(each.succeeded, each.failed) for each in counted] == [(load.calls, 0)] * len(nine)
    assert greedy.wait(90).succeeded == loud.calls

    verdicts = [record for record in proxy.records("call.verdict") if record["trunk"] == f"trunk-{tenth}"]
    ways = Counter(record["verdict"] for record in verdicts)
    assert ways.total() == loud.calls
    assert 0 < ways["pass"] <= QUOTA * (seconds(verdicts) + 1) + 1
    assert {(record["status"], *rules(record)) for record in verdicts if record["verdict"] == "reject"} == {
        (503, "traffic.rate")
    }
    busy = [data for data in greedy.messages("received") if data.startswith(b"SIP/2.0 503 ")]
    assert len(set(busy)) == ways["reject"]
    assert not any(b"retry-after" in data.lower() for data in busy)
    proxy.stop()


def test_a_trunk_of_three_channels_has_no_fourth(stage: Stage) -> None:
    callee = stage.callee("callee_answered", ENDLESS)
    host = TRUNKS[0]
    proxy = stage.proxy(Setting(callee.port, trunks=trunk(host, "concurrent: 3")))
    who, long = Who(number(host), host=host), Load(calls=3, rate=50, hold=4000)
    three = stage.caller("caller_answered", proxy.address, who, long, (host, free_port()))
    proxy.wait_records("call.verdict", 3)

    stage.caller("caller_refused:503", proxy.address, who, Load(calls=5), (host, free_port())).wait()
    urgent = Who(number(host), host=host, called="110")
    stage.caller("caller_answered", proxy.address, urgent, at=(host, free_port())).wait()
    assert three.wait().succeeded == 3
    stage.caller("caller_answered", proxy.address, who, long, (host, free_port())).wait()

    assert Counter(rule for record in proxy.records("call.verdict") for rule in rules(record)) == {
        "traffic.concurrent": 6  # the emergency call's, too, which passed
    }
    proxy.stop()


def test_a_flood_of_strangers_hears_nothing_and_costs_no_call(stage: Stage) -> None:
    callee = stage.callee("callee_answered", ENDLESS)
    proxy = stage.proxy(Setting(callee.port))
    flood = Flood(stage.sink(STRANGER), proxy.address, SPOOFED, 0.005)
    load = Load(calls=500, rate=50, hold=100, log=False, seconds=60)
    caller = stage.caller("caller_answered", proxy.address, load=load)
    counted = caller.wait(90)
    flood.stop()

    assert (counted.succeeded, counted.failed) == (500, 0)
    assert flood.heard == []
    assert shed(proxy, "packets", "unknown") > 10 * load.calls
    assert shed(proxy, "requests", "overload") == 0
    strangers = [record for record in proxy.records("call.verdict") if record["trunk"] == "unknown"]
    assert 0 < len(strangers) <= 50 * (seconds(strangers) + 1) + 1
    assert {record["status"] for record in strangers} == {None}
    print(f"{flood.sent} INVITEs of a stranger, {counted}")
    proxy.stop()


def test_a_thousand_emergency_calls_during_a_flood_from_a_trunk_and_one_from_outside(stage: Stage) -> None:
    """The flood of the trunk is read and shed, whose calls are rejected one by one while there is time for it."""
    callee = stage.callee("callee_answered", ENDLESS)
    proxy = stage.proxy(Setting(callee.port, trunks=trunk(TRUNKS[0], "calls_per_second: 10, packets_per_second: 1000")))
    floods = [
        Flood(stage.sink(TRUNKS[0]), proxy.address, SPOOFED, 0.02),
        Flood(stage.sink(STRANGER), proxy.address, SPOOFED, 0.02),
    ]
    load = Load(calls=1000, rate=100, hold=50, log=False, seconds=80)
    caller = stage.caller("caller_answered", proxy.address, Who(number=SPOOFED, called="110"), load)
    counted = caller.wait(90)
    for flood in floods:
        flood.stop()

    assert (counted.succeeded, counted.failed) == (1000, 0)
    emergencies = [record for record in proxy.records("call.verdict") if record["emergency"]]
    assert len(emergencies) == 1000
    assert {(record["verdict"], record["next_hop"] is None) for record in emergencies} == {("pass", False)}
    assert floods[1].heard == []
    print(
        [flood.sent for flood in floods],
        counted,
        {key: value for key, value in proxy.metrics().items() if "shed" in key[0]},
    )

    answered = stage.sink(OTHER)  # what still waits is read before this is answered
    answered.send(_options(answered.host, answered.port, proxy), proxy.address)
    answered.receive(b"SIP/2.0 200 ", seconds=30)
    before = shed(proxy, "requests", "overload")
    after = stage.caller(
        "caller_answered", proxy.address, BOLT, Load(calls=200, rate=50, hold=50, log=False), (OTHER, free_port())
    ).wait()
    assert (after.succeeded, after.failed) == (200, 0)
    assert shed(proxy, "requests", "overload") == before
    proxy.stop()


def test_a_trunk_that_sends_more_than_the_node_can_handle_costs_the_others_nothing(stage: Stage) -> None:
    """Five thousand calls a second that nobody acknowledges: level 2 may be reached on a machine that is busy else."""
    callee = stage.callee("callee_answered", ENDLESS)
    limits = f"calls_per_second: {QUOTA}"
    proxy = stage.proxy(Setting(callee.port, trunks="".join(trunk(host, limits) for host in TRUNKS)))
    *nine, tenth = TRUNKS
    flood = Flood(stage.sink(tenth), proxy.address, SPOOFED, 0.02)
    load = Load(calls=80, rate=QUOTA // 2, hold=100, log=False, seconds=80)
    callers = [
        stage.caller("caller_answered_or:503", proxy.address, Who(number(host), host=host), load, (host, 5060))
        for host in nine
    ]
    urgent = Load(calls=400, rate=50, hold=50, log=False, seconds=80)
    emergency = stage.caller("caller_answered", proxy.address, Who(number=SPOOFED, called="110"), urgent).wait(90)
    for caller in callers:
        assert caller.wait(90).succeeded == load.calls
    flood.stop()

    passed = Counter(record["trunk"] for record in proxy.records("call.verdict") if record["verdict"] == "pass")
    answered = sum(passed[f"trunk-{host}"] for host in nine)
    print(f"{flood.sent} INVITEs of the tenth, {answered} of {9 * load.calls} calls of the nine, {emergency}")
    assert (emergency.succeeded, emergency.failed) == (400, 0)
    assert answered >= 0.98 * 9 * load.calls
    assert shed(proxy, "requests", "full") == 0
    proxy.stop()


def seconds(records: list[Record]) -> float:
    """The time from the first record to the last."""
    first, last = (datetime.fromisoformat(records[index]["ts"]) for index in (0, -1))
    return (last - first).total_seconds()


def _options(host: str, port: int, proxy: Proxy) -> bytes:
    lines = [
        f"OPTIONS sip:{proxy.host}:{proxy.port} SIP/2.0",
        f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK-after",
        f"From: <sip:after@{host}>;tag=after",
        f"To: <sip:{proxy.host}>",
        "Call-ID: after",
        "CSeq: 1 OPTIONS",
        "Max-Forwards: 70",
        "Content-Length: 0",
    ]
    return "\r\n".join([*lines, "", ""]).encode("ascii")
