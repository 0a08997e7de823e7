"""Who may show which number: spoofed, allocated, anonymous, emergency, in both modes, over the wire."""

from __future__ import annotations

import pytest

from tests.wire.peers import CORE, OTHER, STRANGER, free_port
from tests.wire.play import ALLOCATED, SPOOFED, Load, Who
from tests.wire.stage import Stage
from tests.wire.trunkward import Setting, rules


def field(message: bytes, name: bytes) -> bytes:
    """The value of the first header field of this name, b"" when there is none."""
    for line in message.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.strip().lower() == name.lower():
            return value.strip()
    return b""


REFUSED = [
    pytest.param(Who(SPOOFED), 403, "caller.not_allocated", id="number-of-nobody"),
    pytest.param(Who("+862155550000"), 403, "caller.not_allocated", id="number-of-another-customer"),
    pytest.param(Who(ALLOCATED, host=OTHER), 403, "caller.not_allocated", id="from-another-customers-trunk"),
    pytest.param(
        Who(SPOOFED, asserted=ALLOCATED),
        403,
        "caller.not_allocated",
        id="spoofed-from-behind-good-asserted-identity",
    ),
    pytest.param(
        Who(ALLOCATED, asserted=SPOOFED),
        403,
        "caller.not_allocated",
        id="spoofed-asserted-identity-behind-good-from",
    ),
    pytest.param(Who(ALLOCATED, display='"10086"'), 403, "caller.display_name", id="display-name-is-a-number"),
    pytest.param(Who(ALLOCATED, display='"１００８６"'), 403, "caller.display_name", id="display-name-full-width"),
    pytest.param(Who(ALLOCATED, display='"100 - 86"'), 403, "caller.display_name", id="display-name-separated"),
    pytest.param(Who("anonymous", display='"Anonymous"', asserted=""), 433, "caller.anonymous", id="anonymous"),
]


@pytest.mark.parametrize(("who", "status", "rule"), REFUSED)
def test_refused_with_reason_and_never_relayed(stage: Stage, who: Who, status: int, rule: str) -> None:
    core = stage.sink()
    proxy = stage.proxy(Setting(core.port))
    caller = stage.caller(f"caller_refused:{status}", proxy.address, who, at=(who.host, free_port()))
    caller.wait()

    reason = field(caller.response(status), b"Reason")
    assert status == 433 or reason.replace(b" ", b"").startswith(b"Q.850;cause=21")
    (verdict,) = proxy.wait_records("call.verdict", 1)
    assert (verdict["verdict"], verdict["enforced"], verdict["status"]) == ("reject", True, status)
    assert rule in rules(verdict)
    assert all(finding["header"] and finding["value"] for finding in verdict["findings"])
    proxy.stop()
    assert core.waiting() == []


def test_monitor_mode_passes_the_spoofed_call_and_says_what_would_have_been(stage: Stage) -> None:
    callee = stage.callee("callee_answered")
    proxy = stage.proxy(Setting(callee.port, mode="monitor"))
    caller = stage.caller("caller_answered", proxy.address, Who(SPOOFED))
    assert caller.wait().succeeded == 1
    assert callee.wait().succeeded == 1

    (end,) = proxy.wait_records("call.end", 1)
    (verdict,) = proxy.records("call.verdict")
    assert (verdict["verdict"], verdict["enforced"], verdict["mode"]) == ("reject", False, "monitor")
    assert rules(verdict) == {"caller.not_allocated"}
    assert end["answered"] is True
    metrics = proxy.metrics()
    assert metrics["trunkward_would_reject_total", "rule=caller.not_allocated", "trunk=acme-1"] == 1
    assert metrics["trunkward_calls_total", "mode=monitor", "trunk=acme-1", "verdict=reject"] == 1
    proxy.stop()


