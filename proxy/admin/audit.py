"""The audit of trunks (定期排查): which of them should be looked at, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from proxy.call.directory import Directory, Grant
from proxy.call.trunk import RuleAction, Trunk
from proxy.checks.policy import effective
from proxy.store.index_report import Counts, Sums
from proxy.store.standing import Standing


@dataclass(frozen=True, slots=True)
class Terms:
    """
    What the trunks are held against: the node's policy and mode, the day, and how many days a trunk may be in monitor
    mode. `standing` is what a database knows beyond the directory; None where it is a file.
    """

    policy: Mapping[str, RuleAction]
    mode: str
    today: date
    monitor_days: int = 30
    standing: Standing | None = None


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing about a trunk: its code (report.audit.<code> in the catalogue), and the values of its text."""

    trunk: str
    customer: str
    code: str
    values: Mapping[str, Any]


def audit(directory: Directory, sums: Sums, terms: Terms, trunk: str = "", customer: str = "") -> list[Remark]:
    """What there is to say of each trunk, of one, or of those of a customer; nothing of one that is as it should be."""
    remarks: list[Remark] = []
    for each in sorted(directory.trunks.values(), key=lambda item: item.id):
        if each.role != "core" and trunk in ("", each.id) and customer in ("", each.customer.id):
            counts = sums.trunks.get((each.id, each.customer.id), Counts())
            found = (*_admission(each, terms), *_numbers(directory, each, terms), *_use(each, counts, terms))
            remarks += [Remark(each.id, each.customer.id, code, values) for code, values in found]
    return remarks


def _admission(trunk: Trunk, terms: Terms) -> Iterator[tuple[str, dict[str, Any]]]:
    """What is wrong with the papers of a trunk and of its customer."""
    states = {row["customer"]: row["state"] for row in terms.standing.customers} if terms.standing is not None else {}
    state = states.get(trunk.customer.id, "suspended" if trunk.customer.suspended else "active")
    if state != "active":
        yield "customer_state", {"state": state}
    if trunk.suspended:
        yield "suspended", {}
    if trunk.valid_to is not None and trunk.valid_to < terms.today:
        yield "expired", {"day": trunk.valid_to.isoformat()}
    elif trunk.valid_to is not None and (trunk.valid_to - terms.today).days <= 30:
        yield "ending", {"day": trunk.valid_to.isoformat()}
    if terms.standing is not None:
        for owner, kind, _, day in terms.standing.ending:
            if kind == "customer" and owner == trunk.customer.id:
                yield "customer_ending", {"day": day}


def _numbers(directory: Directory, trunk: Trunk, terms: Terms) -> Iterator[tuple[str, dict[str, Any]]]:
    """Numbers without proof, over, or soon to be."""
    standing, today = terms.standing, terms.today
    if standing is not None:
        if unproved := standing.unproved.get(trunk.id):
            yield "unproved", {"count": unproved}
        if expired := standing.expired.get(trunk.id):
            yield "numbers_expired", {"count": expired}
        days = [day for _, kind, subject, day in standing.ending if kind == "numbers" and subject == trunk.id]
        if days:
            yield "numbers_ending", {"day": min(days)}
        return
    held: list[Grant] = [grant for grants in directory.sets for grant in grants if grant.trunk_id == trunk.id]
    if any(not grant.proof for grant in held):
        yield "unproved", {"count": sum(not grant.proof for grant in held)}
    ends = [grant.valid_to for grant in held if grant.valid_to is not None]
    if any(end < today for end in ends):
        yield "numbers_expired", {"count": sum(end < today for end in ends)}
    if any(0 <= (end - today).days <= 30 for end in ends):
        yield "numbers_ending", {"day": min(end for end in ends if end >= today).isoformat()}


def _use(trunk: Trunk, counts: Counts, terms: Terms) -> Iterator[tuple[str, dict[str, Any]]]:
    """How a trunk is used and judged."""
    if not counts.calls:
        yield "idle", {}
    if (trunk.mode or terms.mode) == "monitor":
        since = terms.standing.since.get(trunk.id, "") if terms.standing is not None and trunk.mode else ""
        days = (terms.today - date.fromisoformat(since)).days if since else None
        if days is None or days > terms.monitor_days:
            yield ("monitor" if days is None else "monitor_since"), {"since": since, "days": days}
    chosen, usual = effective(terms.policy, trunk.policy), effective({}, {})
    weak = [
        f"{rule} → {chosen[rule].action}"
        for rule in usual
        if usual[rule].action == "reject" and chosen[rule].action in ("ignore", "tag")
    ]
    if weak:
        yield "open", {"rules": ", ".join(weak)}
