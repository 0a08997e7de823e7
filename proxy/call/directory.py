"""The directory that calls are held against: who owns which number, in sorted arrays; built once, never changed."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from itertools import islice
from types import MappingProxyType
from typing import Final, TypeAlias

from proxy.call.barred import NO_BARS, Bar, Barred, barred_of
from proxy.call.consents import NO_CONSENTS, Consents, consents_of
from proxy.call.ranges import Keys, disjoint
from proxy.call.trunk import Customer, Trunk, Value

MAX_DIGITS: Final = 18  # with the leading 1 of a key it still fits 64 bits; E.164 has 15, 95… numbers up to 18
_NUMBER_DIGITS: Final = 15
_HELD: Final = 65_536  # sets of grants that are remembered; one takes some 300 octets
Network: TypeAlias = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Grant(Value):
    """Why a trunk may show a number: the trunk, from and to when (inclusive days), for what, on what proof."""

    trunk_id: str
    valid_from: date | None = None
    valid_to: date | None = None
    purpose: str = ""
    proof: str = ""

    def covers(self, today: date) -> bool:
        """Whether the grant holds on a day."""
        return (self.valid_from is None or self.valid_from <= today) and (
            self.valid_to is None or today <= self.valid_to
        )


Grants: TypeAlias = tuple[Grant, ...]


def key_of(number: str) -> int:
    """
    The sort key of an E.164 number: its digits behind a 1, so that numbers of one length lie together and
    "+86…" never meets "+8…"; 0 for what is no such number.
    """
    digits = number[1:]
    if digits.isdecimal() and digits.isascii() and number[0] == "+" and len(digits) <= MAX_DIGITS:
        return int("1" + digits)
    return 0


class Directory:
    """
    Trunks, customers, and disjoint sorted ranges of numbers with the grants on each.

    A single number is a range of one. The arrays may lie in a file that is mapped (`proxy.store.snapshot`). A million
    random numbers take 20 MB, a look-up some 2 µs (docs/directory.md says how that is measured).
    """

    __slots__ = (
        "_barred",
        "_exact",
        "_first",
        "_grants",
        "_held",
        "_last",
        "_names",
        "_networks",
        "_sets",
        "consents",
        "customers",
        "total",
        "trunks",
    )

    def __init__(
        self,
        trunks: Mapping[str, Trunk],
        customers: Mapping[str, Customer],
        first: Keys,
        last: Keys,
        grants: Keys,
        sets: Sequence[Grants],
        barred: Barred = NO_BARS,
        consents: Consents = NO_CONSENTS,
        total: int | None = None,
    ) -> None:
        """
        `first[i]`–`last[i]` are disjoint ascending ranges of keys; `sets[grants[i]]` holds for the range; `total` is
        how many numbers they are, where somebody has counted.
        """
        self.trunks = MappingProxyType(dict(trunks))
        self.customers = MappingProxyType(dict(customers))
        self._first = first
        self._last = last
        self._grants = grants
        self._sets = sets
        self._held: dict[int, Grants] = {}
        self._barred = barred
        self.consents = consents
        self.total = sum(last) - sum(first) + len(first) if total is None else total
        self._exact: dict[str, tuple[Trunk, ...]] = {}
        self._networks: dict[tuple[int, int], dict[int, tuple[Trunk, ...]]] = {}
        self._names: dict[str, tuple[Trunk, ...]] = {}
        self._place_sources()

    def _place_sources(self) -> None:
        for trunk in self.trunks.values():
            for name in trunk.tls_names:
                self._names[name.lower()] = (*self._names.get(name.lower(), ()), trunk)
            for text in trunk.sources:
                network = ip_network(text, strict=False)
                if network.num_addresses == 1:
                    address = str(network.network_address)
                    self._exact[address] = (*self._exact.get(address, ()), trunk)
                else:
                    place = (network.version, network.max_prefixlen - network.prefixlen)
                    held = self._networks.setdefault(place, {})
                    first = int(network.network_address) >> place[1]
                    held[first] = (*held.get(first, ()), trunk)
        self._networks = dict(sorted(self._networks.items()))  # of each version the longest prefixes first

    def __reduce__(self) -> tuple[object, ...]:
        rest = (self._sets, self._barred, self.consents, self.total)
        return (Directory, (dict(self.trunks), dict(self.customers), *self.ranges, *rest))

    @property
    def ranges(self) -> tuple[Keys, Keys, Keys]:
        """First and last key of each range, and the index of its set of grants in `sets`."""
        return self._first, self._last, self._grants

    @property
    def barred(self) -> Barred:
        """Numbers that nobody may show."""
        return self._barred

    @property
    def sets(self) -> Sequence[Grants]:
        """Every set of grants that some range has."""
        return self._sets

    def conflicts(self, clashes: Mapping[int, tuple[str, str]], most: int) -> tuple[tuple[str, str, str, str], ...]:
        """The first ranges whose set of grants is among `clashes`, with the two customers of each."""
        ranges = zip(self._first, self._last, self._grants, strict=True)
        found = ((number_of(low), number_of(high), *clashes[index]) for low, high, index in ranges if index in clashes)
        return tuple(islice(found, most))

    @property
    def entries(self) -> Mapping[str, int]:
        """How many of each: trunks, customers, ranges (of any size), numbers (covered in all)."""
        return {
            "trunks": len(self.trunks),
            "customers": len(self.customers),
            "ranges": len(self._first),
            "numbers": self.total,
            "barred": len(self._barred.ranges[0]),
            "consents": len(self.consents),
        }

    def grants(self, number: str) -> Grants:
        """Every grant on an E.164 number, in force or not."""
        key = key_of(number)
        index = bisect_right(self._first, key) - 1
        if index < 0 or key > self._last[index]:
            return ()
        place = self._grants[index]
        held = self._held.get(place)
        return self._hold(place) if held is None else held

    def _hold(self, place: int) -> Grants:
        """A set of grants, remembered: where it is made of a file's octets that takes its time."""
        if len(self._held) == _HELD:
            self._held.clear()
        held = self._held[place] = self._sets[place]
        return held

    def allocated(self, trunk_id: str, number: str, today: date) -> bool:
        """Whether a trunk may show a number on a day."""
        for grant in self.grants(number):  # noqa: SIM110  # a plain loop: on the way of every call
            if grant.trunk_id == trunk_id and grant.covers(today):
                return True
        return False

    def bar(self, number: str, today: date) -> Bar | None:
        """Why nobody may show a number on a day (do not originate); None where nothing bars it."""
        return self._barred.at(key_of(number), today) if self._barred else None

    def why_not(self, trunk_id: str, number: str, today: date) -> str:
        """Why a number is not allocated to a trunk on a day, without telling whose it is; "" when it is."""
        mine = [grant for grant in self.grants(number) if grant.trunk_id == trunk_id]
        if any(grant.covers(today) for grant in mine):
            return ""
        ended = [grant.valid_to for grant in mine if grant.valid_to is not None and grant.valid_to < today]
        if ended:
            return f"an allocation in force; it ended on {max(ended)}"
        begins = [grant.valid_from for grant in mine if grant.valid_from is not None]
        if begins:
            return f"an allocation in force; it begins on {min(begins)}"
        return f"a number allocated to trunk {trunk_id}"

    def owner(self, number: str, today: date) -> Trunk | None:
        """The trunk that gets the calls to a number: of several trunks of its customer, the first by id."""
        ids = sorted(grant.trunk_id for grant in self.grants(number) if grant.covers(today))
        return self.trunks[ids[0]] if ids else None

    def ranges_of(self, trunk_id: str, most: int) -> list[tuple[str, str, Grant]]:
        """The first ranges of a trunk in order of number, at most `most`: first and last number, and the grant."""
        found: list[tuple[str, str, Grant]] = []
        mine = {index: [grant for grant in held if grant.trunk_id == trunk_id] for index, held in enumerate(self._sets)}
        for low, high, index in zip(self._first, self._last, self._grants, strict=True):
            found += [(number_of(low), number_of(high), grant) for grant in mine[index]]
            if len(found) >= most:
                break
        return found[:most]

    def count_of(self, trunk_id: str) -> int:
        """How many numbers a trunk has been given, in force or not."""
        mine = {index for index, held in enumerate(self._sets) if any(grant.trunk_id == trunk_id for grant in held)}
        ranges = zip(self._first, self._last, self._grants, strict=True)
        return sum(high - low + 1 for low, high, index in ranges if index in mine)

    def named(self, names: Iterable[str]) -> tuple[Trunk, ...]:
        """The trunks that a certificate with these names stands for, by the first name that is any trunk's."""
        for name in names:
            found = self._names.get(name.lower())
            if found:
                return found
        return ()

    def at(self, ip: str) -> tuple[Trunk, ...]:
        """The trunks whose sources hold an IP address; those of the longest prefix only."""
        exact = self._exact.get(ip)
        if exact is not None or not self._networks:
            return exact or ()
        try:
            address: IPv4Address | IPv6Address = ip_address(ip)
        except ValueError:
            return ()
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            return self.at(str(address.ipv4_mapped))
        number = int(address)
        for (version, host_bits), networks in self._networks.items():
            found = networks.get(number >> host_bits) if version == address.version else None
            if found:
                return found
        return ()


