"""Calls over TCP: SIPp on both sides, and from one transport to another."""

from __future__ import annotations

import pytest

from tests.wire.peers import CORE, free_port
from tests.wire.play import Load
from tests.wire.stage import Stage
from tests.wire.trunkward import Proxy, Setting

TCP = ";transport=tcp"


def tcp_proxy(stage: Stage, core_port: int, **more: str) -> tuple[Proxy, tuple[str, int]]:
    """A node that listens on UDP and on TCP; the address of the second."""
    port = free_port()
    listen = f'  - {{name: access-tcp, transport: tcp, address: "{CORE}:{port}"}}\n'
    return stage.proxy(Setting(core_port, listen=listen, **more)), (CORE, port)


@pytest.mark.parametrize(("caller_by", "callee_by"), [("u1", "t1"), ("t1", "u1"), ("tn", "t1")])
@pytest.mark.parametrize(
    ("ends", "hears"), [("caller_answered", "callee_answered"), ("caller_hears_bye", "callee_hangs_up")]
)
def test_calls_from_one_transport_to_another(
    stage: Stage, caller_by: str, callee_by: str, ends: str, hears: str
) -> None:
    """Set up and hung up by either side."""
    port = free_port()
    proxy, tcp = tcp_proxy(stage, port, by=TCP if callee_by != "u1" else "")
    callee = stage.callee(hears, Load(calls=5, transport=callee_by), at=(CORE, port))
    to = proxy.address if caller_by == "u1" else tcp
    caller = stage.caller(ends, to, load=Load(calls=5, transport=caller_by))

    assert caller.wait().succeeded == callee.wait().succeeded == 5
    ends_ = proxy.wait_records("call.end", 5)
    assert {end["listener"] for end in ends_} == {"access" if caller_by == "u1" else "access-tcp"}
    assert proxy.metrics()["trunkward_retransmissions_total",] == 0
    proxy.stop()
