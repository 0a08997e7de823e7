"""A false caller leaves as the trunk's pilot number, and both sides keep their dialog."""

from __future__ import annotations

import re

import pytest

from tests.wire.peers import CALLER, CORE
from tests.wire.play import CALLED, SPOOFED, Load, Sipp, Who
from tests.wire.stage import Stage
from tests.wire.trunkward import Setting, rules

PILOT = "+862488880000"
POLICY = "    policy: {caller.not_allocated: {action: replace}}\n"
BOTH = "replacement: {from: true}\n"
HIDDEN = re.compile(rb"^(?:From|f|To|t):[^\r]*" + re.escape(SPOOFED.encode()), re.MULTILINE)


def uris(sipp: Sipp, direction: str, header: bytes, tag: str) -> set[bytes]:
    """The URIs that a field with this tag had in the messages of a SIPp."""
    line = re.compile(rb"^" + header + rb": *(?:[^\r<]*)<([^>]*)>;tag=" + tag.encode(), re.MULTILINE)
    return {hit[1] for message in sipp.messages(direction) for hit in line.finditer(message)}


def tag_of(invite: bytes) -> str:
    """The caller's tag."""
    found = re.search(rb"^From:[^\r]*;tag=([^;\r]+)", invite, re.MULTILINE)
    assert found is not None
    return found[1].decode()


@pytest.mark.parametrize(("caller", "callee"), [("caller_reinvites", "callee_reinvites"), ("caller_hears_bye", "callee_hangs_up")])  # fmt: skip
def test_each_side_sees_its_own_caller_throughout(stage: Stage, caller: str, callee: str) -> None:
    load = Load(hold=100)
    core = stage.callee(callee, load)
    proxy = stage.proxy(Setting(core.port, more=POLICY, sections=BOTH))
    trunk = stage.caller(caller, proxy.address, Who(SPOOFED), load)
    trunk.wait()
    core.wait()

    invite = core.messages("received")[0]
    tag, shown = tag_of(invite), f"sip:{PILOT}@{CORE};user=phone".encode()
    assert re.findall(rb"^P-Asserted-Identity: (.*)\r$", invite, re.MULTILINE) == [b"<" + shown + b">"]
    assert uris(core, "received", b"From", tag) | uris(core, "received", b"To", tag) == {shown}
    assert not any(HIDDEN.search(message) for message in core.messages("received"))
    own = f"sip:{SPOOFED}@{CALLER}".encode()
    assert uris(trunk, "received", b"From", tag) | uris(trunk, "received", b"To", tag) == {own}

    (verdict,) = proxy.wait_records("call.verdict", 1)
    (end,) = proxy.wait_records("call.end", 1)
    assert (verdict["verdict"], verdict["enforced"], verdict["status"]) == ("replace", True, None)
    assert (verdict["caller"], verdict["caller_sent"], rules(verdict)) == (SPOOFED, PILOT, {"caller.not_allocated"})
    assert (end["answered"], end["status"]) == (True, 200)
    assert proxy.metrics()["trunkward_calls_total", "mode=block", "trunk=acme-1", "verdict=replace"] == 1
    proxy.stop()


def test_from_goes_on_where_only_the_asserted_caller_is_replaced(stage: Stage) -> None:
    core = stage.callee("callee_answered")
    proxy = stage.proxy(Setting(core.port, more=POLICY))
    trunk = stage.caller("caller_answered", proxy.address, Who(SPOOFED))
    trunk.wait()
    core.wait()

    invite = core.messages("received")[0]
    assert uris(core, "received", b"From", tag_of(invite)) == {f"sip:{SPOOFED}@{CALLER}".encode()}
    assert b"P-Asserted-Identity: <sip:" + PILOT.encode() in invite
    proxy.stop()


def test_a_cancelled_call_and_one_in_monitor_mode(stage: Stage) -> None:
    core = stage.callee("callee_cancelled", Load(calls=2))
    proxy = stage.proxy(Setting(core.port, more=POLICY, sections=BOTH))
    stage.caller("caller_cancels", proxy.address, Who(SPOOFED)).wait()
    first = len(core.messages("received"))
    assert not any(HIDDEN.search(message) for message in core.messages("received"))

    assert proxy.reload(mode="monitor")["ok"]
    stage.caller("caller_cancels", proxy.address, Who(SPOOFED)).wait()
    core.wait()
    invite = core.messages("received")[first]
    assert HIDDEN.search(invite)
    assert b"P-Asserted-Identity: <sip:" + SPOOFED.encode() in invite
    verdicts = proxy.wait_records("call.verdict", 2)
    assert [(each["verdict"], each["enforced"]) for each in verdicts] == [("replace", True), ("replace", False)]
    proxy.stop()


def test_phones_talk_and_the_called_one_hangs_up(stage: Stage) -> None:
    core = stage.phone("core", CORE)
    proxy = stage.proxy(Setting(core.port, more=POLICY, sections=BOTH))
    phone = stage.phone("trunk", CALLER)

    shown = f"sip:{SPOOFED}@{CALLER}"
    phone.call(f"sip:{CALLED}@{CORE}:{proxy.port}", shown, {"P-Asserted-Identity": f"<{shown}>"})
    incoming = core.expect("incoming")["message"]
    assert f"sip:{PILOT}@" in incoming
    assert not HIDDEN.search(incoming.encode())
    assert phone.expect("confirmed")["status"] == core.expect("confirmed")["status"] == 200
    core.hang_up()
    assert phone.expect("disconnected")["status"] == core.expect("disconnected")["status"] == 200
    (end,) = proxy.wait_records("call.end", 1)
    assert (end["answered"], end["ended_by"]) == (True, "callee")
    for each in (phone, core):
        each.quit()
    proxy.stop()
