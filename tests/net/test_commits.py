"""Verdicts wait for their records, and never for long."""

from __future__ import annotations

from proxy.core.actions import Commit, Late
from proxy.core.tally import Tally
from proxy.net.commits import Commits
from tests.observe.reports import decided


class Disk:
    """Where the records go; `full` says that there is no room even to wait."""

    def __init__(self) -> None:
        self.full = False
        self.tally = Tally()
        self.commits = Commits(lambda commit: not self.full, 1.0, self.tally)

    def begin(self, *tickets: int, now: float) -> list[bool]:
        return [self.commits.begin(Commit(ticket, decided()), now) for ticket in tickets]


def test_what_is_on_disk_goes_on() -> None:
    disk = Disk()
    assert disk.begin(1, 2, 3, now=10.0) == [True, True, True]
    assert disk.commits.due == 11.0
    assert disk.commits.done([1, 2], 10.002) == [1, 2]
    assert disk.commits.overdue(10.5) == []
    assert disk.commits.done([3], 10.6) == [3]
    assert (disk.commits.due, disk.commits.report(11.0)) == (None, None)
    seen = disk.tally.histograms["commit_seconds"]
    assert (sum(seen.counts), round(seen.total, 3)) == (3, 0.604)


def test_a_disk_that_hangs_holds_nobody_up_for_long_and_then_nobody_at_all() -> None:
    disk = Disk()
    disk.begin(1, now=10.0)
    disk.begin(2, now=10.9)
    assert disk.commits.overdue(11.0) == [1, 2]  # who has waited for less would wait in vain
    assert disk.begin(3, now=11.5) == [False]
    assert disk.commits.done([1, 2], 11.6) == []  # of before: says nothing about now
    assert disk.begin(4, now=11.7) == [False]
    assert disk.commits.done([3, 4], 12.9) == []  # slower than anybody waits
    assert disk.begin(5, now=13.0) == [False]
    assert disk.commits.done([5], 13.1) == []
    assert disk.commits.report(13.2) == Late(13.2, 11.0, 5)
    assert disk.begin(6, now=14.0) == [True]
    assert disk.tally.count["records_late_total",] == 5


def test_a_disk_that_refuses_holds_nobody_up() -> None:
    disk = Disk()
    disk.begin(1, 2, now=10.0)
    assert disk.commits.refused(10.1) == [1, 2]
    assert disk.commits.refused(10.2) == []
    disk.full = True
    assert disk.begin(3, now=10.3) == [False]
    assert disk.commits.report(10.4) == Late(10.4, 10.1, 3)
