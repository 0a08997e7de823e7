"""Records: the contract's fields, and the schema that is shipped."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from typing import Any

import jsonschema
import msgspec
import pytest

from proxy.checks.attestation import proves_number
from proxy.checks.base import Marks, Replacement
from proxy.checks.policy import effective
from proxy.checks.verdict import judge
from proxy.core.actions import Decided, Late, Report
from proxy.observe.record import Clock, Lost, gap_line, line_of, masked
from stirshaken.sign import Signer
from tests.checks.signed import knowing, signed
from tests.observe.reports import WOULD, decided, ended, refused
from tests.stirshaken.scene import (
    CALLED,
    CALLER,
    CLAIMS,
    GOOD,
    HEADER,
    NOW,
    ORIGID,
    SECOND,
    STALE,
    UNSUPPORTED,
    X5U,
    div,
    party,
    raw,
)

SCHEMA = json.loads(files("proxy.observe").joinpath("record.schema.json").read_text(encoding="utf-8"))
CHAIN = {"seq": 1, "prev": "0" * 64, "hash": "f" * 64}
TS = "2026-11-23T20:15:00.123Z"


@pytest.mark.parametrize("report", [decided(), decided(WOULD), ended(), refused()])
def test_every_record_is_of_the_schema(report: Report) -> None:
    line = line_of(report, "gw1", TS)

    jsonschema.validate(line | CHAIN, SCHEMA)
    jsonschema.validate(masked(line) | CHAIN, SCHEMA)


@pytest.mark.parametrize(
    ("lost", "count", "reason"), [(Lost(9.0, 1, 8.0).more(9.5), 2, "queue"), (Lost(9.0, None, None), None, "crash")]
)
def test_a_gap_is_of_the_schema(lost: Lost, count: int | None, reason: str) -> None:
    line = gap_line(lost, "gw1", TS, "2026-11-23T20:14:00.000Z")

    jsonschema.validate(line | CHAIN, SCHEMA)
    assert (line["event"], line["lost"], line["reason"], line["since"] < line["ts"]) == ("gap", count, reason, True)
    assert gap_line(lost, "gw1", TS, "")["since"] == TS
    for wrong in ({"lost": 0}, {"reason": "x"}, {"caller": "1"}, {"hash": None}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(line | CHAIN | wrong, SCHEMA)


def test_what_was_late_is_of_the_schema_and_nothing_is_lost() -> None:
    line = gap_line(Late(9.5, 8.0, 3), "gw1", TS, "2026-11-23T20:14:00.000Z")

    jsonschema.validate(line | CHAIN, SCHEMA)
    assert (line["event"], line["lost"], line["reason"], line["late"]) == ("gap", 0, "late", 3)
    for wrong in ({"lost": 1}, {"late": 0}, {"reason": "queue"}, {"caller": "1"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(line | CHAIN | wrong, SCHEMA)


def test_more_lost_records_end_later() -> None:
    assert Lost(9.0, 1, 8.0).more(9.5) == Lost(9.5, 2, 8.0)


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


def judged(*values: bytes, verify: str = "when-present", **marks: Any) -> Decided:
    asked = signed(*values)
    verdict = judge(asked, knowing(asked, verify), effective({}, {}), "monitor")
    return Decided(1.0, asked, replace(verdict, marks=Marks(**marks)), None, "10.0.0.1:5060", "core", 0.1)


LONG = b"t;info=<https://x/>;ppt=" + b"p" * 7000
HUGE = raw(
    {**HEADER, "x5u": "https://h/" + "a" * 1500}, {**CLAIMS, "origid": "o" * 1500, "attest": ["A"], "iat": 2**53 - 1}
)
LIAR = raw(HEADER, {**CLAIMS, "x5u": "https://victim.example/", "iat": 1})
ODD = raw({**HEADER, "x5u": "a\x00\r\n\u202e"}, {**CLAIMS, "iat": True, "attest": 7})


@pytest.mark.parametrize(
    "values",
    [(), (GOOD,), (STALE, GOOD), (UNSUPPORTED,), (div(CALLED, SECOND),), (b"",), (b"x," * 3000 + b"x",), (LONG,) * 11, (HUGE,), (LIAR,), (ODD,)],
)  # fmt: skip
@pytest.mark.parametrize("verify", ["when-present", "required"])
def test_records_of_signed_calls_are_of_the_schema_and_bounded(values: tuple[bytes, ...], verify: str) -> None:
    line = line_of(judged(*values, verify=verify, verstat="No-TN-Validation", attestation="C"), "gw1", TS)

    jsonschema.validate(line | CHAIN, SCHEMA)
    jsonschema.validate(masked(line) | CHAIN, SCHEMA)
    assert len(msgspec.json.encode(line)) < 12_000


def test_of_a_token_that_carries_another_the_one_within_says_who_calls() -> None:
    signer = Signer(party().holder.key, X5U)
    original = signer.shaken(CALLER, [SECOND], "A", ORIGID, NOW)

    report = judged(signer.div_o(original, [CALLED], SECOND, NOW).encode())

    identity = line_of(report, "gw1", TS)["identity"]
    assert (identity["result"], identity["attest"], identity["origid"]) == ("passed", "A", ORIGID)
    assert report.verdict.verification is not None
    assert proves_number(report.verdict.verification)
    lower = signer.div_o(signer.shaken(CALLER, [SECOND], "B", ORIGID, NOW), [CALLED], SECOND, NOW)
    found = judged(lower.encode()).verdict.verification
    assert found is not None
    assert not proves_number(found)


def test_identity() -> None:
    line = line_of(judged(STALE, GOOD, UNSUPPORTED, b"x"), "gw1", TS)

    assert line["identity"] == {
        "result": "passed", "x5u": X5U, "origid": ORIGID, "iat": NOW, "attest": "A",
        "all": [
            {"ppt": "shaken", "result": "failed", "rules": ["identity.stale"]},
            {"ppt": "shaken", "result": "passed", "rules": []},
            {"ppt": "msg", "result": "ignored", "rules": []},
            {"ppt": "", "result": "failed", "rules": ["identity.invalid"]},
        ],
    }  # fmt: skip
    assert line_of(judged(), "gw1", TS)["identity"] is None


@pytest.mark.parametrize(
    ("values", "result"),
    [((UNSUPPORTED,), "missing"), ((div(CALLED, SECOND),), "missing"), ((b"x",), "failed"), ((div(CALLED, SECOND, iat=1),), "failed")],
)  # fmt: skip
def test_what_is_not_understood_is_missing_and_no_fault(values: tuple[bytes, ...], result: str) -> None:
    assert line_of(judged(*values), "gw1", TS)["identity"]["result"] == result


def test_a_tokens_claims_name_no_other_signer() -> None:
    assert line_of(judged(LIAR), "gw1", TS)["identity"]["x5u"] == X5U


def test_what_is_attested_is_what_went_out() -> None:
    report = judged(attestation="A")
    assert line_of(report, "gw1", TS)["attestation"] == "A"
    assert line_of(replace(report, status=513), "gw1", TS)["attestation"] is None


def test_who_was_sent_instead() -> None:
    marks = Marks(replacement=Replacement("+862488880000", caller=True, shown=True, diverted=False))
    report = decided()
    report.verdict = replace(report.verdict, action="replace", marks=marks)
    line = line_of(report, "gw1", TS)

    jsonschema.validate(line | CHAIN, SCHEMA)
    assert (line["verdict"], line["caller_sent"]) == ("replace", "+862488880000")
    assert masked(line)["caller_sent"] == "+8624****0000"
    assert line_of(decided(), "gw1", TS)["caller_sent"] is None
