"""One running transaction."""

from __future__ import annotations

from proxy.transaction import server_invite
from proxy.transaction.machine import Machine


def test_it_takes_arrows_and_ignores_what_has_none() -> None:
    machine = Machine(server_invite.TABLE, server_invite.START, (b"b",), ("h", 1), 0, 0.5)

    assert (machine.on("timer G"), machine.state) == ((), "Proceeding")
    assert (machine.on("300-699"), machine.state) == (("send", "timer G", "timer H"), "Completed")
    assert "Completed" in repr(machine)
