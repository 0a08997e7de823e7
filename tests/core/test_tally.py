"""Counts and histograms."""

from __future__ import annotations

from proxy.core.tally import BUCKETS, Histogram, Tally


def test_values_on_a_bound_belong_below_it() -> None:
    histogram = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 2.0, 9.0):
        histogram.observe(value)

    assert (histogram.counts, histogram.total) == ([2, 2, 1], 14.0)


def test_counters_begin_at_nothing() -> None:
    tally = Tally()
    tally.count["calls_total", "acme-1", "block", "pass"] += 1

    assert dict(tally.count) == {("calls_total", "acme-1", "block", "pass"): 1}
    assert set(tally.histograms) == set(BUCKETS)
