"""What a walk finds, as values by name."""

from __future__ import annotations

from proxy.observe.findings import MOST, Fault, Findings, Gap, Place

PLACE = Place("f", 3, 7)


def test_a_fault_says_how_many_are_missing() -> None:
    assert Fault("dropped", PLACE, 4, 6, found=1).row() == {
        "kind": "dropped", "file": "f", "line": 3, "seq": 7, "between": [4, 6], "missing": 2,
    }  # fmt: skip
    assert Fault("changed", Place("f", 3, 0)).row() == {
        "kind": "changed", "file": "f", "line": 3, "seq": None, "between": None, "missing": None,
    }  # fmt: skip


def test_what_was_missed_and_stands_elsewhere_is_reordered() -> None:
    some, all_of_it = Fault("dropped", PLACE, 4, 6, found=2), Fault("dropped", PLACE, 4, 6, found=3)
    some.settle()
    all_of_it.settle()

    assert (some.kind, all_of_it.kind) == ("dropped", "reordered")


def test_much_is_counted_and_not_kept() -> None:
    found = Findings()
    for _ in range(MOST + 5):
        found.fault(Fault("changed", PLACE))
        found.gap(Gap(PLACE, 2, "a", "b", "queue"))
    found.gap(Gap(PLACE, None, "a", "b", "crash"))

    assert (len(found.faults), found.fault_count, found.is_good) == (MOST, MOST + 5, False)
    assert (len(found.gaps), found.gap_count, found.lost) == (MOST, MOST + 6, 2 * MOST + 10)
    assert found.gaps[0].row() == {
        "seq": 7, "file": "f", "line": 3, "lost": 2, "since": "a", "until": "b", "reason": "queue",
    }  # fmt: skip


def test_facts_of_records_in_part_under_a_checkpoint() -> None:
    facts = Findings(first=5, last=20, sealed=15, signatures="checked").facts()

    assert (facts["result"], facts["unsealed"], facts["signatures"]) == ("passed", 5, "checked")
    assert Findings(first=5, last=20).facts()["unsealed"] == 16
    assert Findings().facts()["unsealed"] == 0
