"""Compiles a store into the directory that calls read: all of it from one state, or every problem at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from proxy.call.barred import Bar
from proxy.call.directory import DirectoryBuilder, Overlap
from proxy.call.trunk import Customer, Trunk
from proxy.settings.directory_model import Period, TrunkEntry
from proxy.settings.problems import Problem, ProblemList
from proxy.store import schema
from proxy.store.database import Store
from proxy.store.entries import Examined, ambiguous, trunk_of
from proxy.store.schema import OPEN_END, OPEN_START
from proxy.store.trunks import checked, raw_of

_BATCH = 10_000
# plain values, without a type's conversion for each of a million rows; PostgreSQL gives dates, SQLite their text
_ROWS = text(
    "SELECT trunk_id, low, high, valid_from, valid_to, purpose, proof_id FROM allocations WHERE until_version IS NULL"
)

_CONSENTS = text("SELECT callee, customer_id, valid_from, valid_to FROM consents")


def examine_store(
    store: Store, found: ProblemList, *, country: str, emergency: frozenset[str], rules: Collection[str]
) -> Examined | None:
    """Read a store as a directory; None, and its problems in `found`, when it cannot be used. Raises StoreError."""
    before = found.total
    with store.read() as session:
        reading = _Reading(session, store.shown, found, country, emergency, rules)
        reading.read()
    return reading.build() if found.total == before else None


@dataclass(slots=True)
class _Reading:
    """One pass through a store."""

    session: Session
    shown: str
    found: ProblemList
    country: str
    emergency: frozenset[str]
    rules: Collection[str]
    builder: DirectoryBuilder = field(default_factory=DirectoryBuilder)
    trunks: dict[str, Trunk] = field(default_factory=dict)
    ends: dict[str, Counter[date | None]] = field(default_factory=dict)

    def read(self) -> None:
        rows = {row.id: row for row in self.session.scalars(select(schema.Customer))}
        customers = {row.id: Customer(row.id, row.name, row.state != "active") for row in rows.values()}
        policies = self._policies()
        for customer in customers.values():
            self.builder.add_customer(customer)
        for trunk in self.session.scalars(select(schema.Trunk).order_by(schema.Trunk.id)):
            raw = raw_of(trunk)
            raw["policy"] = policies.get(trunk.customer_id, {}) | raw.get("policy", {})
            entry = checked(raw, self.shown, self.found, self.rules)
            if entry is not None:
                self._add(_within(entry, rows[trunk.customer_id]), customers[trunk.customer_id])
        if not self.trunks and not self.found.total:
            self._note("trunks", "directory.no_trunk")
        for (_, _, source), (trunk_id, other) in ambiguous(enumerate(self.trunks.values())):
            self._note("trunks", "directory.sources", value=source, other=other, trunk=trunk_id)
        self._allocations()
        self._count_ends()
        days = _Days()
        for row in self.session.scalars(select(schema.Barred)):
            self.builder.add_bar(row.low, row.high, Bar(row.reason, days[row.valid_from], days[row.valid_to]))
        self._consents(days)

    def _policies(self) -> Mapping[str, dict[str, object]]:
        found: dict[str, dict[str, object]] = {}
        for row in self.session.scalars(select(schema.Policy)):
            status = {} if row.status is None else {"status": row.status}
            found.setdefault(row.customer_id, {})[row.rule] = {"action": row.action} | status
        return found

    def _add(self, entry: TrunkEntry, customer: Customer) -> None:
        trunk = trunk_of(entry, customer, self.country, self.emergency)
        self.trunks[trunk.id] = trunk
        self.ends[trunk.id] = Counter()
        self.builder.add_trunk(trunk)

    def _allocations(self) -> None:
        proofs = {id_: kept or sha256 for id_, kept, sha256 in self.session.execute(_PROOFS)}
        days = _Days()
        add = self.builder.add_keys
        options = {"stream_results": True, "yield_per": _BATCH}
        with self.session.execute(_ROWS, execution_options=options) as rows:
            for trunk_id, low, high, begins, ends, purpose, proof in rows:
                if trunk_id in self.trunks:
                    add(trunk_id, low, high, days[begins], days[ends], purpose, proofs[proof])

    def _consents(self, days: _Days) -> None:
        with self.session.execute(_CONSENTS, execution_options={"stream_results": True, "yield_per": _BATCH}) as rows:
            for callee, customer_id, begins, ends in rows:
                self.builder.add_consent(callee, customer_id, days[begins], days[ends])

    def _count_ends(self) -> None:
        held = schema.Allocation
        counted = select(held.trunk_id, held.valid_to, func.count()).where(held.until_version.is_(None))
        for trunk_id, last, count in self.session.execute(counted.group_by(held.trunk_id, held.valid_to)):
            if trunk_id in self.ends:
                self.ends[trunk_id][None if last == OPEN_END else last] = count

    def build(self) -> Examined | None:
        """Make the directory of what was collected."""
        try:
            directory = self.builder.build()
        except Overlap as overlap:
            for first, last, one, other in overlap.conflicts:
                self._note("trunks", "directory.overlap", first=first, last=last, one=one, other=other)
            return None
        for trunk in self.trunks.values():
            held = any(grant.trunk_id == trunk.id for grant in directory.grants(trunk.pilot_number))
            if trunk.pilot_number and not held:
                self._note(f"trunks.{trunk.id}.pilot_number", "directory.pilot", value=trunk.pilot_number)
        places = {trunk_id: (self.shown, 0, 0, f"trunks.{trunk_id}") for trunk_id in self.trunks}
        return Examined(directory, self.ends, places) if not self.found.total else None

    def _note(self, key: str, message: str, **values: object) -> None:
        self.found.add(Problem(self.shown, 0, 0, key, message, values))


_PROOFS = select(schema.Proof.id, schema.Proof.kept, schema.Proof.sha256)


class _Days(dict[object, date | None]):
    """Days as the driver gives them, each read once; open ends are None."""

    def __missing__(self, key: object) -> date | None:
        day = key if isinstance(key, date) else date.fromisoformat(str(key))
        self[key] = found = None if day in (OPEN_START, OPEN_END) else day
        return found


def _within(entry: TrunkEntry, customer: schema.Customer) -> TrunkEntry:
    """An entry whose days are those of its customer too."""
    begins = [day for day in (entry.valid.start, customer.valid_from) if day is not None]
    ends = [day for day in (entry.valid.end, customer.valid_to) if day is not None]
    period = Period.model_construct(start=max(begins, default=None), end=min(ends, default=None))
    return entry.model_copy(update={"valid": period})
