"""The demo's calls as rows of a table: what was expected, what the record says, what the caller saw."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from time import time
from typing import Any

from proxy.demo.caller import HOLD, Attempt, Ending
from proxy.demo.scenario import BLOCKING, KINDS, SILENCE, Expected, Kind
from proxy.demo.stage import Stage
from proxy.settings.catalogue import text

COLUMNS = ("kind", "numbers", "expected", "verdict", "rules", "status", "good")
WIDTHS = {"kind": 35, "numbers": 26, "expected": 16, "verdict": 22, "rules": 21, "status": 3}  # terminal columns


@dataclass(frozen=True, slots=True)
class Placed:
    """One call that was placed: what its caller saw, and its record (None when it has none)."""

    kind: Kind
    ending: Ending
    record: dict[str, Any] | None

    @property
    def seen(self) -> Expected | None:
        """What the record and the caller say, in the words of the expectation."""
        if self.record is None:
            return None
        rules = self.rules
        rule = self.kind.expected.rule if self.kind.expected.rule in rules else ",".join(rules)
        signed = self.record["attestation"] or ""
        return Expected(self.record["verdict"], self.record["enforced"], self.ending.status, rule, signed)

    @property
    def rules(self) -> list[str]:
        """The rules that the record says were broken, each once."""
        return list(dict.fromkeys(finding["rule"] for finding in (self.record or {}).get("findings", [])))

    @property
    def good(self) -> bool:
        """Whether everything was as expected."""
        return self.seen == self.kind.expected


async def play(stage: Stage, first: int = 0) -> AsyncIterator[Placed]:
    """Place one call of each kind, one after the other; `first` keeps Call-IDs apart between rounds."""
    for number, kind in enumerate(KINDS, first):
        yield await place(stage, kind, f"demo-{number}-{kind.key}")


async def place(stage: Stage, kind: Kind, call_id: str) -> Placed:
    """Place one call and read its record."""
    attempt = Attempt(call_id, kind.sender, kind.called, (*kind.claims, *_identity(stage, kind)))
    async with asyncio.TaskGroup() as group:
        calling = group.create_task(stage.phones[kind.host].place(attempt))
        record = await stage.verdict(call_id)
        if kind.expected.status == SILENCE:
            await _listen(stage, calling, f"{call_id}-after")
    return Placed(kind, Ending(SILENCE, "no answer") if calling.cancelled() else calling.result(), record)


async def _listen(stage: Stage, calling: asyncio.Task[Ending], call_id: str) -> None:
    """
    End a call that is not to be answered. The proxy takes things as they come: when it has answered a trunk that
    asked later, it has also said to this caller whatever it was going to say.
    """
    await stage.phones[BLOCKING].greet(call_id)
    await asyncio.wait([calling], timeout=HOLD)
    calling.cancel()


def _identity(stage: Stage, kind: Kind) -> tuple[tuple[str, str], ...]:
    """The Identity of a call that is signed."""
    token = kind.token
    if token is None:
        return ()
    base, dest = f"https://{stage.repository}", f"86{kind.called[1:]}"
    return (("Identity", stage.signers.value(base, token.orig, dest, time() - token.age, token.path)),)


def headings(lang: str) -> dict[str, str]:
    """Give the heading of each column."""
    return {key: text(f"demo.column.{key}", lang) for key in COLUMNS}


def row(placed: Placed, lang: str) -> dict[str, str]:
    """Give one call as cells by column."""
    return {
        "kind": text(f"demo.kind.{placed.kind.key}", lang),
        "numbers": _numbers(placed.kind),
        "expected": f"{_words(placed.kind.expected, lang)} {_status(placed.kind.expected.status)}",
        "verdict": _recorded(placed.seen, lang),
        "rules": ", ".join(placed.rules),
        "status": _status(placed.ending.status),
        "good": "OK" if placed.good else "✗",
    }


def _numbers(kind: Kind) -> str:
    """Every calling number of the call, as it stands on the wire."""
    values = [kind.sender, *(value for _, value in kind.claims)]
    users = [value.partition("sip:")[2].partition("@")[0] for value in values]
    shown = kind.sender.partition("<")[0].strip()
    return " ".join([shown, *users] if shown else users)


def _status(status: int) -> str:
    return "–" if status == SILENCE else str(status)


def _recorded(seen: Expected | None, lang: str) -> str:
    """The verdict, and how the call was signed on its way."""
    words = _words(seen, lang)
    return text("demo.signed", lang, verdict=words, level=seen.signed) if seen is not None and seen.signed else words


def _words(expected: Expected | None, lang: str) -> str:
    if expected is None:
        return text("demo.no_record", lang)
    monitored = not expected.enforced and expected.verdict != "pass"
    return text(f"demo.verdict.{'would_' * monitored}{expected.verdict}", lang)
