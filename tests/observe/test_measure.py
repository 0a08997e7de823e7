"""From reports to counts."""

from __future__ import annotations

from proxy.core.tally import Tally
from proxy.observe.measure import count
from tests.observe.reports import WOULD, decided, ended, refused


def test_counts() -> None:
    tally = Tally()
    for report in (decided(), decided(WOULD), ended(), refused()):
        count(report, tally)

    assert dict(tally.count) == {
        ("calls_total", "acme-1", "block", "reject"): 1,
        ("calls_total", "acme-1", "monitor", "reject"): 1,
        ("calls_total", "unknown", "block", "reject"): 1,
        ("findings_total", "acme-1", "caller.not_allocated"): 4,  # each field
        ("findings_total", "unknown", "trunk.unknown"): 1,
        ("would_reject_total", "acme-1", "caller.not_allocated"): 1,  # each call
    }
    assert tally.histograms["verdict_seconds"].total == 2 * 0.000123
