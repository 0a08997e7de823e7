"""Call records: one JSON object a line, from the reports of the core (docs/records.md)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from time import gmtime, strftime
from typing import Any, Final

from proxy.call.model import Call, Claim
from proxy.checks.base import Finding, Verdict
from proxy.core.actions import Decided, Ended, Late, Refused
from stirshaken.findings import Rule
from stirshaken.verify import Verification

VERSION: Final = 1
REDIRECTED: Final = 302  # a dip: the call goes on, elsewhere
GAP: Final = "gap"
MAX_CLAIM: Final = 256  # characters
_RUN: Final = re.compile(r"[0-9]{7,}", re.ASCII)
_SINGLE: Final = {"From": "from", "P-Preferred-Identity": "ppi", "Remote-Party-ID": "rpid"}
_SEVERAL: Final = {"P-Asserted-Identity": "pai", "Diversion": "diversion", "History-Info": "diversion"}


@dataclass(frozen=True, slots=True)
class Lost:
    """
    Records that could not be kept, up to `at`: how many, and since when by the core's clock.

    Both are None for what a process that was killed had in its memory.
    """

    at: float
    count: int | None
    since: float | None

    def more(self, at: float) -> Lost:
        """One more."""
        return Lost(at, (self.count or 0) + 1, self.since)


class Clock:
    """Seconds since the epoch as RFC 3339 in UTC with milliseconds; the text of a second is made once."""

    __slots__ = ("_second", "_text")

    def __init__(self) -> None:
        self._second = -1
        self._text = ""

    def text(self, ts: float) -> str:
        """2026-11-23T20:15:00.123Z"""
        second = int(ts)
        if second != self._second:
            self._second = second
            self._text = strftime("%Y-%m-%dT%H:%M:%S", gmtime(second))
        return f"{self._text}.{int((ts - second) * 1000):03d}Z"


def line_of(report: Decided | Ended | Refused, node: str, ts: str) -> dict[str, Any]:
    """The record of a report, without seq, prev and hash, which the journal adds."""
    if isinstance(report, Decided):
        return _verdict_line(report, node, ts)
    if isinstance(report, Ended):
        return _end_line(report, node, ts)
    return _refused_line(report, node, ts)


def gap_line(lost: Lost | Late, node: str, ts: str, since: str) -> dict[str, Any]:
    """The record that stands in the place of lost ones, or says that some were late."""
    head: dict[str, Any] = {"v": VERSION, "event": GAP, "ts": ts, "node": node, "since": since or ts}
    if isinstance(lost, Late):
        return head | {"lost": 0, "reason": "late", "late": lost.count}
    return head | {"lost": lost.count, "reason": "crash" if lost.count is None else "queue"}


def _verdict_line(report: Decided, node: str, ts: str) -> dict[str, Any]:
    line = _head("call.verdict", report.call, report.verdict, node, ts)
    line["numbers"] = _numbers(report.call.claims)
    line["findings"] = [_finding(item) for item in report.verdict.findings]
    line["status"] = report.status
    given = report.verdict.marks.replacement
    line["caller_sent"] = given.number if given is not None and given.caller else None
    passed = report.status in (None, REDIRECTED)
    line["attestation"] = (report.verdict.marks.attestation or None) if passed else None
    line["identity"] = identity_of(report.verdict)
    line["next_hop"] = report.next_hop or None
    line["callee_trunk"] = report.callee_trunk or None
    line["elapsed_us"] = round(report.elapsed * 1e6)
    return line


def _end_line(report: Ended, node: str, ts: str) -> dict[str, Any]:
    line = _head("call.end", report.call, report.verdict, node, ts)
    line["status"] = report.status
    line["answered"] = report.answered
    line["ring_ms"] = round(report.ring * 1000)
    line["duration_ms"] = round(report.duration * 1000)
    line["ended_by"] = report.ended_by
    line["next_hop"] = report.next_hop or None
    line["callee_trunk"] = report.callee_trunk or None
    line["messages"] = [[round(offset * 1000), way, peer, what] for offset, way, peer, what in report.messages]
    return line


def _refused_line(report: Refused, node: str, ts: str) -> dict[str, Any]:
    return {
        "v": VERSION,
        "event": "call.verdict",
        "ts": ts,
        "node": node,
        "call_id": report.call_id,
        "trunk": "unknown",
        "customer": None,
        "source": report.source,
        "listener": report.listener,
        "caller": report.caller,
        "called": report.called,
        "mode": "block",
        "verdict": "reject",
        "enforced": True,
        "emergency": False,
        "numbers": {"from": report.caller, "pai": [], "ppi": None, "rpid": None, "diversion": []},
        "findings": [
            {
                "rule": "trunk.unknown",
                "header": report.method,
                "value": report.source,
                "expected": "the address of a trunk",
            }
        ],
        "status": report.status,
        "caller_sent": None,
        "attestation": None,
        "identity": None,
        "next_hop": None,
        "callee_trunk": None,
        "elapsed_us": 0,
    }


def _head(event: str, call: Call, verdict: Verdict, node: str, ts: str) -> dict[str, Any]:
    return {
        "v": VERSION,
        "event": event,
        "ts": ts,
        "node": node,
        "call_id": call.call_id,
        "trunk": call.trunk.id,
        "customer": call.trunk.customer.id,
        "source": call.source,
        "listener": call.listener,
        "caller": call.caller,
        "called": call.called,
        "mode": verdict.mode,
        "verdict": verdict.action,
        "enforced": verdict.enforced,
        "emergency": call.emergency,
    }


def _numbers(claims: tuple[Claim, ...]) -> dict[str, Any]:
    """Every claim by its field: the number, or what stood there where it is no number."""
    numbers: dict[str, Any] = {"from": None, "pai": [], "ppi": None, "rpid": None, "diversion": []}
    for claim in claims:
        shown = claim.number or claim.user or claim.value
        if claim.header in _SEVERAL:
            numbers[_SEVERAL[claim.header]].append(shown)
        elif numbers[_SINGLE[claim.header]] is None:
            numbers[_SINGLE[claim.header]] = shown
    return numbers


def identity_of(verdict: Verdict) -> dict[str, Any] | None:
    """
    What became of the signed identities of a call: the one that decided with what it claims, proven or not, and each
    of them in wire order; None for a call without, or where they were not looked at. Of a token that carries another
    (div-o) it is the one within that says who calls.
    """
    found = verdict.verification
    if found is None:
        return None
    decisive = found.decisive
    header, said = ({}, {}) if decisive is None else (decisive.header, decisive.original or decisive.claims)
    return {
        "result": result_of(found),
        "x5u": _text(header.get("x5u")),
        "origid": _text(said.get("origid")),
        "iat": said.get("iat") if type(said.get("iat")) is int else None,
        "attest": _text(said.get("attest")),
        "all": [
            {
                "ppt": each.ppt[:MAX_CLAIM],
                "result": "ignored" if each.ignored else str(each.result),
                "rules": [f"identity.{rule}" for rule in dict.fromkeys(item.rule for item in each.findings)],
            }
            for each in found.identities
        ],
    }


def result_of(found: Verification) -> str:
    """passed, failed or unknown; missing where no Identity is of a type that is understood, which is no fault."""
    return "missing" if {each.rule for each in found.findings} == {Rule.MISSING} else str(found.result)


def _text(value: object) -> str | None:
    """A claim as text, cut: whoever signs may write what he likes."""
    return value[:MAX_CLAIM] if isinstance(value, str) else None


def _finding(item: Finding) -> dict[str, str]:
    return {"rule": item.rule, "header": item.header, "value": item.value, "expected": item.expected}


def masked(line: dict[str, Any]) -> dict[str, Any]:
    """The same record with the middle of every number hidden: +86138****8000 (PIPL, data minimisation)."""
    kept = {key: line[key] for key in ("source", "next_hop", "ts", "node", "messages") if key in line}
    return _masked(line) | kept  # type: ignore[no-any-return]  # a dict stays a dict


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return _RUN.sub(_hide, value)
    if isinstance(value, dict):
        return {key: _masked(item) for key, item in value.items()}
    return [_masked(item) for item in value] if isinstance(value, list) else value


def _hide(run: re.Match[str]) -> str:
    digits = run[0]
    return digits[:-8] + "****" + digits[-4:] if len(digits) > 8 else digits[:-6] + "****" + digits[-2:]
