"""Kamailio before and behind the proxy, on the very files of config/kamailio that operators copy."""

from __future__ import annotations

import pytest

from tests.wire.kamailio import NEXT_HOP, PREVIOUS_HOP
from tests.wire.peers import CALLER, CORE, free_port
from tests.wire.play import ALLOCATED, SPOOFED, Load, Who
from tests.wire.stage import Stage
from tests.wire.trunkward import Setting

PAIRS = [
    pytest.param("caller_answered", "callee_answered", id="caller-hangs-up"),
    pytest.param("caller_hears_bye", "callee_hangs_up", id="callee-hangs-up"),
    pytest.param("caller_refused:486", "callee_refuses:486", id="busy"),
    pytest.param("caller_reinvites", "callee_reinvites", id="re-invites"),
]
HOLD = Load(hold=150)


@pytest.mark.parametrize(("calls", "answers"), PAIRS)
def test_kamailio_as_next_hop(stage: Stage, calls: str, answers: str) -> None:
    hop = free_port()
    callee = stage.callee(answers, HOLD)
    proxy = stage.proxy(Setting(hop))
    kamailio = stage.kamailio(NEXT_HOP, hop, _next_hop(hop, proxy.port, callee.port))
    caller = stage.caller(calls, proxy.address, load=HOLD)

    assert caller.wait().succeeded == callee.wait().succeeded == 1

    (end,) = proxy.wait_records("call.end", 1)
    (verdict,) = proxy.records("call.verdict")
    assert verdict["next_hop"] == f"{CORE}:{hop}"
    assert end["call_id"] == verdict["call_id"]
    kamailio.stop()
    proxy.stop()


@pytest.mark.parametrize(("calls", "answers"), PAIRS)
def test_kamailio_as_previous_hop(stage: Stage, calls: str, answers: str) -> None:
    hop = free_port()
    callee = stage.callee(answers, HOLD)
    proxy = stage.proxy(Setting(callee.port, gateway_port=hop))
    kamailio = stage.kamailio(PREVIOUS_HOP, hop, _previous_hop(hop, proxy.port, free_port()))
    caller = stage.caller(calls, (CALLER, hop), load=HOLD)

    assert caller.wait().succeeded == callee.wait().succeeded == 1

    (verdict,) = proxy.wait_records("call.verdict", 1)
    assert (verdict["verdict"], verdict["source"]) == ("pass", f"{CALLER}:{hop}")
    proxy.wait_records("call.end", 1)
    kamailio.stop()
    proxy.stop()


def test_a_refusal_with_its_reason_goes_back_through_kamailio(stage: Stage) -> None:
    hop, core = free_port(), stage.sink()
    proxy = stage.proxy(Setting(core.port, gateway_port=hop))
    kamailio = stage.kamailio(PREVIOUS_HOP, hop, _previous_hop(hop, proxy.port, free_port()))
    caller = stage.caller("caller_refused:403", (CALLER, hop), Who(SPOOFED))

    caller.wait()

    assert b"Q.850" in caller.response(403)
    kamailio.stop()
    proxy.stop()
    assert core.waiting() == []


def test_a_call_from_behind_one_kamailio_to_behind_another(stage: Stage) -> None:
    """Core to trunk: SIPp, Kamailio as next hop, Trunkward, Kamailio as the customer's edge, SIPp."""
    near, far, gateway = free_port(), free_port(), free_port()
    callee = stage.callee("callee_answered", HOLD, at=(CALLER, free_port()))
    proxy = stage.proxy(Setting(far, gateway_port=near))
    core = stage.kamailio(NEXT_HOP, far, _next_hop(far, proxy.port, gateway))
    edge = stage.kamailio(PREVIOUS_HOP, near, _previous_hop(near, proxy.port, callee.port))
    who = Who(number="+8613800138000", called=ALLOCATED, host=CORE)
    caller = stage.caller("caller_answered", (CORE, far), who, HOLD, at=(CORE, gateway))

    assert caller.wait().succeeded == callee.wait().succeeded == 1

    (end,) = proxy.wait_records("call.end", 1)
    assert (end["answered"], end["callee_trunk"], end["ended_by"]) == (True, "acme-1", "caller")
    for each in (core, edge, proxy):
        each.stop()


def _next_hop(port: int, proxy: int, gateway: int) -> dict[str, str]:
    return {
        "LISTEN": f"udp:{CORE}:{port}",
        "TRUNKWARD": f'"sip:{CORE}:{proxy}"',
        "GATEWAY": f'"sip:{CORE}:{gateway}"',
    }


def _previous_hop(port: int, proxy: int, pbx: int) -> dict[str, str]:
    return {
        "LISTEN": f"udp:{CALLER}:{port}",
        "TRUNKWARD": f'"sip:{CORE}:{proxy}"',
        "PBX": f'"sip:{CALLER}:{pbx}"',
    }
