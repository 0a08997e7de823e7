"""What the demo makes of a call: good only when the record and the caller both say what was expected."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.demo.caller import Ending
from proxy.demo.scenario import KINDS, Kind
from proxy.demo.show import COLUMNS, Placed, headings, row


def kind(key: str) -> Kind:
    return next(each for each in KINDS if each.key == key)


def record(verdict: str, enforced: bool, *rules: str, signed: str | None = None) -> dict[str, Any]:
    findings = [{"rule": rule} for rule in rules]
    return {"verdict": verdict, "enforced": enforced, "attestation": signed, "findings": findings}


@pytest.mark.parametrize(
    ("key", "status", "written", "good"),
    [
        pytest.param("allocated", 200, record("pass", True, signed="A"), True, id="pass"),
        pytest.param("allocated", 200, record("pass", True), False, id="not-signed"),
        pytest.param("allocated", 403, record("pass", True, signed="A"), False, id="caller-saw-another-status"),
        pytest.param("allocated", 200, None, False, id="no-record"),
        pytest.param(
            "allocated", 200, record("pass", True, "caller.conflict", signed="A"), False, id="finding-too-much"
        ),
        pytest.param("good_pai", 403, record("reject", True, "caller.not_allocated"), True, id="reject"),
        pytest.param("good_pai", 403, record("reject", True, "caller.dno"), False, id="another-rule"),
        pytest.param("good_pai", 403, record("reject", False, "caller.not_allocated"), False, id="not-enforced"),
        pytest.param(
            "good_pai",
            403,
            record("reject", True, "caller.conflict", "caller.not_allocated"),
            True,
            id="one-of-two",
        ),
        pytest.param("stranger", 0, record("reject", True, "trunk.unknown"), True, id="silence"),
        pytest.param("stranger", 403, record("reject", True, "trunk.unknown"), False, id="answered-all-the-same"),
        pytest.param("stranger", 408, record("reject", True, "trunk.unknown"), False, id="nobody-there"),
        pytest.param(
            "monitor_spoofed", 200, record("reject", False, "caller.not_allocated", signed="B"), True, id="monitor"
        ),
        pytest.param("monitor_spoofed", 200, record("pass", False, signed="B"), False, id="monitor-blind"),
    ],
)
def test_good(key: str, status: int, written: dict[str, Any] | None, good: bool) -> None:
    placed = Placed(kind(key), Ending(status, ""), written)
    assert placed.good is good
    assert row(placed, "en")["good"] == ("OK" if good else "✗")


@pytest.mark.parametrize(
    ("lang", "verdict", "expected"),
    [
        pytest.param("en", "would reject, signed B", "would reject 200", id="en"),
        pytest.param("zh", "本应拒绝，签名 B", "本应拒绝 200", id="zh"),
    ],
)
def test_row(lang: str, verdict: str, expected: str) -> None:
    placed = Placed(
        kind("monitor_spoofed"), Ending(200, "OK"), record("reject", False, "caller.not_allocated", signed="B")
    )
    shown = row(placed, lang)
    assert (shown["verdict"], shown["expected"], shown["numbers"]) == (verdict, expected, "95588")
    assert shown["rules"] == "caller.not_allocated"
    assert tuple(shown) == tuple(headings(lang)) == COLUMNS


def test_silence_is_no_status() -> None:
    shown = row(Placed(kind("stranger"), Ending(0, ""), None), "en")
    assert (shown["expected"], shown["status"]) == ("reject –", "–")


def test_every_calling_number_is_shown() -> None:
    assert row(Placed(kind("good_pai"), Ending(403, ""), None), "en")["numbers"] == "95588 +862488880001"
    assert row(Placed(kind("display_name"), Ending(403, ""), None), "en")["numbers"] == '"10086" 02488880001'
