"""An SBC that asks for verdicts: SIPp that is told, Kamailio that acts on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from stirshaken import passport
from tests.wire import identity
from tests.wire.identity import ABROAD, Lab
from tests.wire.kamailio import ROOT
from tests.wire.peers import CALLER, CORE, free_port
from tests.wire.play import ALLOCATED, CALLED, SPOOFED, Load, Who
from tests.wire.stage import Stage
from tests.wire.test_screening import field
from tests.wire.trunkward import Proxy, Setting, rules

SBC = "127.0.0.6"
DIP = ROOT / "config" / "kamailio" / "dip.cfg"
PILOT = "+862488880000"
REPLACE = "    policy: {caller.not_allocated: {action: replace}}\n"
TRUNK = f"""\
  - id: sbc-1
    customer: bolt
    role: dip
    sources: ["{SBC}/32"]
"""


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = identity.made(tmp_path)
    made.furnish(tmp_path / "trunkward")
    with made.repository:
        yield made


def setting(lab: Lab, core_port: int, more: str = "") -> Setting:
    """A node that verifies and signs, and that an SBC may ask."""
    made = lab.setting(core_port)
    return replace(made, trunks=made.trunks + TRUNK, more=more)


def asks(trunk: str, number: str = ALLOCATED, **more: str) -> Who:
    return Who(number, host=SBC, more=f"X-Trunkward-Trunk: {trunk}", **more)


def told(stage: Stage, proxy: Proxy, who: Who, status: int) -> bytes:
    """What an SBC hears, which acknowledges it."""
    sbc = stage.caller(f"caller_refused:{status}", proxy.address, who, at=(SBC, free_port()))
    assert sbc.wait().succeeded == 1
    return sbc.response(status)


def test_verdicts_of_every_kind(stage: Stage, lab: Lab) -> None:
    core = stage.sink()
    proxy = stage.proxy(setting(lab, core.port))

    answer = told(stage, proxy, asks("acme-1"), 302)
    token = passport.decode(field(answer, b"Identity").partition(b";")[0])
    assert (token.orig.value, token.claims["attest"]) == (ALLOCATED[1:], "A")
    assert field(answer, b"Contact").startswith(
        f"<sip:{CALLED}@{SBC}:".encode()
    )  # it was sent to the node's own address
    told(stage, proxy, asks("acme-1", SPOOFED), 403)
    told(stage, proxy, asks("peer-1", ABROAD), 428)
    answer = told(stage, proxy, asks("peer-1", ABROAD, identity=lab.value()), 302)
    assert b";verstat=TN-Validation-Passed@" in field(answer, b"P-Asserted-Identity")
    told(stage, proxy, asks("nobody"), 403)

    verdicts = proxy.wait_records("call.verdict", 5)
    said = [(each["trunk"], each["verdict"], each["status"], each["attestation"]) for each in verdicts]
    assert said == [
        ("acme-1", "pass", 302, "A"),
        ("acme-1", "reject", 403, None),
        ("peer-1", "reject", 428, None),
        ("peer-1", "pass", 302, None),
        ("unknown", "reject", 403, None),
    ]
    assert rules(verdicts[1]) == {"caller.not_allocated"}
    ends = proxy.wait_records("call.end", 4)
    assert [(each["status"], each["answered"], each["ended_by"]) for each in ends] == [
        (status, False, "proxy") for status in (302, 403, 428, 302)
    ]
    metrics = proxy.metrics()
    assert metrics["trunkward_responses_total", "code=302", "direction=out", "trunk=acme-1"] == 1
    assert metrics["trunkward_active_calls", "trunk=acme-1"] == 0
    proxy.stop()
    assert core.waiting() == []


@pytest.mark.parametrize(
    ("who", "policy", "shown", "attest"),
    [
        pytest.param(Who(), "", ALLOCATED, "A", id="signed"),
        pytest.param(Who(SPOOFED), REPLACE, PILOT, "B", id="replaced"),
    ],
)
def test_kamailio_does_as_it_is_told(stage: Stage, lab: Lab, who: Who, policy: str, shown: str, attest: str) -> None:
    hop, load = free_port(), Load(hold=100)
    callee = stage.callee("callee_answered", load)
    proxy = stage.proxy(setting(lab, free_port(), policy))
    kamailio = stage.kamailio(DIP, hop, _sbc(hop, proxy.port, callee.port))
    caller = stage.caller("caller_answered", (SBC, hop), who, load)
    assert caller.wait().succeeded == callee.wait().succeeded == 1

    invite = callee.messages("received")[0]
    token = passport.decode(field(invite, b"Identity").partition(b";")[0])
    assert (token.orig.value, token.claims["attest"]) == (shown[1:], attest)
    assert invite.count(b"\r\nP-Asserted-Identity: ") == 1
    assert f"sip:{shown}@".encode() in field(invite, b"P-Asserted-Identity")
    assert (field(invite, b"X-Trunkward-Trunk"), b"tw=" in invite) == (b"", False)
    for each in (kamailio, proxy):
        each.stop()


def test_kamailio_hears_a_rejection_and_silence(stage: Stage, lab: Lab) -> None:
    hop = free_port()
    callee = stage.callee("callee_answered")
    proxy = stage.proxy(setting(lab, free_port()))
    kamailio = stage.kamailio(DIP, hop, _sbc(hop, proxy.port, callee.port))
    refused = stage.caller("caller_refused:403", (SBC, hop), Who(SPOOFED))
    refused.wait()
    assert b"Q.850" in refused.response(403)
    proxy.stop()

    assert stage.caller("caller_answered", (SBC, hop)).wait().succeeded == callee.wait().succeeded == 1
    assert field(callee.messages("received")[0], b"Identity") == b""
    kamailio.stop()


def _sbc(port: int, proxy: int, gateway: int) -> dict[str, str]:
    return {
        "LISTEN": f"udp:{SBC}:{port}",
        "TRUNKWARD": f'"sip:{CORE}:{proxy}"',
        "CUSTOMER": f'"{CALLER}"',
        "GATEWAY": f'"sip:{CORE}:{gateway}"',
    }
