"""Taking over: what the old program gives, and what is made of it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from proxy.core.owner import Owners
from proxy.net import line
from proxy.net.handover import Handed, Inbox
from proxy.net.udp import open_socket
from proxy.supervisor.inherit import TAKES
from proxy.supervisor.restart import ANSWER_SECONDS, Collected, Successor, take_over
from tests.story import request

KEY = b"k" * 32
SOURCE = ("127.0.0.2", 5060)


def test_messages_of_calls_that_stay_go_to_the_old_workers() -> None:
    ours, theirs = line.line()
    inboxes = [Inbox(), Inbox()]
    owners = Owners(KEY, 0, 2)
    file = os.memfd_create("test")
    os.write(file, b"".join(owners.mark_of(b"%d@pbx" % number) for number in range(10)))
    line.say(ours, line.CALLS, b"", file)
    os.close(file)
    for inbox in inboxes:
        line.say(ours, line.INBOX, b"", inbox.writes.fileno())
    line.say(ours, line.BEGIN)
    before = take_over(theirs, KEY)
    assert before is not None
    said = line.hear(ours)
    assert said is not None
    assert said.kind == line.READY

    for number in range(10):
        data = request("BYE", call_id=f"{number}@pbx")
        assert before.takes(data, SOURCE, 3, 1.0)
        assert inboxes[owners.owner(owners.mark(data))].take() == Handed(data, SOURCE, 3, 1.0)
    assert not before.takes(request("INVITE", call_id="new@pbx"), SOURCE, 3, 1.0)
    for inbox in inboxes:
        inbox.close()
    assert not before.takes(request("BYE", call_id="0@pbx"), SOURCE, 3, 1.0)  # the old program has gone
    before.close()
    for end in (ours, theirs):
        end.close()


def test_an_old_program_that_is_gone_leaves_nothing() -> None:
    ours, theirs = line.line()
    ours.close()
    with theirs:
        assert take_over(theirs, KEY) is None


def test_the_new_program_gets_the_sockets(tmp_path: Path) -> None:
    told = tmp_path / "told"
    code = f"import os, pathlib; pathlib.Path({str(told)!r}).write_text(os.environ[{TAKES!r}])"
    with open_socket("127.0.0.1", 0) as sock:
        successor = Successor([sys.executable, "-P", "-c", code], [sock])
        assert successor.process.wait(20) == 0
        assert told.read_text() == str(sock.fileno())
        successor.give([], [])  # to nobody
        successor.line.close()


def test_all_answers_or_those_in_time() -> None:
    done: list[list[int]] = []
    collected = Collected(2, done.append)
    collected.add(7)
    assert done == []
    collected.add(8)
    collected.look(1e12)
    assert done == [[7, 8]]
    late = Collected(1, done.append)
    late.look(late._until - ANSWER_SECONDS)
    late.look(late._until + 0.1)
    assert done == [[7, 8], []]
