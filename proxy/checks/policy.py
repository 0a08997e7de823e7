"""What is done about each rule: the defaults, what the node changes, and what a trunk changes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from proxy.call.trunk import IdentityTerms, OnError, RuleAction

DEFAULTS: Final[Mapping[str, RuleAction]] = MappingProxyType(
    {
        "trunk.unknown": RuleAction("reject", 403),
        "trunk.suspended": RuleAction("reject", 403),
        "trunk.expired": RuleAction("reject", 403),
        "caller.missing": RuleAction("reject", 403),
        "caller.malformed": RuleAction("reject", 403),
        "caller.not_allocated": RuleAction("reject", 403),
        "caller.conflict": RuleAction("reject", 403),
        "caller.display_name": RuleAction("reject", 403),
        "caller.anonymous": RuleAction("reject", 433),
        "caller.dno": RuleAction("reject", 403),
        "caller.redirected": RuleAction("reject", 403),
        "identity.missing": RuleAction("reject", 428),
        "identity.stale": RuleAction("reject", 403),
        "identity.unreachable": RuleAction("tag", 436),
        "identity.untrusted": RuleAction("reject", 437),
        "identity.revoked": RuleAction("reject", 437),
        "identity.not_authorised": RuleAction("reject", 437),
        "identity.invalid": RuleAction("reject", 438),
        "identity.mismatch": RuleAction("reject", 438),
        "identity.replayed": RuleAction("reject", 438),
        "identity.attestation": RuleAction("reject", 403),
        "callee.no_consent": RuleAction("ignore", 403),
        "traffic.rate": RuleAction("reject", 503),
        "traffic.concurrent": RuleAction("reject", 503),
    }
)
RULES: Final = tuple(DEFAULTS)
FAMILIES: Final = tuple(dict.fromkeys(rule.partition(".")[0] for rule in RULES))
# Strangers have no trunk and no policy: trunk.unknown can be neither passed nor tagged.
NAMES: Final = frozenset(RULES) - {"trunk.unknown"} | frozenset(FAMILIES)
# Nothing is proved where these are found: what follows is said for them alone, not for their family.
UNPROVED: Final = frozenset({"identity.unreachable"})
# What is cured by showing the trunk's pilot number instead. A false display name is not a number, and with whom a call
# of an unknown, suspended or overloaded trunk begins does not matter; a signed identity is either right or wrong.
REPLACEABLE: Final = frozenset(RULES) & {
    "caller.missing",
    "caller.malformed",
    "caller.not_allocated",
    "caller.conflict",
    "caller.anonymous",
    "caller.dno",
    "caller.redirected",
}
_ON_ERROR: Final[Mapping[OnError, RuleAction]] = MappingProxyType(
    {"pass": RuleAction("tag"), "reject": RuleAction("reject")}
)


def effective(
    node: Mapping[str, RuleAction],
    trunk: Mapping[str, RuleAction],
    on_error: OnError = "pass",
    *,
    replaces: bool = True,
) -> Mapping[str, RuleAction]:
    """
    The action of every rule: a rule's own entry beats its family's, and a trunk's entries beat the node's.

    An entry without a status keeps the rule's default status. `on_error` is what follows where nothing is proved.
    Where nothing can be replaced, for it is no customer's trunk (`replaces`) or no such rule, `replace` rejects.
    """
    chosen: dict[str, RuleAction] = {}
    for rule, default in DEFAULTS.items():
        family = rule.partition(".")[0]
        if rule in UNPROVED:
            entry = trunk.get(rule) or node.get(rule) or _ON_ERROR[on_error]
        else:
            entry = trunk.get(rule) or trunk.get(family) or node.get(rule) or node.get(family) or default
        kept = entry.action != "replace" or (replaces and rule in REPLACEABLE)
        chosen[rule] = RuleAction(entry.action if kept else "reject", entry.status or default.status)
    return chosen


def agreed(node: IdentityTerms, trunk: IdentityTerms) -> IdentityTerms:
    """The terms of a trunk: its own, and the node's where it says nothing."""
    return IdentityTerms(
        trunk.verify or node.verify or "off",
        (node.min_attestation or "") if trunk.min_attestation is None else trunk.min_attestation,
        trunk.on_error or node.on_error or "pass",
        bool(node.sign) if trunk.sign is None else trunk.sign,
    )
