"""Records: the contract's fields, and the schema that is shipped."""

from __future__ import annotations

import json
from importlib.resources import files

import jsonschema
import pytest

from proxy.core.actions import Report
from proxy.observe.record import Clock, line_of, masked
from tests.observe.reports import WOULD, decided, ended, refused

SCHEMA = json.loads(files("proxy.observe").joinpath("record.schema.json").read_text(encoding="utf-8"))
CHAIN = {"seq": 1, "prev": "0" * 64, "hash": "f" * 64}
TS = "2026-11-23T20:15:00.123Z"


@pytest.mark.parametrize("report", [decided(), decided(WOULD), ended(), refused()])
def test_every_record_is_of_the_schema(report: Report) -> None:
    line = line_of(report, "gw1", TS)

    jsonschema.validate(line | CHAIN, SCHEMA)
    jsonschema.validate(masked(line) | CHAIN, SCHEMA)


def test_verdict() -> None:
    line = line_of(decided(), "gw1", TS)

    assert line["numbers"] == {
        "from": "+8613800138000",
        "pai": ["+862488880002", "+862488880003"],
        "ppi": "alice",
        "rpid": None,
        "diversion": ["+862488880009"],
    }
    assert (line["verdict"], line["enforced"], line["status"], line["elapsed_us"]) == (
        "reject",
        True,
        403,
        123,
    )
    assert line["findings"][0]["value"] == "<sip:+8613800138000@h>"


def test_end() -> None:
    line = line_of(ended(), "gw1", TS)

    assert (line["ring_ms"], line["duration_ms"], line["ended_by"], line["answered"]) == (
        1500,
        1500,
        "caller",
        True,
    )
    assert line["messages"][1] == [1, "out", "127.0.0.2:5060", "403 Forbidden"]


def test_mask_hides_the_middle_of_every_number() -> None:
    text = json.dumps(masked(line_of(decided(), "gw1", TS)))

    assert "13800138000" not in text
    assert "2488880002" not in text
    assert "+86138****8000" in text


@pytest.mark.parametrize(
    ("ts", "text"), [(0.0, "1970-01-01T00:00:00.000Z"), (1795465500.9999, "2026-11-23T20:25:00.999Z")]
)
def test_clock(ts: float, text: str) -> None:
    assert Clock().text(ts) == text
