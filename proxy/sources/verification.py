"""Verifies the signed identities of calls: at once with certificates in memory, else after they have been fetched."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from time import monotonic
from typing import Final

from proxy.call.model import Call
from stirshaken import claims, numbers, verify
from stirshaken.certificate import Validated
from stirshaken.certificates import Certificates
from stirshaken.claims import SignedCall
from stirshaken.doubt import Doubt, outcome
from stirshaken.errors import MalformedError
from stirshaken.findings import Check, Finding, Result, Rule
from stirshaken.replay import Replays
from stirshaken.repository import Statistics
from stirshaken.verify import Identity, Reading, Verification

DEADLINE: Final = "deadline"  # why there is no certificate: the call could not wait for it any longer
IN_DOUBT: Final = "our own clock or anchors are in doubt"
RETIRED_SECONDS: Final = 11.0  # longer than the longest deadline: who waits for a verifier has an answer by then
UNASKED: Final = "not in memory, and the call does not wait"


@dataclass(frozen=True, slots=True)
class Question:
    """
    What is to be verified: Identity `values` against what is known of the call. A token that has come with another
    `key` is a replay; one for none of `called` was made for somebody else and led here by a diversion. `owner` is
    who makes us fetch certificates.
    """

    values: Sequence[bytes | Reading]
    signed: SignedCall
    attestation: str
    key: bytes
    called: tuple[str, ...]
    owner: str


class Verifier:
    """
    The verification service of a node (RFC 8224 §6.2).

    `clock` gives epoch seconds, `steady` seconds of a clock that does not jump; `max_age` and `deadline` are in
    seconds. Tokens that were found valid are remembered while they are fresh, so that the same one on another call is
    known.
    """

    def __init__(
        self,
        certificates: Certificates,
        clock: Callable[[], float],
        *,
        max_age: float,
        deadline: float,
        spc_suffices: bool,
        replays: Replays | None = None,
        steady: Callable[[], float] = monotonic,
    ) -> None:
        self._certificates = certificates
        self._clock = clock
        self._max_age = max_age
        self._deadline = deadline
        self._spc_suffices = spc_suffices
        self._steady = steady
        self._doubt = Doubt(max_age)
        self.replays = Replays() if replays is None else replays

    @property
    def statistics(self) -> Statistics:
        """Of fetches, for metrics."""
        return self._certificates.statistics

    def at_once(self, call: Call, signed: SignedCall, attestation: str) -> Verification | None:
        """The verdict on a call's identities; None where a certificate has to be fetched. Never waits."""
        now = self._clock()
        known: dict[str, Validated | str] = {}
        question = _question(call, signed, attestation)
        for url in verify.needs(question.values):
            found = self._certificates.lookup(url, now)
            if found is None:
                if not call.emergency:
                    return None
                found = UNASKED
            known[url] = found
        return self._verified(question, known)

    async def in_time(self, call: Call, signed: SignedCall, attestation: str) -> Verification:
        """The verdict after certificates have been fetched, or the deadline has passed; a late fetch goes on."""
        return await self.answer(_question(call, signed, attestation))

    async def answer(self, question: Question) -> Verification:
        """As `in_time`, for what is no call of this node."""
        now = self._clock()
        urls = verify.needs(question.values)
        known: dict[str, Validated | str] = dict.fromkeys(urls, DEADLINE)

        async def fetch(url: str) -> None:
            try:
                known[url] = await self._certificates.get(url, now, question.owner)
            except Exception as error:  # noqa: BLE001  # a defect of ours must not decide a call
                known[url] = f"failed: {type(error).__name__}"

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._deadline), asyncio.TaskGroup() as group:
                for url in urls:
                    group.create_task(fetch(url))
        return self._verified(question, known)

    async def aclose(self) -> None:
        """End all fetches."""
        await self._certificates.aclose()

    def _verified(self, question: Question, known: Mapping[str, Validated | str]) -> Verification:
        now = self._clock()
        found = verify.verify(
            question.signed,
            question.values,
            known,
            now,
            self._max_age,
            attestation=question.attestation,
            spc_suffices=self._spc_suffices,
        )
        found = self._trusting_ourselves(question.owner, found, now)
        if found.result is not Result.PASSED:
            return found
        identities = tuple(self._unused(question, each, now) for each in found.identities)
        return found if identities == found.identities else verify.combined(_led_here(question.called, identities))

    def _trusting_ourselves(self, owner: str, found: Verification, now: float) -> Verification:
        """
        Note what the tokens tell of our own clock and anchors. Where these are in doubt, because tokens went bad on
        all trunks at once, what they prove is nothing: those identities are open, and no calls are rejected for it.
        """
        at = self._steady()
        for each in found.identities:
            told = None if each.ignored else outcome(each, now)
            if told is not None:
                self._doubt.note(owner, told[0], at, told[1])
        doubted = {rule for rule, doubts in self._doubts(at).items() if doubts}
        if not doubted or found.result is not Result.FAILED:
            return found
        return verify.combined(tuple(_opened(each, doubted) for each in found.identities))

    def doubts(self) -> dict[str, bool]:
        """Whether our own `clock` and `anchors` are in doubt, for alarms."""
        doubted = self._doubts(self._steady())
        return {"clock": doubted[Rule.STALE], "anchors": doubted[Rule.UNTRUSTED]}

    def _doubts(self, at: float) -> dict[Rule, bool]:
        return {
            Rule.STALE: self._doubt.stale_in_doubt(at),
            Rule.UNTRUSTED: self._doubt.untrusted_in_doubt(at),
        }

    def _unused(self, question: Question, identity: Identity, now: float) -> Identity:
        """
        The identity, failed where another call has brought its token (RFC 8224 §12.1). One that was made for
        somebody else, and led here by a diversion, has been here on the way to them.
        """
        if identity.ignored or identity.result is not Result.PASSED or not _is_for(identity, question.called):
            return identity
        until = float(identity.claims.get("iat", now)) + self._max_age
        finding = self.replays.take(identity.signature, question.key, until, now)
        return identity if finding is None else _failed(identity, finding)


