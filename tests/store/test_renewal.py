"""Numbers renewed from lists and earlier versions: looked at first, all or nothing, and against a naive model."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from proxy.call.directory import key_of, number_of
from proxy.settings.problems import ConfigError, ProblemList
from proxy.store.database import Store, open_store
from proxy.store.errors import StoreError
from proxy.store.history import By, lines
from proxy.store.listing import rows_at
from proxy.store.lists import NumberList
from proxy.store.renewal import Outcome, Terms, import_list, roll_back
from proxy.store.schema import Customer, Trunk
from proxy.store.spelling import Spelling
from proxy.store.versions import versions_of
from tests.store.postgres import Server
from tests.store.rows import customer, trunk

BY = By("ann", "2026-11-25T08:00:00Z", date(2026, 11, 25))
APPLY = Terms(apply=True, force=True)


@pytest.fixture
def two(store: Store) -> Store:
    """A store with two customers of a trunk each, both drafts."""
    with store.write() as session:
        for name in ("acme", "zeta"):
            customer(session, name, "draft")
            trunk(session, f"{name}-1", name)
    return store


@pytest.fixture
def renew(two: Store, tmp_path: Path) -> Callable[..., Outcome]:
    def run(text: str, terms: Terms = APPLY, on: str = "acme-1", proof: str = "") -> Outcome:
        path = tmp_path / "list.csv"
        path.write_text(text, encoding="utf-8")
        numbers = NumberList(path, ProblemList(), Spelling("86", ""), kept=proof, sha256=proof)
        with two.write() as session:
            return import_list(session, BY, on, numbers, terms)

    return run


def numbers(store: Store, on: str = "acme-1") -> list[str]:
    with store.read() as session:
        return ["–".join(part for part in row[:2] if part) for row in rows_at(session, on)]


Renew = Callable[..., Outcome]


def counts(outcome: Outcome) -> tuple[int, int, int, int]:
    plan = outcome.plan
    return plan.added, plan.removed, plan.changed, plan.same


def test_what_comes_goes_changes_and_stays(renew: Renew, two: Store) -> None:
    assert counts(renew("号码,用途\n95588,a\n95589,a\n95590,a\n")) == (3, 0, 0, 0)
    outcome = renew("号码,用途\n95588,a\n95589,b\n95591,a\n")
    assert counts(outcome) == (1, 1, 1, 1)
    shown = {kind: [(row[0], number_of(row[1]), *row[5:]) for row in rows] for kind, rows in outcome.rows.items()}
    assert shown == {
        "added": [(4, "+8695591", "a")],
        "removed": [(0, "+8695590", "a")],
        "changed": [(3, "+8695589", "b", "9999-12-31", "a")],
    }
    assert (outcome.plan.before, outcome.plan.after) == (3, 3)
    assert numbers(two) == ["+8695588", "+8695589", "+8695591"]
    with two.read() as session:
        made = versions_of(session, "acme-1")
        assert [(each.action, each.who, each.file, each.added, each.removed, each.changed) for each in made] == [
            ("import", "ann", "list.csv", 3, 0, 0),
            ("import", "ann", "list.csv", 1, 1, 1),
        ]
        assert [len(each.sha256) for each in made] == [64, 64]
        assert lines(session, "trunk acme-1")[-1].what == "number import"


def test_a_look_changes_nothing(renew: Renew, two: Store) -> None:
    assert counts(renew("号码\n95588\n", Terms())) == (1, 0, 0, 0)
    assert numbers(two) == []
    with two.read() as session:
        assert list(versions_of(session, "acme-1")) == []


def test_the_same_again_makes_no_version(renew: Renew) -> None:
    assert renew("号码\n95588\n").version
    again = renew("号码\n95588\n")
    assert (again.version, counts(again), again.plan.nothing) == (0, (0, 0, 0, 1), True)


def test_adding_keeps_what_is_there(renew: Renew, two: Store) -> None:
    renew("号码\n95588\n95589\n")
    assert counts(renew("号码\n95590\n95589\n", Terms(keep=True, apply=True))) == (1, 0, 0, 1)
    assert numbers(two) == ["+8695588", "+8695589", "+8695590"]


def test_one_fault_and_nothing_is_changed(renew: Renew, two: Store) -> None:
    renew("号码\n95588\n")
    for text in ("号码\n95589\nx\n", "号码\n", "", "号码\n95589\n95590\n95589\n"):
        with pytest.raises(ConfigError):
            renew(text)
    assert numbers(two) == ["+8695588"]
    with pytest.raises(ConfigError, match="first in line 2"):
        renew("号码\n95589\n95590\n95589\n")


@pytest.mark.parametrize(
    ("mine", "clash"),
    [
        ("95500~95599,2026-01-01,2026-06-30", True),
        ("95588,2026-06-30,", True),
        ("95588,,2026-01-01", True),
        ("95588,2026-07-01,", False),
        ("95588,,2025-12-31", False),
        ("95589,,", False),
        ("955880,,", False),
        ("95587,,", False),
    ],
)
def test_numbers_of_another_customer(mine: str, clash: bool, renew: Renew, two: Store) -> None:
    renew("号码,from,to\n95588,2026-01-01,2026-06-30\n", on="zeta-1")
    outcome = renew(f"号码,from,to\n{mine}\n")
    if clash:
        (found,) = outcome.plan.clashes
        assert (found.line, found.customer, found.trunk, found.other_low) == (2, "zeta", "zeta-1", key_of("+8695588"))
    assert (bool(outcome.plan.clashes), bool(outcome.version), bool(numbers(two))) == (clash, not clash, not clash)


def test_trunks_of_one_customer_may_share(renew: Renew, two: Store) -> None:
    with two.write() as session:
        trunk(session, "acme-2", "acme")
    renew("号码\n95588\n")
    assert renew("号码\n95588\n", on="acme-2").version


def test_losing_too_much_needs_force(renew: Renew, two: Store) -> None:
    renew("号码\n95500~95599\n")
    for text in ("号码\n95500~95578\n", "号码\n400-800-1234\n"):
        with pytest.raises(StoreError, match=r"store\.shrinks"):
            renew(text, Terms(apply=True, max_shrink=0.2))
    assert numbers(two) == ["+8695500–+8695599"]
    assert renew("号码\n95500~95579\n", Terms(apply=True, max_shrink=0.2)).version
    assert renew("号码\n95500\n", Terms(apply=True, force=True)).version


def test_only_a_drafts_numbers_wait_for_their_proof(renew: Renew, two: Store) -> None:
    for state in ("reviewed", "active", "suspended"):
        with two.write() as session:
            session.get_one(Customer, "acme").state = state
        with pytest.raises(StoreError, match=r"store\.unproved"):
            renew("号码\n95588\n")
    assert renew("号码\n95588\n", proof="letter").version
    with two.write() as session:
        session.get_one(Customer, "acme").state = "closed"
    with pytest.raises(StoreError, match=r"store\.wrong_state"):
        renew("号码\n95589\n", proof="letter")


def test_the_pilot_number_stays(renew: Renew, two: Store) -> None:
    renew("号码\n95588\n95589\n")
    with two.write() as session:
        session.get_one(Trunk, "acme-1").pilot_number = "+8695588"
    with pytest.raises(StoreError, match=r"store\.pilot"):
        renew("号码\n95589\n")
    assert numbers(two) == ["+8695588", "+8695589"]


def back(store: Store, version: int, terms: Terms = APPLY) -> Outcome:
    with store.write() as session:
        return roll_back(session, BY, "acme-1", version, terms)


def test_back_to_any_version(renew: Renew, two: Store) -> None:
    texts = ["号码,用途\n95588,a\n", "号码,用途\n95588,b\n95589,b\n", "号码\n95590\n"]
    made = [renew(text).version for text in texts]
    assert counts(back(two, made[0], Terms())) == (1, 1, 0, 0)
    assert numbers(two) == ["+8695590"]
    back(two, made[1])
    assert numbers(two) == ["+8695588", "+8695589"]
    last = back(two, made[2])
    assert numbers(two) == ["+8695590"]
    back(two, last.version - 1)
    assert numbers(two) == ["+8695588", "+8695589"]
    with two.read() as session:
        assert [(each.action, each.base_id) for each in versions_of(session, "acme-1")][3:] == [
            ("rollback", made[1]),
            ("rollback", made[2]),
            ("rollback", last.version - 1),
        ]
        assert [row[4] for row in rows_at(session, "acme-1")] == ["b", "b"]


def test_no_way_back_over_numbers_that_another_has_by_now(renew: Renew, two: Store) -> None:
    first = renew("号码\n95588\n").version
    renew("号码\n95589\n")
    renew("号码\n95588\n", on="zeta-1")
    assert back(two, first).plan.clashes
    assert numbers(two) == ["+8695589"]


def test_versions_of_another_trunk_are_none(renew: Renew, two: Store) -> None:
    other = renew("号码\n95588\n", on="zeta-1").version
    for version in (other, 10**9):
        with pytest.raises(StoreError, match=r"store\.no_version"):
            back(two, version)


RANGES = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 6), st.sampled_from([(1, 9), (1, 4), (5, 9)])),
    max_size=6,
    unique_by=lambda each: (each[0], each[0] + each[1], each[2][0]),
).filter(bool)


Steps = list[tuple[str, bool, list[tuple[int, int, tuple[int, int]]]]]
STEPS = st.lists(st.tuples(st.sampled_from(["acme-1", "zeta-1"]), st.booleans(), RANGES), min_size=1, max_size=6)
FIXTURES = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@settings(max_examples=60, deadline=None, suppress_health_check=FIXTURES)
@given(steps=STEPS)
def test_imports_against_a_naive_model(tmp_path_factory: pytest.TempPathFactory, steps: Steps) -> None:
    place = tmp_path_factory.mktemp("naive")
    store = open_store("sqlite:d.db", place, create=True)
    store.migrate()
    against_a_naive_model(store, place, steps)


@settings(max_examples=15, deadline=None, suppress_health_check=FIXTURES)
@given(steps=STEPS)
def test_imports_on_postgresql_against_a_naive_model(tmp_path: Path, server: Server, steps: Steps) -> None:
    against_a_naive_model(open_store(server.database("ready"), tmp_path), tmp_path, steps)


def cells(rows: dict[tuple[int, int, int], int]) -> set[tuple[int, int]]:
    """Every number on every day that rows hold."""
    return {
        (number, day)
        for (low, high, begin), end in rows.items()
        for number in range(low, high + 1)
        for day in range(begin, end + 1)
    }


def against_a_naive_model(store: Store, place: Path, steps: Steps) -> None:
    with store.write() as session:
        for name in ("acme", "zeta"):
            customer(session, name, "draft")
            trunk(session, f"{name}-1", name)
    held: dict[str, dict[tuple[int, int, int], int]] = {"acme-1": {}, "zeta-1": {}}
    for on, keep, ranges in steps:
        wanted = {(low, low + more, days[0]): days[1] for low, more, days in ranges}
        text = "first,last,from,to\n" + "".join(
            f"955{low:02d},955{high:02d},2026-01-0{begin},2026-01-0{end}\n"
            for (low, high, begin), end in wanted.items()
        )
        (place / "l.csv").write_text(text)
        with store.write() as session:
            listed = NumberList(place / "l.csv", ProblemList(), Spelling("86", ""))
            outcome = import_list(session, BY, on, listed, Terms(keep=keep, apply=True, force=True))
        after = (held[on] if keep else {}) | wanted
        clash = bool(cells(wanted) & cells(held["zeta-1" if on == "acme-1" else "acme-1"]))
        assert bool(outcome.plan.clashes) == clash
        if not clash:
            held[on] = after
        for name, rows in held.items():
            assert stored(store, name) == rows


def stored(store: Store, on: str) -> dict[tuple[int, int, int], int]:
    def read(session: Session) -> dict[tuple[int, int, int], int]:
        found = {}
        for first, last, begins, ends, *_ in rows_at(session, on):
            found[int(first[-2:]), int((last or first)[-2:]), int(begins[-1])] = int(ends[-1])
        return found

    with store.read() as session:
        return read(session)
