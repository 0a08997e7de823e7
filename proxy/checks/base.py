"""The words that every check is written in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Final, Literal

from proxy.call.directory import Directory
from proxy.call.model import Call
from proxy.call.trunk import NO_TERMS, IdentityTerms, Mode
from stirshaken.verify import Verification

EVIDENCE: Final = 200  # characters of what a call says that a finding keeps


class Outcome(Enum):
    """How a check ended; only FAILED can reject a call."""

    PASSED = "passed"
    FAILED = "failed"
    UNAVAILABLE = "unavailable"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, slots=True)
class Finding:
    """
    One rule that the call breaks, with the evidence: where it stood, what stood there, what was expected. `nth` says
    which value of a field that may stand several times, from 1; 0 where it says nothing.
    """

    rule: str
    header: str = ""
    value: str = ""
    expected: str = ""
    nth: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of one check; `cause` says why a fact could not be had."""

    outcome: Outcome
    findings: tuple[Finding, ...] = ()
    cause: str = ""


PASSED = Result(Outcome.PASSED)
NOT_APPLICABLE = Result(Outcome.NOT_APPLICABLE)


@dataclass(frozen=True, slots=True)
class Facts:
    """
    What the checks of one call may know beside the call itself. `today` is the local day of the node; `terms` what
    its trunk's signed identities must prove; `verification` what became of them, None where they were not looked at;
    `asks_consent` whether callees must have agreed to the calls of its trunk.
    """

    directory: Directory
    today: date
    terms: IdentityTerms = NO_TERMS
    verification: Verification | None = None
    asks_consent: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """One rule family: a name, a sentence, its source, and a pure, total function."""

    name: str
    says: str
    source: str
    judge: Callable[[Call, Facts], Result]


@dataclass(frozen=True, slots=True)
class Answer:
    """The SIP answer of a rejection; `reason` is the value of its Reason field (RFC 3326), "" for none."""

    status: int
    phrase: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Replacement:
    """
    Whom a call shows in place of numbers that are not its trunk's: `number` (E.164) is its only asserted caller where
    `caller`, stands in From too where `shown`, and is its only diverting number where `diverted`. `hidden`: the call
    asked for privacy in a way that is lost with what is replaced, so it is asked for anew.
    """

    number: str
    caller: bool
    shown: bool
    diverted: bool
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Marks:
    """
    What a call that is passed on carries away from here: `fields` (name, value) that are added to it, a Date among
    them in place of its own; the `verstat` of its caller (3GPP TS 24.229 §7.2A.20), "" where nothing is said of it;
    the `attestation` level that it was signed with; the `replacement` of its caller, None where it keeps its own.
    """

    fields: tuple[tuple[str, str], ...] = ()
    verstat: str = ""
    attestation: str = ""
    replacement: Replacement | None = None


UNMARKED = Marks()


@dataclass(slots=True)  # not frozen: that makes it four times dearer, and nobody changes it
class Verdict:
    """
    What follows from the findings under the trunk's policy.

    `action` is what follows ("reject", "replace"), `enforced` whether it is acted on (mode block, no emergency);
    `answer` is the SIP answer of a rejection, enforced or not; `advice` the Reason that the sender of a call that
    passes is told of its failed identities (RFC 9410), "" for none.
    """

    action: Literal["pass", "reject", "replace"]
    enforced: bool
    mode: Mode
    findings: tuple[Finding, ...]
    results: tuple[tuple[str, Result], ...] = ()  # (check name, result), in the order they ran
    answer: Answer | None = None
    verification: Verification | None = None
    advice: str = ""
    marks: Marks = UNMARKED
