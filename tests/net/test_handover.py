"""Handing over: whole messages, with where they came from, within bounds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from proxy.core.actions import Send
from proxy.core.owner import Owners
from proxy.core.tally import Tally
from proxy.net.handover import Crew, Handed, Inbox
from tests.story import request


@pytest.fixture
def inboxes() -> Iterator[list[Inbox]]:
    made = [Inbox() for _ in range(3)]
    yield made
    for inbox in made:
        inbox.close()


@pytest.mark.parametrize(
    "handed",
    [
        Handed(b"INVITE", ("198.51.100.7", 5060), 0, 1_795_000_000.25),
        Handed(b"", ("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", 65535), 3, 0.0),
        Handed(b"x" * 65507, ("fe80::1%eth0", 1), 65535, 1.5, flow=2**60 + 63, names=("sbc.example", "pbx")),
        Handed(b"SIP/2.0 200 OK", ("127.0.0.1", 5061), 1, 0.0, flow=257, outward=True),
    ],
)
def test_a_message_arrives_as_it_was(handed: Handed, inboxes: list[Inbox]) -> None:
    assert inboxes[0].put(handed)
    assert inboxes[0].take() == handed
    with pytest.raises(BlockingIOError):
        inboxes[0].take()


def test_no_name_is_cut_short(inboxes: list[Inbox]) -> None:
    """What is left of a long list ends with a whole name: pbx.acme.example.evil.example is not pbx.acme.example."""
    names = ("a" * 4079, "pbx.acme.example.evil.example")
    assert inboxes[0].put(Handed(b"INVITE", ("127.0.0.1", 5060), 0, 0.0, 257, names))
    assert inboxes[0].take().names == names[:1]
    assert inboxes[0].put(Handed(b"INVITE", ("127.0.0.1", 5060), 0, 0.0, 257, ("a" * 4097,)))
    assert inboxes[0].take().names == ()


def test_a_full_inbox_refuses_and_loses_nothing(inboxes: list[Inbox]) -> None:
    put = 0
    while inboxes[0].put(Handed(b"%d" % put + b" " * 1000, ("127.0.0.1", 5060), 0, 0.0)):
        put += 1
    assert put > 200  # the kernel's default for named sockets is ten
    assert [int(inboxes[0].take().data) for _ in range(put)] == list(range(put))


def test_a_crew_knows_whose_a_message_is(inboxes: list[Inbox]) -> None:
    tally = Tally()
    crews = [Crew(Owners(b"k", index, 3), inboxes, tally) for index in range(3)]
    for number in range(30):
        data = request("INVITE", call_id=f"{number}@pbx")
        (owner,) = {crew.owner(data) for crew in crews}
        crews[0].pass_on(owner, Handed(data, ("127.0.0.1", 5060), 0, 0.0))
        assert crews[owner].inbox.take().data == data


def test_what_goes_by_a_connection_of_another_worker_goes_back_to_it(inboxes: list[Inbox]) -> None:
    tally = Tally()
    crew = Crew(Owners(b"k", 1, 3), inboxes, tally)
    assert not crew.gives_back(Send(b"SIP/2.0 200 OK", ("127.0.0.1", 5060), 0, flow=1 << 8 | 1), 5.0)
    assert not crew.gives_back(Send(b"SIP/2.0 200 OK", ("127.0.0.1", 5060), 0), 5.0)
    assert crew.gives_back(Send(b"SIP/2.0 200 OK", ("127.0.0.1", 5060), 7, flow=1 << 8 | 2), 5.0)
    assert inboxes[2].take() == Handed(b"SIP/2.0 200 OK", ("127.0.0.1", 5060), 7, 5.0, 258, outward=True)
    while inboxes[0].put(Handed(b" " * 60000, ("127.0.0.1", 5060), 0, 0.0)):
        pass
    crew.pass_on(0, Handed(b"", ("127.0.0.1", 5060), 0, 0.0))
    assert tally.count["socket_drops_total",] == 1


def test_an_inbox_that_is_shut_refuses_and_keeps_what_has_come(inboxes: list[Inbox]) -> None:
    handed = Handed(b"BYE", ("127.0.0.1", 5060), 0, 0.0)
    assert inboxes[0].put(handed)
    inboxes[0].shut()
    assert not inboxes[0].put(handed)
    assert inboxes[0].take() == handed
