"""callee: who is called has agreed to be called by this customer."""

from __future__ import annotations

from proxy.call.directory import key_of
from proxy.call.model import Call
from proxy.checks.base import NOT_APPLICABLE, PASSED, Check, Facts, Finding, Outcome, Result

_EXPECTED = "a number that has consented to calls of this customer"


def judge(call: Call, facts: Facts) -> Result:
    """Find calls that nobody has agreed to, where a policy asks for consents; a call in progress is past that."""
    if not facts.asks_consent or call.trunk.role != "access" or call.in_dialog or call.emergency:
        return NOT_APPLICABLE
    if facts.directory.consents.given(key_of(call.called), call.trunk.customer.id, facts.today):
        return PASSED
    return Result(Outcome.FAILED, (Finding("callee.no_consent", "Request-URI", call.called, _EXPECTED),))


CHECK: Check = Check(
    name="callee",
    says="Whoever is called has consented to calls of the customer, where the trunk's policy asks for that.",
    source="全国人大常委会关于加强网络信息保护的决定（2012）第七条",
    judge=judge,
)
