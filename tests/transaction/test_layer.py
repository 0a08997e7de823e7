"""Running transactions: repetition by the RFC's timers, and an end to each."""

from __future__ import annotations

import pytest

from proxy.sip.response import read_response
from proxy.transaction.layer import Transactions
from proxy.transaction.timers import Lengths
from tests.story import request, response

PEER = ("192.0.2.1", 5060)
INVITE = request("INVITE", via="SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKa")


class Wire:
    """A layer, a clock, and what was sent when."""

    def __init__(self) -> None:
        self.now = 0.0
        self.sent: list[tuple[float, bytes]] = []
        self.layer = Transactions(Lengths(), lambda data, to, listener, again, flow: self.sent.append((self.now, data)))

    def run(self, until: float) -> list[str]:
        notices = []
        while self.layer.timers.next_due <= until:
            self.now = self.layer.timers.next_due
            for machine, name in self.layer.timers.expired(self.now):
                notices.append(self.layer.fire(machine, name, self.now))  # type: ignore[arg-type]
        self.now = until
        return [notice for notice in notices if notice]


@pytest.mark.parametrize(
    ("invite", "times"),
    [
        (True, [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]),  # timer A doubles without end (§17.1.1.2)
        (False, [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]),  # timer E up to T2 (§17.1.2.2)
    ],
)
def test_requests_are_repeated_and_given_up_after_64_t1(invite: bool, times: list[float]) -> None:
    wire = Wire()
    wire.layer.request((b"k",), INVITE, PEER, 0, 0.0, invite=invite)

    assert wire.run(40.0) == ["timed out"]
    assert [when for when, _ in wire.sent] == times
    assert (len(wire.layer), len(wire.layer.timers)) == (0, 0)


def test_non_invite_in_proceeding_is_repeated_every_t2() -> None:
    wire = Wire()
    machine = wire.layer.request((b"k",), INVITE, PEER, 0, 0.0, invite=False)
    wire.layer.fire(machine, "1xx", 0.1)
    wire.run(13.0)

    assert [when for when, _ in wire.sent] == [0, 0.5, 4.5, 8.5, 12.5]


def test_ack_of_a_failure_is_of_the_invite_that_was_sent() -> None:
    wire = Wire()
    machine = wire.layer.request((b"k",), INVITE, PEER, 0, 0.0, invite=True)
    busy = read_response(response(INVITE, "486 Busy Here"))
    wire.layer.fire(machine, "300-699", 0.1, b"", busy)

    assert wire.sent[-1][1].startswith(
        b"ACK sip:13800138000@127.0.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKa\r\n"
    )
    assert b"To: <sip:13800138000@127.0.0.1>;tag=b\r\n" in wire.sent[-1][1]
    assert wire.run(40.0) == []
    assert len(wire.layer) == 0


def test_forgotten_in_any_state() -> None:
    wire = Wire()
    machine = wire.layer.serve((b"k",), PEER, 0, invite=True)
    wire.layer.fire(machine, "300-699", 0.0, b"SIP/2.0 403 Forbidden\r\n\r\n")
    wire.layer.forget(machine)

    assert (len(wire.layer), len(wire.layer.timers)) == (0, 0)


def test_a_successor_under_the_same_key_is_not_forgotten_with_it() -> None:
    wire = Wire()
    old = wire.layer.serve((b"k",), PEER, 0, invite=True)
    new = wire.layer.serve((b"k",), PEER, 0, invite=True)
    wire.layer.forget(old)

    assert wire.layer.servers == {(b"k",): new}
