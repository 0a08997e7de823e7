"""Definitions and snapshots."""

from __future__ import annotations

import pytest

from proxy.core.tally import BUCKETS, Tally
from proxy.observe.metrics import METRICS, Snapshot, counted, decode, snapshot, together


def test_a_snapshot_arrives_as_it_was() -> None:
    tally = Tally()
    tally.count["calls_total", "acme-1", "block", "pass"] += 2
    tally.histograms["verdict_seconds"].observe(0.0002)
    read = decode(snapshot(tally, {("active_calls", "acme-1"): 3.0}))

    values = {tuple(key): value for key, value in read.values}
    assert values["calls_total", "acme-1", "block", "pass"] == 2
    assert values["active_calls", "acme-1"] == 3
    assert values["records_dropped_total",] == 0  # always shown
    assert sum(read.histograms["verdict_seconds"][1]) == 1


@pytest.mark.parametrize("name", METRICS)
def test_names_follow_the_conventions(name: str) -> None:
    assert name.endswith("_total") is (METRICS[name].kind == "counter")
    assert METRICS[name].help.endswith(".")
    assert not {"number", "call_id", "caller", "called", "source"} & set(METRICS[name].labels)


def test_every_histogram_has_buckets() -> None:
    histograms = {name for name, metric in METRICS.items() if metric.kind == "histogram"}
    assert histograms == {*BUCKETS, "certificate_fetch_seconds"}  # that one is the certificates' own


def test_a_snapshot_carries_histograms_of_others() -> None:
    read = decode(snapshot(Tally(), {}, {"certificate_fetch_seconds": ((0.1, 0.2), [1, 0, 2], 7.5)}))

    assert read.histograms["certificate_fetch_seconds"] == ([0.1, 0.2], [1, 0, 2], 7.5)


def test_the_values_of_workers_together() -> None:
    def of(transactions: float, lag: float, up: float, calls: int) -> Snapshot:
        tally = Tally()
        tally.count["calls_total", "acme-1", "block", "pass"] = calls
        tally.histograms["setup_seconds"].observe(0.2)
        gauges = {("transactions",): transactions, ("event_loop_lag_seconds",): lag, ("next_hop_up", "a:1"): up}
        return decode(snapshot(tally, gauges))

    both = together([of(3, 0.1, 1, 4), of(4, 0.3, 0, 5)])
    told = {tuple(key): value for key, value in both.values}
    assert (told["transactions",], told["event_loop_lag_seconds",], told["next_hop_up", "a:1"]) == (7, 0.3, 0)
    assert told["calls_total", "acme-1", "block", "pass"] == 9
    assert both.histograms["setup_seconds"][1][1] == 2
    left = {key[0] for key, _ in counted(both).values}
    assert "calls_total" in left
    assert "transactions" not in left
