"""What the entries of a directory mean, wherever they are kept: in a file or in a database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from ipaddress import IPv4Network, IPv6Network, ip_network

from proxy.call.directory import Directory
from proxy.call.trunk import Customer, DialPlan, IdentityTerms, RuleAction, Trunk, TrunkLimits
from proxy.settings.directory_model import TrunkEntry


@dataclass(frozen=True, slots=True)
class Examined:
    """
    A directory that was read, and what is worth knowing about how it was written.

    `ends` counts the allocations of each trunk by their last day; `places` says where each trunk stands.
    """

    directory: Directory
    ends: Mapping[str, Mapping[date | None, int]]
    places: Mapping[str, tuple[str, int, int, str]]  # trunk id -> file, line, column, key


def trunk_of(entry: TrunkEntry, customer: Customer, country: str, emergency: frozenset[str]) -> Trunk:
    """An entry as a trunk. Its mappings are plain dicts: a reload sends the directory between processes."""
    plan = entry.dial_plan
    return Trunk(
        id=entry.id,
        customer=customer,
        role=entry.role,
        screening=entry.screening,
        sources=tuple(dict.fromkeys(entry.sources)),
        tls_names=entry.tls_names,
        gateway=entry.gateway,
        tgrp=entry.tgrp,
        mode=entry.mode,
        suspended=entry.state == "suspended",
        pilot_number=entry.pilot_number or "",
        dial_plan=DialPlan(plan.country or country, plan.area, plan.strip, dict(plan.prefixes), emergency),
        valid_from=entry.valid.start,
        valid_to=entry.valid.end,
        policy={name: RuleAction(each.action, each.status) for name, each in entry.policy.items()},
        identity=IdentityTerms(
            entry.identity.verify, entry.identity.min_attestation, entry.identity.on_error, entry.identity.sign
        ),
        limits=TrunkLimits(**entry.limits.model_dump()),
    )


def ambiguous(trunks: Iterable[tuple[int, Trunk]]) -> Iterator[tuple[tuple[int, int, str], tuple[str, str]]]:
    """
    Find networks that overlap one of another trunk with the same trunk group.

    Two networks are either disjoint or one inside the other, so that a sweep needs only the stack of networks
    around the present one. Gives (index of the trunk, of the source, source), (the other trunk, its source).
    """
    placed = [
        (ip_network(source), index, place, trunk)
        for index, trunk in trunks
        for place, source in enumerate(trunk.sources)
    ]
    placed.sort(key=lambda each: (each[0].version, int(each[0].network_address), each[0].prefixlen, each[1]))
    around: list[tuple[IPv4Network | IPv6Network, int, int, Trunk]] = []
    for each in placed:
        network, index, place, trunk = each
        while around and not _inside(network, around[-1][0]):
            around.pop()
        for outer, outer_index, outer_place, other in around:
            if other.id != trunk.id and other.tgrp == trunk.tgrp:
                if outer_index < index:
                    yield (index, place, str(network)), (other.id, str(outer))
                else:
                    yield (outer_index, outer_place, str(outer)), (trunk.id, str(network))
                break
        around.append(each)


def _inside(network: IPv4Network | IPv6Network, outer: IPv4Network | IPv6Network) -> bool:
    return network.version == outer.version and network.network_address in outer
