"""The certificates of those who sign calls: fetched, judged by what the operator trusts, kept with the verdict."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import inf
from typing import Final, Self, TypeAlias

from cryptography import x509

from stirshaken import crl
from stirshaken.certificate import Anchors, Validated, load_chain, validate
from stirshaken.crl import RevocationList
from stirshaken.findings import Check, Result
from stirshaken.references import Fetch, Options, References, Referred, needed
from stirshaken.repository import CLOSED, ROUNDING, Bounds, Entry, Repository, Statistics

Chain: TypeAlias = tuple[x509.Certificate, ...]

__all__ = ["Certificates", "Options", "Trust"]

_BOUNDS: Final = Bounds()
_OPTIONS: Final = Options()
_NO_LIST: Final = Check(crl.NAME, None, "there is no revocation list")


@dataclass(frozen=True, slots=True)
class Trust:
    """
    What an operator trusts: anchors, the revocation lists that came from files, and who besides the issuers may sign
    lists that are fetched (the STI-PA).
    """

    anchors: Anchors
    crls: tuple[RevocationList, ...] = ()
    crl_signers: tuple[x509.Certificate, ...] = ()


@dataclass(frozen=True, slots=True)
class _Verdict:
    """`until` it holds; from `again_at` on it is looked for anew while it is used. Epoch seconds."""

    validated: Validated
    chain: Chain
    referred: Referred
    until: float
    again_at: float


class Certificates:
    """
    What each x5u leads to.

    A chain is kept as HTTP says (stirshaken.repository), and its verdict as long, but not past the first notAfter
    in it nor the nextUpdate of a list. A chain whose verdict is not "passed" is forgotten after `bounds.lasting`
    seconds: its owner may put a better one there. All calls that ask for one x5u wait for one fetch and one verdict.

    Args:
        fetch: Fetcher.fetch or its like, for chains.
        trust: What to judge by; `replace` changes it.
        clock: Gives epoch seconds.
        bounds: Of the chains.
        fetch_list: As `fetch`, for what chains refer to: one that takes larger bodies, and http where that is wanted.
        options: How revocation is looked into.
    """

    def __init__(
        self,
        fetch: Fetch,
        trust: Trust,
        clock: Callable[[], float],
        bounds: Bounds = _BOUNDS,
        *,
        fetch_list: Fetch | None = None,
        options: Options = _OPTIONS,
    ) -> None:
        self._trust = trust
        self._clock = clock
        self._bounds = bounds
        self._options = options
        self._chains: Repository[Chain] = Repository(fetch, _load, bounds)
        self._references = References(fetch_list or fetch, clock)
        self._passed: OrderedDict[str, _Verdict] = OrderedDict()
        self._others: OrderedDict[str, _Verdict] = OrderedDict()  # apart, so that they drive out no good one
        self._flights: dict[str, tuple[Chain, asyncio.Task[_Verdict]]] = {}

    @property
    def statistics(self) -> Statistics:
        """Of fetches and look-ups of chains, for metrics."""
        return self._chains.statistics

    @property
    def list_statistics(self) -> Statistics:
        """Of fetches and look-ups of revocation lists, for metrics."""
        return self._references.statistics

    def lookup(self, url: str, now: float) -> Validated | str | None:
        """What is in memory: a verdict, or why there is none; None where it has to be waited for. Never waits."""
        entry = self._chains.lookup(url, now)
        if entry is None:
            return None
        if entry.value is None:
            return str(entry.reason)
        verdict = self._known(url, entry.value, now)
        if verdict is None:
            return None
        if verdict.referred.moved(now) or now >= verdict.again_at or self._is_beyond(verdict.again_at, now):
            self._judging(url, entry, entry.value)
        return verdict.validated

    async def get(self, url: str, now: float, owner: str = "") -> Validated | str:
        """
        A verdict, or why there is none. `owner` is who made us ask (a trunk). Who stops waiting stops nothing that
        others wait for.
        """
        found = self.lookup(url, now)
        if found is not None:
            return found
        entry = await self._chains.get(url, now, owner)
        if entry.value is None:
            return str(entry.reason)
        verdict = self._known(url, entry.value, self._clock())
        if verdict is not None:
            return verdict.validated
        flight = self._judging(url, entry, entry.value)
        await asyncio.wait([flight])
        return CLOSED if flight.cancelled() else flight.result().validated

    def replace(self, trust: Trust) -> None:
        """Trust something else from now on: every verdict is made anew, of the chains that are in memory."""
        self._trust = trust
        self._passed.clear()
        self._others.clear()

    async def aclose(self) -> None:
        """End all fetches; who still waits is told so."""
        flights = [flight for _, flight in self._flights.values()]
        for flight in flights:
            flight.cancel()
        if flights:
            await asyncio.wait(flights)
        await self._references.aclose()
        await self._chains.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def _known(self, url: str, chain: Chain, now: float) -> _Verdict | None:
        """The verdict on a chain, while it holds."""
        verdict = self._passed.get(url) or self._others.get(url)
        if verdict is None or now >= verdict.until or not _is_same(chain, verdict.chain):
            return None
        if url in self._passed:
            self._passed.move_to_end(url)
        elif self._is_beyond(verdict.until, now):
            return None
        return verdict

    def _is_beyond(self, moment: float, now: float) -> bool:
        """Whether a moment that is soon is not: our clock was set back since."""
        return now + self._bounds.lasting + ROUNDING < moment < inf

    def _judging(self, url: str, entry: Entry[Chain], chain: Chain) -> asyncio.Task[_Verdict]:
        """Begin to judge a chain, unless that is under way."""
        known, flight = self._flights.get(url, (None, None))
        if flight is None or known is not chain:
            flight = asyncio.get_running_loop().create_task(self._judge(url, entry, chain), name="stirshaken.verdict")
            self._flights[url] = begun = chain, flight
            flight.add_done_callback(lambda _: self._flights.get(url) is begun and self._flights.pop(url))
        return flight

    async def _judge(self, url: str, entry: Entry[Chain], chain: Chain) -> _Verdict:
        """Judge a chain by what is trusted at the end, and keep the verdict."""
        while True:
            trust = self._trust
            now = self._clock()
            crls = trust.crls
            validated, referred = validate(chain, trust.anchors, now, crls), Referred()
            wanted = needed(validated, trust.crls, now, self._options)
            if wanted is not None:
                patience = None if self._options.require_revocation or wanted.numbers else self._options.patience
                referred = await self._references.obtain(wanted, now, patience)
                now = self._clock()
                fetched = tuple(replace(each, signers=trust.crl_signers) for each in referred.crls)
                crls = (*trust.crls, *fetched)
                validated = validate(chain, trust.anchors, now, crls, referenced=referred.numbers)
            if trust is self._trust:
                validated = self._weighed(validated, crls, now)
                return self._keep(url, entry, _Verdict(validated, chain, referred, inf, inf), now)

    def _weighed(self, validated: Validated, crls: Sequence[RevocationList], now: float) -> Validated:
        """Say what is not known of revocation, and whether it matters."""
        (check,) = [each for each in validated.checks if each.name == crl.NAME] or [_NO_LIST]
        if check.ok and _is_unlisted(validated.path, crls, now):
            check = Check(crl.NAME, None, "no revocation list of an issuer's issuer")
        if check.ok is None:
            check = replace(check, counts=self._options.require_revocation)
        others = (each for each in validated.checks if each.name != crl.NAME)
        return replace(validated, checks=(*others, check))

    def _keep(self, url: str, entry: Entry[Chain], verdict: _Verdict, now: float) -> _Verdict:
        ends = [verdict.validated.not_after, verdict.referred.until]
        lists = (*self._trust.crls, *verdict.referred.crls)
        ends += [each.next_update for each in lists if each.next_update is not None and each.next_update > now]
        soon = now + self._bounds.lasting
        passed = verdict.validated.result is Result.PASSED
        if not passed:  # for as long as that even where the end has passed, else every call would fetch it again
            self._chains.demote(url, entry, soon)
        verdict = replace(
            verdict, until=min(ends) if passed else soon, again_at=soon if verdict.referred.incomplete else inf
        )
        self._passed.pop(url, None)
        self._others.pop(url, None)
        kept, room = (self._passed, self._bounds.entries) if passed else (self._others, self._bounds.failures)
        kept[url] = verdict
        while len(kept) > room:
            kept.popitem(last=False)
        return verdict


def _is_unlisted(path: Chain, crls: Sequence[RevocationList], now: float) -> bool:
    """Whether a CA says where its list is, and no list speaks for it; `validate` looks at those that are there."""
    for certificate, issuer in list(pairwise(path))[1:]:
        check = crl.revocation(certificate, issuer, crls, now)
        if crl.distribution_points(certificate) and (check is None or check.ok is None):
            return True
    return False


def _is_same(chain: Chain, other: Chain) -> bool:
    """Whether two chains are one, fetched again perhaps."""
    return chain is other or chain == other


def _load(body: bytes) -> tuple[Chain, float]:
    chain = load_chain(body)
    return chain, chain[0].not_valid_after_utc.timestamp()
