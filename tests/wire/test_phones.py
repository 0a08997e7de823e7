"""Two pjsua2 phones: a real call with audio when the number is allocated, none when it is spoofed."""

from __future__ import annotations

from tests.wire.peers import CALLER, CORE
from tests.wire.phone import Phone
from tests.wire.play import ALLOCATED, CALLED, SPOOFED
from tests.wire.stage import Stage
from tests.wire.trunkward import Setting, rules


def test_allocated_number_talks(stage: Stage) -> None:
    core = stage.phone("core", CORE)
    proxy = stage.proxy(Setting(core.port))
    phone = stage.phone("trunk", CALLER)

    _call(phone, proxy.port, ALLOCATED)
    assert f"sip:{ALLOCATED}@" in core.expect("incoming")["message"]
    assert phone.expect("confirmed")["status"] == core.expect("confirmed")["status"] == 200
    for each in (phone, core):
        media = each.wait_media(lambda now: bool(now["sent"] >= 20 and now["received"] >= 20))
        assert media["codec"] == "PCMA"
    phone.hang_up()
    assert phone.expect("disconnected")["status"] == core.expect("disconnected")["status"] == 200

    (end,) = proxy.wait_records("call.end", 1)
    assert (end["answered"], end["ended_by"]) == (True, "caller")
    for each in (phone, core):
        each.quit()
    proxy.stop()


def test_the_called_phone_hangs_up(stage: Stage) -> None:
    core = stage.phone("core", CORE)
    proxy = stage.proxy(Setting(core.port))
    phone = stage.phone("trunk", CALLER)

    _call(phone, proxy.port, ALLOCATED)
    core.expect("incoming")
    phone.expect("confirmed")
    core.expect("confirmed")
    core.hang_up()
    assert phone.expect("disconnected")["status"] == core.expect("disconnected")["status"] == 200

    (end,) = proxy.wait_records("call.end", 1)
    assert (end["answered"], end["ended_by"]) == (True, "callee")
    for each in (phone, core):
        each.quit()
    proxy.stop()


def test_spoofed_number_hears_403_and_the_other_phone_never_rings(stage: Stage) -> None:
    core = stage.phone("core", CORE)
    proxy = stage.proxy(Setting(core.port))
    phone = stage.phone("trunk", CALLER)

    _call(phone, proxy.port, SPOOFED)
    ended = phone.expect("disconnected")
    assert ended["status"] == 403
    assert "Q.850" in ended["message"]

    (verdict,) = proxy.wait_records("call.verdict", 1)
    assert "caller.not_allocated" in rules(verdict)
    proxy.stop()
    core.quit()  # expects "ended" as its next event: an "incoming" before it fails here
    phone.quit()


def _call(phone: Phone, port: int, number: str) -> None:
    shown = f"sip:{number}@{CALLER}"
    phone.call(f"sip:{CALLED}@{CORE}:{port}", shown, {"P-Asserted-Identity": f"<{shown}>"})
