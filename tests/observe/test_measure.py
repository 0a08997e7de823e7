"""From reports to counts."""

from __future__ import annotations

import pytest

from proxy.checks.policy import effective
from proxy.checks.verdict import judge
from proxy.core.actions import Decided
from proxy.core.tally import Tally
from proxy.observe.measure import count
from tests.checks.signed import knowing, signed
from tests.observe.reports import WOULD, decided, ended, refused
from tests.stirshaken.scene import GOOD, STALE, UNSUPPORTED, party


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


@pytest.mark.parametrize(
    ("values", "verify", "expected"),
    [
        pytest.param((), "when-present", {}, id="none"),
        pytest.param((), "required", {"missing": 1}, id="none-required"),
        pytest.param((GOOD,), "required", {"passed": 1}, id="good"),
        pytest.param((STALE, b"x"), "required", {"failed": 1}, id="bad"),
        pytest.param((UNSUPPORTED,), "when-present", {"missing": 1}, id="not-understood"),
        pytest.param((UNSUPPORTED,), "required", {"missing": 1}, id="not-understood-counts-once"),
        pytest.param((party().value(x5u="https://dead.example/"),), "required", {"unknown": 1}, id="unreachable"),
    ],
)
def test_each_call_counts_once_by_its_identities(
    values: tuple[bytes, ...], verify: str, expected: dict[str, int]
) -> None:
    tally, asked = Tally(), signed(*values)
    verdict = judge(asked, knowing(asked, verify), effective({}, {}), "block")
    count(Decided(1.0, asked, verdict, None, "", "core", 0.1), tally)
    assert {key[1]: value for key, value in tally.count.items() if key[0] == "identity_total"} == expected
