"""Reads a directory file and its CSV lists into a Directory: all of it, or every problem at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path, PurePosixPath
from typing import Any, TypeGuard

from proxy.call.directory import Directory, DirectoryBuilder, Overlap
from proxy.call.trunk import Customer, DialPlan, IdentityTerms, RuleAction, Trunk, TrunkLimits
from proxy.settings.directory_model import Allocation, CustomerEntry, DirectoryFile, TrunkEntry
from proxy.settings.load import open_document, policy_problems, report_document, validate
from proxy.settings.problems import Problem, ProblemList, nearest
from proxy.settings.yaml_strict import Document, dotted
from proxy.settings.yaml_strict import Path as Key
from proxy.sources.allocations_csv import read_file


@dataclass(frozen=True, slots=True)
class Examined:
    """
    A directory that was read, and what is worth knowing about how it was written.

    `ends` counts the allocations of each trunk by their last day; `places` says where each trunk stands.
    """

    directory: Directory
    ends: Mapping[str, Mapping[date | None, int]]
    places: Mapping[str, tuple[str, int, int, str]]  # trunk id -> file, line, column, key


def load_directory(path: Path, *, country: str, emergency: frozenset[str], rules: Collection[str]) -> Directory:
    """
    Read a directory file.

    Args:
        path: The YAML file; CSV files that it names lie beside or below it.
        country: Country code of trunks whose dial plan says none.
        emergency: Emergency numbers, for every dial plan.
        rules: Names of rules and families that a trunk's policy may use.

    Raises ConfigError with every problem of all files.
    """
    found = ProblemList()
    examined = examine_directory(path, found, country=country, emergency=emergency, rules=rules)
    found.check()
    assert examined is not None  # noqa: S101 - a directory that is not there is a problem
    return examined.directory


def examine_directory(
    path: Path, found: ProblemList, *, country: str, emergency: frozenset[str], rules: Collection[str]
) -> Examined | None:
    """Read a directory file as `load_directory` does; None, and its problems in `found`, when it is wrong."""
    before = found.total
    document = open_document(path)
    if not report_document(document, found):
        return None
    reading = _Reading(path, document, found, country, emergency, rules)
    reading.read()
    return reading.build() if found.total == before else None


def shrinks_too_far(old_total: int, new_total: int, max_shrink: float) -> bool:
    """Whether going from so many numbers to so many loses more than a share (0 to 1) of them."""
    return old_total - new_total > old_total * max_shrink


@dataclass(slots=True)
class _Reading:
    """One pass through a directory file."""

    path: Path
    document: Document
    found: ProblemList
    country: str
    emergency: frozenset[str]
    rules: Collection[str]
    builder: DirectoryBuilder = field(default_factory=DirectoryBuilder)
    customers: dict[str, Customer] = field(default_factory=dict)
    trunks: dict[str, tuple[int, Trunk]] = field(default_factory=dict)
    ends: dict[str, Counter[date | None]] = field(default_factory=dict)

    def read(self) -> None:
        """Look at every entry, sound or not, and collect what is sound."""
        data = self.document.data
        shape = (
            {key: [] if isinstance(value, list) else value for key, value in data.items()} if _is_map(data) else data
        )
        validate(DirectoryFile, self.document, self.found, shape)
        customers, trunks = (_items(data, key) for key in ("customers", "trunks"))
        for index, raw in enumerate(customers):
            self._customer(index, raw)
        known = {raw.get("id") for raw in customers if _is_map(raw)}
        for index, raw in enumerate(trunks):
            self._trunk(index, raw, known)
        if _is_map(data) and data.get("trunks") == []:
            self._note(("trunks",), "directory.no_trunk")
        self._check_sources()

    def build(self) -> Examined | None:
        """Make the directory of what was collected."""
        try:
            directory = self.builder.build()
        except Overlap as overlap:
            line, column = self.document.positions.key(("trunks",))
            for first, last, one, other in overlap.conflicts:
                values = {"first": first, "last": last, "one": one, "other": other}
                self.found.add(Problem(self.document.file, line, column, "trunks", "directory.overlap", values))
            return None
        for index, trunk in self.trunks.values():
            held = any(grant.trunk_id == trunk.id for grant in directory.grants(trunk.pilot_number))
            if trunk.pilot_number and not held:
                self._note(("trunks", index, "pilot_number"), "directory.pilot", value=trunk.pilot_number)
        return Examined(directory, self.ends, {id_: self._place(("trunks", i)) for id_, (i, _) in self.trunks.items()})

    def _place(self, key: Key) -> tuple[str, int, int, str]:
        line, column = self.document.positions.value(key)
        return self.document.file, line, column, dotted(key)

    def _note(self, key: Key, message: str, **values: object) -> None:
        self.found.add(Problem(*self._place(key), message, values))

    def _customer(self, index: int, raw: object) -> None:
        key = ("customers", index)
        entry = validate(CustomerEntry, self.document, self.found, raw, key)
        if entry is None:
            return
        if entry.id in self.customers:
            first = list(self.customers).index(entry.id)
            self._note((*key, "id"), "directory.duplicate", id=entry.id, first=f"customers[{first}]")
            return
        self.customers[entry.id] = Customer(entry.id, entry.name, entry.state == "suspended")
        self.builder.add_customer(self.customers[entry.id])

    def _trunk(self, index: int, raw: object, customers: Collection[object]) -> None:
        key = ("trunks", index)
        allocations = raw.get("allocations") if _is_map(raw) else None
        # each allocation is looked at by itself, so that one wrong number hides nothing else
        rest = raw | {"allocations": []} if _is_map(raw) and isinstance(allocations, list) else raw
        entry = validate(TrunkEntry, self.document, self.found, rest, key)
        self.found.add(
            *policy_problems(self.document, raw.get("policy") if _is_map(raw) else None, (*key, "policy"), self.rules)
        )
        trunk_id = entry.id if entry is not None else ""
        if entry is not None:
            self._add_trunk(index, entry, customers)
        for place, each in enumerate(allocations if isinstance(allocations, list) else ()):
            self._allocation(trunk_id, (*key, "allocations", place), each)

    def _add_trunk(self, index: int, entry: TrunkEntry, customers: Collection[object]) -> None:
        key = ("trunks", index)
        if entry.id in self.trunks:
            first = f"trunks[{self.trunks[entry.id][0]}]"
            self._note((*key, "id"), "directory.duplicate", id=entry.id, first=first)
            return
        if entry.customer not in customers:
            near = nearest(entry.customer, self.customers)
            self._note((*key, "customer"), "directory.no_customer", id=entry.customer, near=near)
        customer = self.customers.get(entry.customer, Customer(entry.customer))
        trunk = _trunk(entry, customer, self.country, self.emergency)
        self.trunks[entry.id] = (index, trunk)
        self.ends[entry.id] = Counter()
        self.builder.add_trunk(trunk)

    def _allocation(self, trunk_id: str, key: Key, raw: object) -> None:
        entry = validate(Allocation, self.document, self.found, raw, key)
        if entry is None:
            return
        rest = (entry.valid_from, entry.valid_to, entry.purpose, entry.proof)
        if entry.csv is not None:
            self._csv(trunk_id, key, entry)
            return
        self.ends.setdefault(trunk_id, Counter())[entry.valid_to] += 1
        if entry.prefix is not None:
            self.builder.add_prefix(trunk_id, entry.prefix, *rest)
        else:
            first = entry.number or entry.first or ""
            self.builder.add(trunk_id, first, entry.last or first, *rest)

    def _csv(self, trunk_id: str, key: Key, entry: Allocation) -> None:
        """Add the rows of a CSV file; what a row leaves empty is taken from the entry."""
        name = entry.csv or ""
        parts = PurePosixPath(name).parts
        if not parts or name.startswith("/") or ".." in parts or "\0" in name:
            self._note((*key, "csv"), "directory.csv_path", value=name)
            return
        file = self.path.parent / name
        ends, add = self.ends.setdefault(trunk_id, Counter()), self.builder.add
        for first, last, begin, end, purpose, proof in read_file(file, str(file), self.found):
            until = end or entry.valid_to
            add(
                trunk_id,
                first,
                last,
                begin or entry.valid_from,
                until,
                purpose or entry.purpose,
                proof or entry.proof,
            )
            ends[until] += 1

    def _check_sources(self) -> None:
        for (index, place, source), (trunk, other) in _ambiguous(self.trunks.values()):
            values = {"value": source, "other": other, "trunk": trunk}
            self._note(("trunks", index, "sources", place), "directory.sources", **values)


def _is_map(data: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(data, dict)


def _items(data: object, key: str) -> list[Any]:
    items = data.get(key) if _is_map(data) else None
    return items if isinstance(items, list) else []


def _trunk(entry: TrunkEntry, customer: Customer, country: str, emergency: frozenset[str]) -> Trunk:
    """An entry as a trunk. Its mappings are plain dicts: a reload sends the directory between processes."""
    plan = entry.dial_plan
    return Trunk(
        id=entry.id,
        customer=customer,
        role=entry.role,
        screening=entry.screening,
        sources=tuple(dict.fromkeys(entry.sources)),
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


def _ambiguous(trunks: Iterable[tuple[int, Trunk]]) -> Iterator[tuple[tuple[int, int, str], tuple[str, str]]]:
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
