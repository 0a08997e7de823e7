"""What is done about each rule: the defaults, what the node changes, and what a trunk changes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from proxy.call.trunk import RuleAction

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
        "caller.redirected": RuleAction("reject", 403),
    }
)
RULES: Final = tuple(DEFAULTS)
FAMILIES: Final = tuple(dict.fromkeys(rule.partition(".")[0] for rule in RULES))
# Strangers have no trunk and no policy: trunk.unknown can be neither passed nor tagged.
NAMES: Final = frozenset(RULES) - {"trunk.unknown"} | frozenset(FAMILIES)


def effective(node: Mapping[str, RuleAction], trunk: Mapping[str, RuleAction]) -> Mapping[str, RuleAction]:
    """
    The action of every rule: a rule's own entry beats its family's, and a trunk's entries beat the node's.

    An entry without a status keeps the rule's default status.
    """
    chosen: dict[str, RuleAction] = {}
    for rule, default in DEFAULTS.items():
        family = rule.partition(".")[0]
        entry = trunk.get(rule) or trunk.get(family) or node.get(rule) or node.get(family) or default
        chosen[rule] = RuleAction(entry.action, entry.status or default.status)
    return chosen
