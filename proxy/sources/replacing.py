"""Whether the trunks have what the policy wants to put in place of callers that are not theirs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from proxy.call.trunk import RuleAction, Trunk
from proxy.checks.policy import effective
from proxy.settings.model import Settings
from proxy.settings.problems import Problem, ProblemList
from proxy.store.entries import Examined


def find_unreplaceable(settings: Settings, examined: Examined, found: ProblemList) -> None:
    """Note trunks whose callers are to be replaced (action `replace`), and that have nothing to replace them by."""
    for trunk, rule in _replacing(settings, examined):
        place = examined.places.get(trunk.id)
        if place is None:
            continue
        file, line, column, key = place
        if trunk.role != "access":
            found.add(Problem(file, line, column, f"{key}.policy", "directory.replace_role", {"rule": rule}))
        elif not trunk.pilot_number:
            found.add(Problem(file, line, column, f"{key}.pilot_number", "directory.replace_pilot", {"rule": rule}))


def doubts(settings: Settings, examined: Examined, today: date) -> Iterator[tuple[str, str, dict[str, object]]]:
    """What is probably not meant: trunk, text and values."""
    for trunk, rule in _replacing(settings, examined):
        number = trunk.pilot_number
        if number and not examined.directory.allocated(trunk.id, number, today):
            yield trunk.id, "warning.pilot_ended", {"number": number, "rule": rule}
        if trunk.screening == "strict" and not settings.replacement.shows:
            yield trunk.id, "warning.from_stays", {"rule": rule}


def _replacing(settings: Settings, examined: Examined) -> Iterator[tuple[Trunk, str]]:
    """The trunks whose callers may be replaced, each with the first rule that does; of others what they say alone."""
    node = {name: RuleAction(entry.action, entry.status) for name, entry in settings.policy.items()}
    for trunk in examined.directory.trunks.values():
        chosen = effective(node if trunk.role == "access" else {}, trunk.policy)
        rule = next((rule for rule, entry in chosen.items() if entry.action == "replace"), "")
        if rule:
            yield trunk, rule
