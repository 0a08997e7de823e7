"""One call that is only asked about: what would every check say, and what would be answered?"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date
from ipaddress import ip_address
from time import time
from typing import Any

from proxy.call.extract import called_of, extract
from proxy.call.model import Call
from proxy.call.trunk import Trunk
from proxy.checks.base import Finding, Verdict
from proxy.core.admit import Admission
from proxy.observe.record import identity_of
from proxy.parts import Loaded, core_trunk, judge_of
from proxy.settings.catalogue import text
from proxy.sip.errors import ParseError
from proxy.sip.message import parse
from proxy.sip.request import Request
from proxy.sources.identity_services import verifier_of


class QuestionError(Exception):
    """A question that makes no call; `key` and `values` are its text in the catalogue."""

    def __init__(self, key: str, **values: object) -> None:
        super().__init__(key)
        self.key = key
        self.values = values

    def text(self, lang: str) -> str:
        """What is wrong, and what to do."""
        return text(self.key, lang, **self.values)


class RefusedError(QuestionError):
    """A call from an address that belongs to no trunk: it is refused before any check."""


@dataclass(frozen=True, slots=True)
class Question:
    """A call by its parts, or as a whole INVITE in `message`. Numbers may be whole header field values."""

    trunk_id: str | None = None
    source: str | None = None
    caller: str | None = None
    called: str | None = None
    pai: tuple[str, ...] = ()
    diversion: tuple[str, ...] = ()
    identity: tuple[str, ...] = ()
    display: str = ""
    message: bytes | None = None


@dataclass(frozen=True, slots=True)
class Explained:
    """The call as it was read, and the verdict on it with the result of every check."""

    call: Call
    verdict: Verdict

    def as_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        verdict, call = self.verdict, self.call
        answer = verdict.answer
        return {
            "trunk": call.trunk.id,
            "customer": call.trunk.customer.id,
            "caller": call.caller,
            "called": call.called,
            "emergency": call.emergency,
            "mode": verdict.mode,
            "claims": [
                {
                    "header": claim.header,
                    "value": claim.value,
                    "number": claim.number,
                    "reading": claim.reading.value,
                }
                for claim in call.claims
            ],
            "checks": [
                {
                    "name": name,
                    "outcome": result.outcome.value,
                    "cause": result.cause,
                    "findings": [_finding(item) for item in result.findings],
                }
                for name, result in verdict.results
            ],
            "findings": [_finding(item) for item in verdict.findings],
            "identity": identity_of(verdict),
            "verdict": verdict.action,
            "enforced": verdict.enforced,
            "caller_sent": sent_by(verdict, call.trunk),
            "answer": None
            if answer is None
            else {"status": answer.status, "phrase": answer.phrase, "reason": answer.reason},
        }

    def rows(self, lang: str) -> list[dict[str, str]]:
        """One row a check and finding, for a table."""
        rows: list[dict[str, str]] = []
        for name, result in self.verdict.results:
            if not result.findings:
                rows.append(
                    {
                        "check": name,
                        "outcome": _outcome(result.outcome.value, lang),
                        "detail": result.cause or text(f"says.{name}", lang),
                    }
                )
            for item in result.findings:
                detail = text(f"rule.{item.rule}", lang, header=item.header, value=item.value, expected=item.expected)
                rows.append(
                    {
                        "check": name,
                        "outcome": _outcome(result.outcome.value, lang),
                        "rule": item.rule,
                        "header": item.header,
                        "value": item.value,
                        "expected": item.expected,
                        "detail": detail,
                    }
                )
        return rows

    def summary(self, lang: str) -> str:
        """The verdict in a sentence."""
        answer = self.verdict.answer
        if self.verdict.action == "replace":
            key = "explain.replace" if self.verdict.enforced else "explain.would_replace"
            return text(key, lang, number=self.call.trunk.pilot_number, trunk=self.call.trunk.id)
        if self.verdict.action != "reject" or answer is None:
            emergency = self.call.emergency and self.verdict.findings
            key = "explain.emergency" if emergency else "explain.pass"
            return text(key, lang, trunk=self.call.trunk.id, called=self.call.called)
        key = "explain.reject" if self.verdict.enforced else "explain.would_reject"
        return text(key, lang, status=answer.status, phrase=answer.phrase, reason=answer.reason)


def ask(loaded: Loaded, question: Question, today: date) -> Explained:
    """Judge a call that is only asked about, as of `today`. Raises QuestionError, RefusedError."""
    try:
        request = Request(parse(_invite(question) if question.message is None else question.message))
    except ParseError as error:
        raise QuestionError("explain.unreadable", reason=error.reason) from error
    if request.method != b"INVITE":
        raise QuestionError("explain.no_invite", method=request.method.decode("ascii", "replace"))
    trunk = _trunk(loaded, question, request)
    called, emergency = called_of(request, trunk.dial_plan)
    call = extract(request, trunk, question.source or "", "", called, emergency)
    return Explained(call, asyncio.run(_judged(loaded, call, today)))


def sent_by(verdict: Verdict, trunk: Trunk) -> str | None:
    """The number that is shown instead of the caller, in mode block at least; None where the caller stays."""
    return trunk.pilot_number if verdict.action == "replace" else None


async def _judged(loaded: Loaded, call: Call, today: date) -> Verdict:
    """The verdict, with certificates that are fetched for it."""
    verifier = verifier_of(loaded.settings.identity, loaded.identity, time)
    try:
        return await judge_of(loaded, lambda: today, time, verifier).in_time(call)
    finally:
        if verifier is not None:
            await verifier.aclose()


def _trunk(loaded: Loaded, question: Question, request: Request) -> Trunk:
    trunks = loaded.directory.trunks
    if question.trunk_id is not None:
        if question.trunk_id not in trunks:
            raise QuestionError("explain.no_such_trunk", trunk=question.trunk_id, known=", ".join(sorted(trunks)[:10]))
        return trunks[question.trunk_id]
    if question.source is None:
        raise QuestionError("explain.needs_trunk")
    if not _is_address(question.source):
        raise QuestionError("explain.no_address", source=question.source)
    hops = [hop.destination.host for hop in loaded.settings.core.next_hops]
    admission = Admission(loaded.directory, core_trunk(loaded.settings), hops)
    trunk = admission.settle(admission.candidates(question.source), request.message)
    if trunk is None:
        raise RefusedError("explain.unknown_source", source=question.source)
    return trunk


def _is_address(source: str) -> bool:
    try:
        ip_address(source)
    except ValueError:
        return False
    return True


def _invite(question: Question) -> bytes:
    """The INVITE that a trunk would send for the parts of a question."""
    if not question.caller or not question.called:
        raise QuestionError("explain.needs_numbers")
    name = '"' + question.display.replace("\\", "\\\\").replace('"', '\\"') + '" ' if question.display else ""
    lines = [
        f"INVITE {_uri(question.called)} SIP/2.0",
        "Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK-explain",
        f"From: {_field(question.caller, name)};tag=explain",
        f"To: <{_uri(question.called)}>",
        "Call-ID: explain",
        "CSeq: 1 INVITE",
        *(f"P-Asserted-Identity: {_field(value)}" for value in question.pai),
        *(f"Diversion: {_field(value)}" for value in question.diversion),
        *(f"Identity: {value}" for value in question.identity),
        "Content-Length: 0",
    ]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n"


def _field(value: str, name: str = "") -> str:
    return value if "<" in value else f"{name}<{_uri(value)}>"


def _uri(value: str) -> str:
    return value if ":" in value else f"sip:{value}@trunkward.invalid"


def _finding(item: Finding) -> dict[str, str]:
    return {"rule": item.rule, "header": item.header, "value": item.value, "expected": item.expected}


def _outcome(value: str, lang: str) -> str:
    return text("outcome." + value.replace(" ", "_"), lang)
