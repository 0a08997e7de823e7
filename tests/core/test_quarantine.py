"""A message that ends a worker twice is not read a third time."""

from __future__ import annotations

from proxy.core.quarantine import MOST_REFUSED, MOST_SUSPECTS, Quarantine, digest_of


def test_the_second_time_it_is_refused() -> None:
    quarantine = Quarantine()
    assert quarantine.died_over(b"a") == b""
    assert quarantine.died_over(b"b") == b""
    assert quarantine.died_over(b"a") == digest_of(b"a")
    assert list(quarantine.refused) == [digest_of(b"a")]


def test_a_worker_that_worked_on_nothing_accuses_nobody() -> None:
    quarantine = Quarantine()
    assert [quarantine.died_over(b"") for _ in range(3)] == [b"", b"", b""]
    assert not quarantine.refused


def test_both_lists_are_bounded() -> None:
    quarantine = Quarantine()
    for number in range(MOST_SUSPECTS + 1):
        quarantine.died_over(b"%d" % number)
    assert quarantine.died_over(b"0") == b""  # forgotten
    for number in range(MOST_REFUSED + 1):
        quarantine.died_over(b"x%d" % number)
        quarantine.died_over(b"x%d" % number)
    assert len(quarantine.refused) == MOST_REFUSED
    assert digest_of(b"x0") not in quarantine.refused
