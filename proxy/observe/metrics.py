"""What is measured: the definitions, and the snapshot in which a worker hands its values to the control process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

import msgspec

from proxy.core.tally import Tally

PREFIX: Final = "trunkward_"


@dataclass(frozen=True, slots=True)
class Metric:
    """
    One metric: its kind, what it says, its labels in order, and what several workers' values of a gauge make together;
    counters and histograms are added up.
    """

    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    across: Literal["sum", "max", "min"] = "max"


METRICS: Final[Mapping[str, Metric]] = {
    "calls_total": Metric("counter", "Calls judged.", ("trunk", "mode", "verdict")),
    "findings_total": Metric("counter", "Rules that calls broke.", ("trunk", "rule")),
    "would_reject_total": Metric(
        "counter", "Calls that block mode would have rejected, by each rule they broke.", ("trunk", "rule")
    ),
    "responses_total": Metric("counter", "SIP responses by trunk; out: sent to it.", ("trunk", "direction", "code")),
    "verdict_seconds": Metric("histogram", "Time from the INVITE to its verdict."),
    "commit_seconds": Metric("histogram", "Time from a verdict until its record is on disk (records.durable)."),
    "setup_seconds": Metric("histogram", "Time from the INVITE to its answer."),
    "active_calls": Metric("gauge", "Calls in progress.", ("trunk",), "sum"),
    "transactions": Metric("gauge", "SIP transactions in memory.", (), "sum"),
    "next_hop_up": Metric("gauge", "Whether a next hop of the core side is up.", ("next_hop",), "min"),
    "next_hop_name_addresses": Metric("gauge", "Addresses that a name of next hops stands for.", ("name",), "min"),
    "next_hop_name_stale_seconds": Metric(
        "gauge", "How long the addresses of a name are used beyond their time, for DNS fails.", ("name",), "max"
    ),
    "next_hop_lookups_total": Metric("counter", "Lookups of names of next hops by outcome.", ("outcome",)),
    "failovers_total": Metric(
        "counter", "Calls that went on from a next hop to another: silent, unreachable, 503.", ("next_hop", "cause")
    ),
    "messages_total": Metric("counter", "SIP messages by method or status class.", ("direction", "transport", "kind")),
    "retransmissions_total": Metric("counter", "SIP messages sent or heard again."),
    "parse_errors_total": Metric("counter", "Messages that could not be used, by fault.", ("kind",)),
    "socket_drops_total": Metric("counter", "Datagrams lost because a socket buffer was full."),
    "packets_shed_total": Metric("counter", "Datagrams dropped unread, by reason.", ("reason",)),
    "requests_shed_total": Metric(
        "counter", "Requests answered 503 at once because the node was overloaded.", ("trunk", "reason")
    ),
    "connections": Metric("gauge", "Connections of TCP and TLS.", ("transport",)),
    "connections_refused_total": Metric("counter", "Connections not let in, by reason.", ("transport", "reason")),
    "connections_closed_total": Metric("counter", "Connections that ended, by reason.", ("transport", "reason")),
    "queue_wait_seconds": Metric("gauge", "How long a datagram waited to be read, at the most in a second."),
    "overload_level": Metric("gauge", "Level of overload: 1 sheds calls above a trunk's share, 2 all new calls."),
    "identity_total": Metric(
        "counter", "Calls by what became of their signed identities: passed, failed, unknown, missing.", ("result",)
    ),
    "identity_doubt": Metric(
        "gauge", "Whether the own clock or anchors are in doubt: tokens went bad on all trunks at once.", ("about",)
    ),
    "certificate_fetch_seconds": Metric("histogram", "How long certificates took to be fetched."),
    "certificate_fetch_failures_total": Metric("counter", "Fetches of certificates that failed."),
    "certificate_fetches_total": Metric("counter", "Fetches of certificates by how they ended.", ("outcome",)),
    "certificate_not_after_timestamp_seconds": Metric(
        "gauge", "When an own certificate or trust anchor ends.", ("name",)
    ),
    "stir_requests_total": Metric(
        "counter", "Requests for signing and verification over HTTP, by what became of them.", ("kind", "result")
    ),
    "directory_entries": Metric("gauge", "Entries of the directory.", ("kind",)),
    "directory_loaded_timestamp_seconds": Metric("gauge", "When the directory was loaded."),
    "records_queue": Metric("gauge", "Records that wait to be written.", (), "sum"),
    "records_dropped_total": Metric("counter", "Records lost because the queue was full."),
    "records_late_total": Metric("counter", "Verdicts acted on before their records were on disk."),
    "records_disk_refuses": Metric("gauge", "Whether the disk takes no records or no checkpoints."),
    "records_gaps_total": Metric("counter", "Gaps that stand in the records in the place of lost ones."),
    "records_unsealed": Metric("gauge", "Records behind the last signed checkpoint.", (), "sum"),
    "shipping_up": Metric("gauge", "Whether records are shipped: the stream is open."),
    "shipping_lag_records": Metric("gauge", "Records on disk that the stream has not acknowledged."),
    "shipping_lag_seconds": Metric("gauge", "Age of the oldest record that the stream has not acknowledged."),
    "shipping_published_total": Metric("counter", "Records that the stream has acknowledged."),
    "shipping_missed_total": Metric("counter", "Records that expired before they were shipped."),
    "shipping_errors_total": Metric("counter", "Failures of shipping, by what failed.", ("reason",)),
    "hep_packets_total": Metric("counter", "Packets sent to the capture server."),
    "hep_dropped_total": Metric("counter", "Packets, or calls, that the capture server was not shown.", ("reason",)),
    "event_loop_lag_seconds": Metric("gauge", "How late the event loop ran."),
    "config_last_reload_successful": Metric("gauge", "Whether the last reload was taken.", (), "min"),
    "workers": Metric("gauge", "Worker processes that answer.", (), "sum"),
    "worker_restarts_total": Metric("counter", "Workers that were started again because they had ended or hung."),
    "build_info": Metric("gauge", "Version of the program.", ("version", "python")),
}
# Always shown, so that rates have a first value to start from.
_ALWAYS: Final = ("retransmissions_total", "socket_drops_total", "records_dropped_total", "records_late_total")


class Snapshot(msgspec.Struct, frozen=True):
    """Values at one moment: (name, label values …) → value; histograms as bounds, counts per bucket, and sum."""

    values: list[tuple[list[str], float]]
    histograms: dict[str, tuple[list[float], list[int], float]]


def snapshot(
    tally: Tally,
    gauges: Mapping[tuple[str, ...], float],
    more: Mapping[str, tuple[Sequence[float], Sequence[int], float]] = MappingProxyType({}),
) -> bytes:
    """Encode the values of a worker; `more` histograms are (bounds without +Inf, counts per bucket, sum)."""
    values: dict[tuple[str, ...], float] = {(name,): 0.0 for name in _ALWAYS}
    values.update(tally.count)
    values.update(gauges)
    histograms = {name: (list(item.bounds), item.counts, item.total) for name, item in tally.histograms.items()}
    histograms |= {name: (list(bounds), list(counts), total) for name, (bounds, counts, total) in more.items()}
    return msgspec.msgpack.encode(Snapshot([(list(key), value) for key, value in values.items()], histograms))


def together(snapshots: Iterable[Snapshot]) -> Snapshot:
    """The values of several workers as those of one node."""
    values: dict[tuple[str, ...], float] = {}
    histograms: dict[str, tuple[list[float], list[int], float]] = {}
    for each in snapshots:
        for labels, value in each.values:
            key = tuple(labels)
            values[key] = _joined(METRICS.get(key[0]), values[key], value) if key in values else value
        for name, (bounds, counts, total) in each.histograms.items():
            _, before, sum_before = histograms.get(name, (bounds, [0] * len(counts), 0.0))
            added = [one + other for one, other in zip(before, counts, strict=True)]
            histograms[name] = bounds, added, sum_before + total
    return Snapshot([(list(key), value) for key, value in values.items()], histograms)


def counted(snapshot: Snapshot) -> Snapshot:
    """What stays of a worker's values when it is gone: what it has counted, and not how it was."""
    kept = [(key, value) for key, value in snapshot.values if key[0] in METRICS and METRICS[key[0]].kind == "counter"]
    return Snapshot(kept, snapshot.histograms)


def _joined(metric: Metric | None, one: float, other: float) -> float:
    if metric is None or metric.kind == "counter" or metric.across == "sum":
        return one + other
    return max(one, other) if metric.across == "max" else min(one, other)


def decode(data: bytes) -> Snapshot:
    """Decode what `snapshot` made. Raises msgspec.DecodeError."""
    return msgspec.msgpack.decode(data, type=Snapshot)
