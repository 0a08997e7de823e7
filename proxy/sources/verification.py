"""Verifies the signed identities of calls: at once with certificates in memory, else after they have been fetched."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from proxy.call.model import Call
from stirshaken import numbers, verify
from stirshaken.certificate import Validated
from stirshaken.certificates import Certificates
from stirshaken.claims import SignedCall
from stirshaken.errors import MalformedError
from stirshaken.findings import Check, Finding, Result, Rule
from stirshaken.replay import Replays
from stirshaken.repository import Statistics
from stirshaken.verify import Identity, Verification

DEADLINE: Final = "deadline"  # why there is no certificate: the call could not wait for it any longer
UNASKED: Final = "not in memory, and the call does not wait"


@dataclass(frozen=True, slots=True)
class Question:
    """
    What is to be verified: Identity `values` against what is known of the call. A token that has come with another
    `key` is a replay; one for none of `called` was made for somebody else and led here by a diversion. `owner` is
    who makes us fetch certificates.
    """

    values: tuple[bytes, ...]
    signed: SignedCall
    attestation: str
    key: bytes
    called: tuple[str, ...]
    owner: str


class Verifier:
    """
    The verification service of a node (RFC 8224 §6.2).

    `clock` gives epoch seconds; `max_age` and `deadline` are in seconds. Tokens that were found valid are remembered
    while they are fresh, so that the same one on another call is known.
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
    ) -> None:
        self._certificates = certificates
        self._clock = clock
        self._max_age = max_age
        self._deadline = deadline
        self._spc_suffices = spc_suffices
        self.replays = replays or Replays()

    @property
    def statistics(self) -> Statistics:
        """Of fetches, for metrics."""
        return self._certificates.statistics

    def at_once(self, call: Call, signed: SignedCall, attestation: str) -> Verification | None:
        """The verdict on a call's identities; None where a certificate has to be fetched. Never waits."""
        now = self._clock()
        known: dict[str, Validated | str] = {}
        for url in verify.needs(call.identities):
            found = self._certificates.lookup(url, now)
            if found is None:
                if not call.emergency:
                    return None
                found = UNASKED
            known[url] = found
        return self._verified(_question(call, signed, attestation), known)

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
        if found.result is not Result.PASSED:
            return found
        identities = tuple(self._unused(question, each, now) for each in found.identities)
        return found if identities == found.identities else verify.combined(identities)

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


def _question(call: Call, signed: SignedCall, attestation: str) -> Question:
    return Question(
        call.identities, signed, attestation, key=call.call_id.encode(), called=(call.called,), owner=call.trunk.id
    )


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


def _failed(identity: Identity, finding: Finding) -> Identity:
    check = Check(str(Rule.REPLAYED), False, finding.detail)
    return replace(
        identity,
        result=Result.FAILED,
        findings=(*identity.findings, finding),
        checks=(*identity.checks, check),
    )
