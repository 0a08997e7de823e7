"""The history: what differs is kept, in order, and can be asked for by its subject."""

from __future__ import annotations

from datetime import date

from proxy.store.database import Store
from proxy.store.history import By, lines, note

BY = By("ann", "2026-11-25T08:00:00Z", date(2026, 11, 25))


def test_only_what_differs_is_kept(store: Store) -> None:
    with store.write() as session:
        note(session, BY, "customer set", "customer acme", {"a": 1, "b": 2}, {"a": 1, "b": date(2026, 1, 1), "c": None})
    with store.read() as session:
        (line,) = lines(session)
        assert (line.at, line.who, line.what, line.subject) == (BY.at, "ann", "customer set", "customer acme")
        assert (line.before, line.after) == ({"b": 2}, {"b": "2026-01-01"} | {})


def test_what_was_not_there_before_has_no_before(store: Store) -> None:
    with store.write() as session:
        note(session, BY, "dno remove", "dno 1", {"reason": "x"}, None)
        note(session, BY, "dno add", "dno 1", None, {"reason": "x"})
    with store.read() as session:
        assert [(line.before, line.after) for line in lines(session)] == [
            ({"reason": "x"}, None),
            (None, {"reason": "x"}),
        ]


def test_the_last_lines_of_a_subject(store: Store) -> None:
    with store.write() as session:
        for number in range(10):
            note(session, BY, f"step {number}", f"customer {'acme' if number % 2 else 'zeta'}")
    with store.read() as session:
        assert [line.what for line in lines(session, "customer acme", 2)] == ["step 7", "step 9"]
        assert [line.what for line in lines(session, most=3)] == ["step 7", "step 8", "step 9"]
