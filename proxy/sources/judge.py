"""The judge: gathers the facts of a call, gives its verdict, and says what the call carries on."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from proxy.call.directory import Directory
from proxy.call.model import Call
from proxy.call.trunk import IdentityTerms, Mode, RuleAction
from proxy.checks import identity, traffic, verdict
from proxy.checks.attestation import attestation, verstat
from proxy.checks.base import Facts, Marks, Verdict
from proxy.checks.replacement import leaving
from proxy.sources.signing import Authentication
from proxy.sources.verification import Verifier

OFF: Final = IdentityTerms("off", "", "pass", False)


@dataclass(frozen=True, slots=True)
class Rules:
    """What is asked of the calls of one trunk; `replaces_from`: a caller that is replaced is replaced in From too."""

    policy: Mapping[str, RuleAction]
    terms: IdentityTerms
    mode: Mode
    replaces_from: bool = False


class Judge:
    """
    Judges calls under one configuration. `rules` are by trunk id, `default` are those of a trunk that is not there
    any more; `today` gives the node's local day. Without `verifier` nothing is verified, without `signer` nothing
    is signed; `tells` is whether callers get a verstat.
    """

    def __init__(
        self,
        directory: Directory,
        rules: Mapping[str, Rules],
        default: Rules,
        today: Callable[[], date],
        verifier: Verifier | None = None,
        signer: Authentication | None = None,
        *,
        tells: bool = True,
    ) -> None:
        self._directory = directory
        self._rules = rules
        self._default = default
        self._today = today
        self._verifier = verifier
        self._signer = signer
        self._tells = tells
        self._day = today()
        self._facts: dict[str, Facts] = {}  # by trunk id: made once a day, not once a call

    def at_once(self, call: Call) -> Verdict | None:
        """The verdict, where every fact is in memory; None where one has to be fetched."""
        rules, facts = self._known(call)
        if self._verifier is not None and identity.looks(call, facts) and not _too_many(call, facts, rules):
            try:
                found = self._verifier.at_once(call, identity.asked(call, facts), rules.terms.min_attestation or "")
            except Exception:  # noqa: BLE001  # a defect of ours must not decide a call: the check is unavailable
                return self._judged(call, facts, rules)
            if found is None:
                return None
            facts = replace(facts, verification=found)
        return self._judged(call, facts, rules)

    async def in_time(self, call: Call) -> Verdict:
        """The verdict after facts have been fetched, or their time is over."""
        rules, facts = self._known(call)
        if self._verifier is not None and identity.looks(call, facts):
            with contextlib.suppress(Exception):  # as above
                asked, lowest = identity.asked(call, facts), rules.terms.min_attestation or ""
                facts = replace(facts, verification=await self._verifier.in_time(call, asked, lowest))
        return self._judged(call, facts, rules)

    def _known(self, call: Call) -> tuple[Rules, Facts]:
        """What is asked of a call, and the facts that all calls of its trunk share today."""
        rules = self._rules.get(call.trunk.id, self._default)
        day = self._today()
        if day != self._day:
            self._day = day
            self._facts.clear()
        facts = self._facts.get(call.trunk.id)
        if facts is None:
            asks = rules.policy["callee.no_consent"].action != "ignore"
            facts = self._facts[call.trunk.id] = Facts(self._directory, day, rules.terms, asks_consent=asks)
        return rules, facts

    def _judged(self, call: Call, facts: Facts, rules: Rules) -> Verdict:
        judged = verdict.judge(call, facts, rules.policy, rules.mode, replaces_from=rules.replaces_from)
        if judged.action == "reject" and judged.enforced:
            return judged
        given = judged.marks.replacement
        try:
            marks = self._marks(call if given is None else leaving(call, given), judged, facts)
        except Exception:  # noqa: BLE001  # as above; the record shows that nothing was signed
            return judged
        return judged if marks is judged.marks else replace(judged, marks=marks)

    def _marks(self, call: Call, judged: Verdict, facts: Facts) -> Marks:
        said = verstat(call, judged, facts) if self._tells else ""
        level = attestation(call, judged, facts) if self._signer is not None else ""
        if self._signer is None or not level:
            return replace(judged.marks, verstat=said) if said else judged.marks
        diverting = identity.diverting(call, facts) if call.identities else ()
        fields, attested = self._signer.fields(call, level, diverting)
        return Marks(fields, said, attested, judged.marks.replacement)


def _too_many(call: Call, facts: Facts, rules: Rules) -> bool:
    """Whether a call is one too many of its trunk and will be rejected for it: it costs no verification then."""
    if call.load is None or call.emergency or rules.mode != "block":
        return False
    return any(rules.policy[item.rule].action == "reject" for item in traffic.judge(call, facts).findings)