class Overlap(Exception):
    """Numbers given to two customers for the same days: (first, last, one customer, the other), at most 100."""

    def __init__(self, conflicts: tuple[tuple[str, str, str, str], ...]) -> None:
        super().__init__(f"{len(conflicts)} overlapping allocations")
        self.conflicts = conflicts


class DirectoryBuilder:
    """Collects trunks and allocations in any order, and builds the directory."""

    MAX_CONFLICTS: Final = 100

    def __init__(self) -> None:
        self._trunks: dict[str, Trunk] = {}
        self._customers: dict[str, Customer] = {}
        self._interned: dict[tuple[str, date | None, date | None, str, str], int] = {}
        self._rows: list[tuple[int, int, int]] = []
        self._bars: list[tuple[int, int, Bar]] = []
        self._consents: list[tuple[int, str, date | None, date | None]] = []

    def add_customer(self, customer: Customer) -> None:
        """Add a customer, with or without trunks."""
        self._customers[customer.id] = customer

    def add_trunk(self, trunk: Trunk) -> None:
        """Add a trunk, and its customer."""
        self._trunks[trunk.id] = trunk
        self._customers.setdefault(trunk.customer.id, trunk.customer)

    def add(
        self,
        trunk_id: str,
        first: str,
        last: str,
        valid_from: date | None = None,
        valid_to: date | None = None,
        purpose: str = "",
        proof: str = "",
    ) -> None:
        """Allocate `first` to `last`, E.164 numbers of one length. Raises ValueError."""
        low = key_of(first)
        high = low if last == first else key_of(last)
        if not low or not high or low > high or len(first) != len(last):
            raise ValueError(f"no range of E.164 numbers: {first!r} to {last!r}")
        facts = (trunk_id, valid_from, valid_to, purpose, proof)
        self._rows.append((low, high, self._interned.setdefault(facts, len(self._interned))))

    def add_keys(
        self,
        trunk_id: str,
        low: int,
        high: int,
        valid_from: date | None = None,
        valid_to: date | None = None,
        purpose: str = "",
        proof: str = "",
    ) -> None:
        """Allocate what `key_of` makes `low` to `high` of, as a store keeps it. Raises ValueError."""
        if not 10 <= low <= high < 2 * 10**MAX_DIGITS or not _same_length(low, high):
            raise ValueError(f"no range of keys: {low} to {high}")
        facts = (trunk_id, valid_from, valid_to, purpose, proof)
        self._rows.append((low, high, self._interned.setdefault(facts, len(self._interned))))

    def add_prefix(
        self,
        trunk_id: str,
        prefix: str,
        valid_from: date | None = None,
        valid_to: date | None = None,
        purpose: str = "",
        proof: str = "",
    ) -> None:
        """Allocate every number of up to 15 digits that begins with `prefix`. Raises ValueError."""
        for more in range(max(1, _NUMBER_DIGITS + 2 - len(prefix))):
            self.add(trunk_id, prefix + "0" * more, prefix + "9" * more, valid_from, valid_to, purpose, proof)

    def add_bar(self, low: int, high: int, bar: Bar) -> None:
        """Bar what `key_of` makes `low` to `high` of from being shown by anybody."""
        self._bars.append((low, high, bar))

    def add_consent(self, callee: int, customer_id: str, begins: date | None = None, ends: date | None = None) -> None:
        """Let a callee, what `key_of` makes of its number, agree to calls of a customer."""
        self._consents.append((callee, customer_id, begins, ends))

    def build(self) -> Directory:
        """Make the directory. Raises Overlap."""
        grants = tuple(Grant(*facts) for facts in self._interned)
        self._rows.sort()
        first, last, chosen = array("Q"), array("Q"), array("I")
        sets: dict[tuple[int, ...], int] = {}
        for low, high, held in disjoint(self._rows):
            index = sets.setdefault(held, len(sets))
            if last and last[-1] + 1 == low and chosen[-1] == index and _same_length(last[-1], low):
                last[-1] = high
                continue
            first.append(low)
            last.append(high)
            chosen.append(index)
        built = Directory(
            self._trunks,
            self._customers,
            first,
            last,
            chosen,
            tuple(tuple(grants[index] for index in held) for held in sets),
            barred_of(self._bars),
            consents_of(self._consents),
        )
        clashes = {index: clash for index, held in enumerate(built.sets) if (clash := self._clash(held))}
        if clashes:
            raise Overlap(built.conflicts(clashes, self.MAX_CONFLICTS))
        return built

    def _clash(self, held: Grants) -> tuple[str, str] | None:
        for position, one in enumerate(held):
            for other in held[position + 1 :]:
                owners = (self._trunks[one.trunk_id].customer.id, self._trunks[other.trunk_id].customer.id)
                if owners[0] != owners[1] and _same_days(one, other):
                    return owners
        return None


def _same_days(one: Grant, other: Grant) -> bool:
    """Whether two grants have a day in common."""
    begins = max(grant.valid_from or date.min for grant in (one, other))
    return begins <= min(grant.valid_to or date.max for grant in (one, other))


def _same_length(one: int, other: int) -> bool:
    return len(str(one)) == len(str(other))


def number_of(key: int) -> str:
    """The E.164 number that `key_of` made a key of."""
    return "+" + str(key)[1:]