def _opened(identity: Identity, doubted: AbstractSet[Rule]) -> Identity:
    """An identity as it is where nothing but what is in doubt speaks against it: not every check could be made."""
    rules = {finding.rule for finding in identity.findings}
    if not rules or not rules <= doubted:
        return identity
    checks = tuple(
        replace(check, ok=None, detail=f"{IN_DOUBT}: {check.detail}") if check.ok is False else check
        for check in identity.checks
    )
    return replace(identity, result=Result.UNKNOWN, findings=(), checks=checks)


class Retired:
    """Verifiers that are asked nothing new; each is closed when those who still wait for it have had their time."""

    def __init__(self) -> None:
        self._closing: set[asyncio.Task[None]] = set()

    def add(self, verifier: Verifier | None) -> None:
        """Close a verifier later."""
        if verifier is not None:
            task = asyncio.get_running_loop().create_task(_close_later(verifier))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def aclose(self) -> None:
        """Close them now."""
        for task in self._closing:
            task.cancel()
        await asyncio.gather(*self._closing, return_exceptions=True)


async def _close_later(verifier: Verifier) -> None:
    try:
        await asyncio.sleep(RETIRED_SECONDS)
    finally:
        await verifier.aclose()


def _question(call: Call, signed: SignedCall, attestation: str) -> Question:
    read = verify.read(call.identities)
    return Question(read, signed, attestation, key=call.call_id.encode(), called=(call.called,), owner=call.trunk.id)


def _is_for(identity: Identity, called: Sequence[str]) -> bool:
    """Whether a token names one who is called; each of `called` is E.164, a short number or a raw user part."""
    dest = identity.claims.get("dest")
    values = dest.get("tn", ()) if isinstance(dest, dict) else ()
    own = [numbers.canonical_number(each) for each in called]
    if None in own:
        return True  # called by a URI: the verification has compared it
    try:
        return any(numbers.of_claim("tn", value).value in own for value in values)
    except MalformedError:
        return False


def _led_here(called: Sequence[str], identities: tuple[Identity, ...]) -> tuple[Identity, ...]:
    """The identities, those for somebody else failed where each div token that led here is another call's."""
    links = [each for each in identities if each.ppt == claims.DIV and not each.ignored and _is_for(each, called)]
    replayed = [finding for link in links for finding in link.findings if finding.rule is Rule.REPLAYED]
    if not replayed or any(link.result is Result.PASSED for link in links):
        return identities
    return tuple(
        _failed(each, replayed[0])
        if each.ppt != claims.DIV and each.result is Result.PASSED and not _is_for(each, called)
        else each
        for each in identities
    )


def _failed(identity: Identity, finding: Finding) -> Identity:
    check = Check(str(Rule.REPLAYED), False, finding.detail)
    return replace(
        identity,
        result=Result.FAILED,
        findings=(*identity.findings, finding),
        checks=(*identity.checks, check),
    )
