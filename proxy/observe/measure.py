"""From reports to counts."""

from __future__ import annotations

from proxy.core.actions import Decided, Refused, Report
from proxy.core.tally import Tally
from proxy.observe.record import result_of


def count(report: Report, tally: Tally) -> None:
    """Count a verdict and its findings; strangers count as the trunk "unknown"."""
    counts = tally.count
    if isinstance(report, Decided):
        verdict, trunk = report.verdict, report.call.trunk.id
        counts["calls_total", trunk, verdict.mode, verdict.action] += 1
        tally.histograms["verdict_seconds"].observe(report.elapsed)
        if verdict.verification is not None:
            counts["identity_total", result_of(verdict.verification)] += 1
        elif any(finding.rule == "identity.missing" for finding in verdict.findings):
            counts["identity_total", "missing"] += 1
        for finding in verdict.findings:
            counts["findings_total", trunk, finding.rule] += 1
        if verdict.action == "reject" and not verdict.enforced:
            for rule in {finding.rule for finding in verdict.findings}:  # calls, so each rule once
                counts["would_reject_total", trunk, rule] += 1
    elif isinstance(report, Refused):
        counts["calls_total", "unknown", "block", "reject"] += 1
        counts["findings_total", "unknown", "trunk.unknown"] += 1
