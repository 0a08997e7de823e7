"""From the outcomes of all checks to the verdict: the one place that knows policy, mode and SIP answers."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from typing import Final

from proxy.call.model import Call
from proxy.call.trunk import Mode, RuleAction
from proxy.checks import CHAIN
from proxy.checks.base import UNMARKED, Answer, Check, Facts, Finding, Marks, Outcome, Result, Verdict
from proxy.checks.replacement import replacement
from stirshaken.verify import Verification

PHRASES: Final = {
    403: "Forbidden",
    404: "Not Found",
    428: "Use Identity Header",
    433: "Anonymity Disallowed",
    436: "Bad Identity Info",
    437: "Unsupported Credential",
    438: "Invalid Identity Header",
    480: "Temporarily Unavailable",
    503: "Service Unavailable",
    603: "Decline",
    607: "Unwanted",
    608: "Rejected",
}
# Q.850 causes (RFC 3326 §2): 21, call rejected; of a full trunk what a switch says that has no circuit left (34), or
# is too busy (42): gateways take another route for both, and 503 is their SIP status (RFC 3398 §8.2.6.1)
_CAUSE: Final = 21
_CAUSES: Final = {"traffic.rate": 42, "traffic.concurrent": 34}
# The codes of RFC 8224 §6.2.2, which a Reason with protocol STIR repeats (RFC 9410) whatever the answer is
STIR: Final = {
    "identity.missing": (428, "Use Identity Header"),
    "identity.stale": (403, "Stale Date"),
    "identity.unreachable": (436, "Bad Identity Info"),
    "identity.untrusted": (437, "Unsupported Credential"),
    "identity.revoked": (437, "Unsupported Credential"),
    "identity.not_authorised": (437, "Unsupported Credential"),
    "identity.invalid": (438, "Invalid Identity Header"),
    "identity.mismatch": (438, "Invalid Identity Header"),
    "identity.replayed": (438, "Invalid Identity Header"),
}


def judge(
    call: Call, facts: Facts, policy: Mapping[str, RuleAction], mode: Mode, *, replaces_from: bool = False
) -> Verdict:
    """
    Run every check on a call and say what follows. Total: a check that breaks is an outcome like any other.
    `replaces_from`: a caller that is replaced is replaced in From too.
    """
    results = tuple([(check.name, _run(check, call, facts)) for check in CHAIN])
    found = facts.verification
    broken = found is not None
    for _, result in results:
        broken = broken or bool(result.findings)
    if not broken:
        return Verdict("pass", True, mode, (), results)
    ignored = frozenset(rule for rule, entry in policy.items() if entry.action == "ignore")
    findings = tuple(finding for _, result in results for finding in result.findings if finding.rule not in ignored)
    stir = stir_reasons(findings, found, ignored)
    rejecting = replacing = None
    if not call.emergency:
        rejecting = next((item for item in findings if policy[item.rule].action == "reject"), None)
        replaced = tuple([item for item in findings if policy[item.rule].action == "replace"])
        if replaced and rejecting is None:
            replacing = replacement(call, facts, replaced, shows=replaces_from)
            rejecting = replaced[0] if replacing is None else None
    if replacing is not None:
        marks = Marks(replacement=replacing) if mode == "block" else UNMARKED
        return Verdict("replace", mode == "block", mode, findings, results, None, found, stir, marks)
    if rejecting is None:
        return Verdict("pass", True, mode, findings, results, None, found, stir)
    answer = answer_to(rejecting, policy[rejecting.rule], stir)
    return Verdict("reject", mode == "block", mode, findings, results, answer, found, "" if mode == "block" else stir)


def answer_to(finding: Finding, action: RuleAction, stir: str = "") -> Answer:
    """
    The SIP answer that a finding rejects a call with. Its Reason names the rule (RFC 3326), unless that has a cause
    of its own among those of the identities that failed (`stir`), which stand there too.
    """
    status = action.status or 403
    cause, phrase = STIR.get(finding.rule, (0, ""))
    named = [] if cause and stir else [f'Q.850;cause={_CAUSES.get(finding.rule, _CAUSE)};text="{finding.rule}"']
    reason = ", ".join([*named, stir] if stir else named)
    return Answer(status, phrase if cause == status else PHRASES.get(status, "Rejected"), reason)


def stir_reasons(findings: Iterable[Finding], found: Verification | None, ignored: frozenset[str] = frozenset()) -> str:
    """
    The Reason values of RFC 9410: one for each Identity that failed, by the first rule that it broke; its token in
    compact form (`ppi`) tells it from the others where there are several. Nobody is told of `ignored` rules.
    """
    first: dict[int, str] = {}
    for nth, identity in enumerate(found.identities if found is not None else (), 1):
        rules = (f"identity.{each.rule}" for each in identity.findings)
        rule = next((rule for rule in rules if rule in STIR and rule not in ignored), "")
        if rule:
            first[nth] = rule
    for finding in findings:
        if finding.rule in STIR and finding.nth == 0:
            first.setdefault(0, finding.rule)
    several = found is not None and len(found.identities) > 1
    return ", ".join(_stir_reason(rule, found, nth if several else 0) for nth, rule in first.items())


def _stir_reason(rule: str, found: Verification | None, nth: int) -> str:
    cause, text = STIR[rule]
    signature = found.identities[nth - 1].signature if found is not None and nth else b""
    ppi = f';ppi="..{urlsafe_b64encode(signature).rstrip(b"=").decode()}"' if signature else ""
    return f'STIR;cause={cause};text="{text}"{ppi}'


def _run(check: Check, call: Call, facts: Facts) -> Result:
    try:
        return check.judge(call, facts)
    except Exception as error:  # noqa: BLE001  # a defect of ours must not decide a call: unavailable, recorded, counted
        return Result(Outcome.UNAVAILABLE, cause=f"check-crashed: {type(error).__name__}")
