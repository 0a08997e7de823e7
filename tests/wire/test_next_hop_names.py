"""Next hops by name: SRV and its failover, addresses that change under load, and DNS that is away."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.name_server import NameServer
from tests.wire.peers import CORE, free_port
from tests.wire.play import Load
from tests.wire.stage import Stage
from tests.wire.test_next_hops import calls, clean, failovers, until
from tests.wire.trunkward import Proxy, Setting

NAME = "carrier.example.com"
SRV, A = (f"_sip._udp.{NAME}", "SRV"), ("sbc.example.com", "A")
NEW = "127.0.0.8"


@pytest.fixture
def server() -> Iterator[NameServer]:
    with NameServer({}, ttl=1) as made:
        yield made


def setting(server: NameServer, uri: str, watch: str = "") -> Setting:
    host, port = server.address
    return Setting(0, core_uri=uri, watch=watch, sections=f'dns: {{servers: ["{host}:{port}"]}}\n')


def addresses(proxy: Proxy, name: str) -> float:
    return proxy.metrics()["trunkward_next_hop_name_addresses", f"name={name}"]


def test_the_next_service_takes_the_calls_of_one_that_is_silent(stage: Stage, server: NameServer) -> None:
    silent, taking = stage.sink(), stage.callee("callee_answered", Load(calls=3))
    server.records = {SRV: [f"10 1 {silent.port} sbc.example.com.", f"20 1 {taking.port} sbc.example.com."], A: [CORE]}
    watch = "  probe: {interval: 0s}\n  failover_after: 500ms\n"
    proxy = stage.proxy(setting(server, f"sip:{NAME}", watch))
    until(lambda: addresses(proxy, NAME) == 2, proxy)

    clean(stage.caller("caller_answered", proxy.address, load=Load(calls=3)), 3)
    assert taking.wait().succeeded == 3
    assert failovers(proxy, f"{CORE}:{silent.port}", "silent") == 3
    proxy.stop()


def test_an_address_that_changes_under_load_loses_no_call(stage: Stage, server: NameServer) -> None:
    """Calls that stand where the name led before go on, and are hung up by the callee: it is still believed."""
    port, load = free_port(), Load(calls=160, rate=20, hold=2000)
    old = stage.callee("callee_hangs_up", Load(calls=0, hold=2000), at=(CORE, port))
    new = stage.callee("callee_hangs_up", Load(calls=0, hold=2000), at=(NEW, port))
    server.records = {A: [CORE]}
    proxy = stage.proxy(setting(server, f"sip:sbc.example.com:{port}", "  probe: {interval: 0s}\n"))
    until(lambda: addresses(proxy, f"sbc.example.com:{port}") == 1, proxy)

    caller = stage.caller("caller_hears_bye", proxy.address, load=load)
    until(lambda: len(proxy.records("call.verdict")) >= 20, proxy)
    server.records = {A: [NEW]}
    until(lambda: calls(new.messages("received"), b"INVITE") != set(), proxy)
    server.failing = "silent"  # from now on nobody says anything
    clean(caller, 160)
    before, after = (len(calls(each.messages("received"), b"INVITE")) for each in (old, new))
    assert (before + after, before >= 20, after >= 20) == (160, True, True)
    ends = proxy.wait_records("call.end", 160)
    assert {(end["answered"], end["ended_by"]) for end in ends} == {(True, "callee")}
    proxy.stop()


def test_dns_that_is_away_when_the_node_starts(stage: Stage, server: NameServer) -> None:
    callee = stage.callee("callee_answered", Load(calls=2))
    server.failing = "servfail"
    server.records = {A: [CORE]}
    name = f"sbc.example.com:{callee.port}"
    proxy = stage.proxy(setting(server, f"sip:{name}"))
    until(lambda: proxy.log("next_hop.name_failed") != [], proxy)
    clean(stage.caller("caller_refused:503", proxy.address), 1)

    server.failing = ""
    until(lambda: addresses(proxy, name) == 1, proxy)
    clean(stage.caller("caller_answered", proxy.address), 1)

    proxy.stop()
    server.failing = "silent"
    proxy.restart()  # it knows what it knew
    clean(stage.caller("caller_answered", proxy.address), 1)
    assert callee.wait().succeeded == 2
    proxy.stop()
