"""The do-not-originate list: on and off it, with a history, and in the directory that calls read."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from proxy.call.directory import key_of
from proxy.settings.problems import ConfigError, ProblemList
from proxy.store.barring import apply_bars, bar, barred, plan_bars, unbar
from proxy.store.database import Store
from proxy.store.errors import StoreError
from proxy.store.history import By, lines
from proxy.store.lists import NumberList
from proxy.store.load import examine_store
from proxy.store.spelling import Spelling
from tests.store.rows import customer, trunk

TODAY = date(2026, 11, 25)
BY = By("ann", "2026-11-25T08:00:00Z", TODAY)
LOW, HIGH = key_of("+862484444000"), key_of("+862484444009")


def test_on_and_off_the_list(store: Store) -> None:
    with store.write() as session:
        bar(session, BY, LOW, HIGH, "bank", None, date(2026, 12, 31))
        bar(session, BY, LOW + 5, LOW + 5, "hot line")
        assert [row.reason for row in barred(session)] == ["bank", "hot line"]
        assert [row.reason for row in barred(session, LOW + 6)] == ["bank"]
        unbar(session, BY, LOW, HIGH)
        assert [row.reason for row in barred(session)] == ["hot line"]
        assert [(line.what, line.subject, line.before, line.after) for line in lines(session)] == [
            ("dno add", "dno +862484444000–+862484444009", None, {"reason": "bank", "valid_to": "2026-12-31"}),
            ("dno add", "dno +862484444005", None, {"reason": "hot line"}),
            ("dno remove", "dno +862484444000–+862484444009", {"reason": "bank", "valid_to": "2026-12-31"}, None),
        ]


def test_what_does_not_fit(store: Store) -> None:
    with store.write() as session:
        bar(session, BY, LOW, HIGH, "")
        for message, low, days in (
            ("barred", LOW, (None, None)),
            ("days", LOW + 1, (date(2026, 1, 2), date(2026, 1, 1))),
        ):
            with pytest.raises(StoreError, match=message):
                bar(session, BY, low, HIGH, "", *days)
        with pytest.raises(StoreError, match="not_barred"):
            unbar(session, BY, LOW, LOW)


def test_calls_are_held_against_it(store: Store) -> None:
    with store.write() as session:
        customer(session, "acme")
        trunk(session, "acme-1", "acme")
        bar(session, BY, LOW, HIGH, "bank", TODAY)
    read = examine_store(store, ProblemList(), country="86", emergency=frozenset(), rules=())
    assert read is not None
    found = read.directory.bar("+862484444005", TODAY)
    assert found is not None
    assert (found.reason, found.valid_from, found.valid_to) == ("bank", TODAY, None)
    assert read.directory.bar("+862484444005", date(2026, 11, 24)) is None
    assert read.directory.bar("+862484444010", TODAY) is None


def listed(tmp_path: Path, text: str) -> NumberList:
    (tmp_path / "dno.csv").write_text(text, encoding="utf-8")
    return NumberList(tmp_path / "dno.csv", ProblemList(), Spelling("86", ""))


def test_a_list_is_planned_and_applied(store: Store, tmp_path: Path) -> None:
    with store.write() as session:
        bar(session, BY, LOW, HIGH, "bank")
        bar(session, BY, LOW + 50, LOW + 50, "stays")
        bar(session, BY, LOW + 60, LOW + 60, "goes")
        text = "first,last,reason\n02484444000,02484444009,other\n02484444050,,stays\n95588,,new\n"
        found = plan_bars(session, listed(tmp_path, text), keep=False)
        assert ([len(each) for each in (found.added, found.removed, found.changed)], found.same) == ([1, 1, 1], 1)
        assert plan_bars(session, listed(tmp_path, text), keep=True).removed == ()
        apply_bars(session, BY, found)
        assert [row.reason for row in barred(session)] == ["new", "other", "stays"]
        assert [line.what for line in lines(session)][3:] == ["dno remove", "dno remove", "dno add", "dno add"]
        again = plan_bars(session, listed(tmp_path, text), keep=False)
        assert (again.added, again.removed, again.changed, again.same) == ((), (), (), 3)


def test_a_faulty_list_is_refused_whole(store: Store, tmp_path: Path) -> None:
    with store.write() as session, pytest.raises(ConfigError) as caught:
        plan_bars(session, listed(tmp_path, "number\n95588\n９５５８８\n95588\n"), keep=False)
    assert [(each.line, each.message_key) for each in caught.value.problems] == [(3, "import.full_width"), (4, "import.twice")]  # fmt: skip