def test_emergency_call_with_a_spoofed_number_passes_in_block_mode(stage: Stage) -> None:
    callee = stage.callee("callee_answered")
    proxy = stage.proxy(Setting(callee.port))
    caller = stage.caller("caller_answered", proxy.address, Who(SPOOFED, called="110"))
    assert caller.wait().succeeded == 1
    assert callee.wait().succeeded == 1

    (verdict,) = proxy.wait_records("call.verdict", 1)
    assert verdict["emergency"] is True
    assert (verdict["verdict"], verdict["enforced"]) != ("reject", True)
    assert "caller.not_allocated" in rules(verdict)
    proxy.stop()


@pytest.mark.parametrize("mode", ["block", "monitor"])
@pytest.mark.parametrize("answered", ["false", "true"])
def test_a_stranger_is_refused_in_either_mode_and_never_relayed(stage: Stage, mode: str, answered: str) -> None:
    core = stage.sink()
    proxy = stage.proxy(Setting(core.port, mode=mode, strangers=answered))
    stranger = stage.sink(STRANGER)
    invite = _invite(stranger.host, stranger.port, proxy.port)
    before = _strangers(proxy.metrics())
    stranger.send(invite, proxy.address)

    known = stage.caller("caller_refused:486", proxy.address, load=Load(calls=1))
    relayed = core.receive(b"INVITE ")
    core.send(_answer(relayed, b"486 Busy Here"), (CORE, proxy.port))
    core.receive(b"ACK ")
    known.wait()

    assert ALLOCATED.encode("ascii") in relayed
    assert b"stranger" not in relayed
    assert _strangers(proxy.metrics()) > before
    proxy.stop()
    assert not any(b"stranger" in data for data in core.waiting())
    answers = [data.partition(b"\r\n")[0] for data in stranger.waiting()]
    assert answers == ([b"SIP/2.0 403 Forbidden"] if answered == "true" else [])


def test_counters_agree_with_the_calls(stage: Stage) -> None:
    callee = stage.callee("callee_answered", Load(calls=3))
    proxy = stage.proxy(Setting(callee.port))
    stage.caller("caller_refused:403", proxy.address, Who(SPOOFED), Load(calls=2)).wait()
    stage.caller("caller_answered", proxy.address, load=Load(calls=3)).wait()
    proxy.wait_records("call.end", 5)

    metrics = proxy.metrics()
    assert metrics["trunkward_calls_total", "mode=block", "trunk=acme-1", "verdict=pass"] == 3
    assert metrics["trunkward_calls_total", "mode=block", "trunk=acme-1", "verdict=reject"] == 2
    assert metrics["trunkward_findings_total", "rule=caller.not_allocated", "trunk=acme-1"] >= 2
    assert metrics["trunkward_active_calls", "trunk=acme-1"] == 0
    assert metrics["trunkward_responses_total", "code=403", "direction=out", "trunk=acme-1"] == 2
    proxy.stop()


def _strangers(metrics: dict[tuple[str, ...], float]) -> float:
    return sum(value for key, value in metrics.items() if "rule=trunk.unknown" in key)


def _invite(host: str, port: int, to: int) -> bytes:
    lines = [
        f"INVITE sip:+8613900139000@{CORE}:{to} SIP/2.0",
        f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK-stranger;rport",
        f"From: <sip:{ALLOCATED}@{host}>;tag=stranger",
        f"To: <sip:+8613900139000@{CORE}>",
        "Call-ID: stranger",
        "CSeq: 1 INVITE",
        f"Contact: <sip:stranger@{host}:{port}>",
        "Max-Forwards: 70",
        "Content-Length: 0",
    ]
    return "\r\n".join([*lines, "", ""]).encode("ascii")


def _answer(request: bytes, line: bytes) -> bytes:
    names = (b"via:", b"from:", b"to:", b"call-id:", b"cseq:", b"record-route:")
    kept = [line for line in request.split(b"\r\n") if line.lower().startswith(names)]
    tagged = [line + b";tag=core" if line.lower().startswith(b"to:") else line for line in kept]
    return b"\r\n".join([b"SIP/2.0 " + line, *tagged, b"Content-Length: 0", b"", b""])
