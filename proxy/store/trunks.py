"""Trunks as rows and as the entries of a directory file: the same fields, checked by the same model."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from proxy.call.trunk import Customer
from proxy.settings.directory_model import TrunkEntry
from proxy.settings.load import policy_problems, validate
from proxy.settings.problems import Problem, ProblemList
from proxy.settings.yaml_strict import Document, Positions
from proxy.store.admission import customer_of
from proxy.store.changing import check_pilot
from proxy.store.entries import ambiguous, trunk_of
from proxy.store.errors import StoreError
from proxy.store.history import By, note
from proxy.store.schema import Trunk
from proxy.store.versions import trunk_row

_PLAIN = ("role", "screening", "tgrp", "mode", "state", "pilot_number")
_MAPPINGS = ("dial_plan", "policy", "identity", "limits")
_LISTS = ("sources", "tls_names", "gateway")


def raw_of(row: Trunk) -> dict[str, Any]:
    """A row as it would stand in a directory file, keys without value left out."""
    raw: dict[str, Any] = {"id": row.id, "customer": row.customer_id}
    raw |= {name: getattr(row, name) for name in (*_PLAIN, *_LISTS, *_MAPPINGS)}
    days = {"from": row.valid_from, "to": row.valid_to}
    raw["valid"] = {name: day.isoformat() for name, day in days.items() if day is not None}
    return {name: value for name, value in raw.items() if value not in (None, "", [], {})}


def fill(row: Trunk, entry: TrunkEntry) -> None:
    """Write the fields of an entry into a row; its customer stays."""
    for name in _PLAIN:
        setattr(row, name, getattr(entry, name))
    for name in _LISTS:
        setattr(row, name, list(getattr(entry, name)))
    row.dial_plan = entry.dial_plan.model_dump(mode="json", exclude_defaults=True)
    row.identity = entry.identity.model_dump(mode="json", exclude_defaults=True)
    row.limits = entry.limits.model_dump(mode="json", exclude_defaults=True)
    row.policy = {name: each.model_dump(mode="json", exclude_none=True) for name, each in entry.policy.items()}
    row.valid_from, row.valid_to = entry.valid.start, entry.valid.end


def checked(raw: dict[str, Any], shown: str, found: ProblemList, rules: Collection[str]) -> TrunkEntry | None:
    """An entry made of what stands in `raw`; None, and problems in `found`, when something is wrong with it."""
    before = found.total
    document = Document(shown, raw, Positions())
    faults = ProblemList()
    entry = validate(TrunkEntry, document, faults, raw)
    faults.add(*policy_problems(document, raw.get("policy"), ("policy",), rules))
    found.add(*_placed(faults, shown, raw.get("id", "")))
    return entry if found.total == before else None


def add(session: Session, by: By, raw: dict[str, Any], shown: str, rules: Collection[str]) -> Trunk:
    """
    Add a trunk as it would stand in a directory file. `shown` is where, for problems.

    Raises StoreError, and ConfigError with every problem of it.
    """
    entry = _sound(raw, shown, rules)
    if session.get(Trunk, entry.id) is not None:
        raise StoreError("store.trunk_exists", trunk=entry.id)
    customer = customer_of(session, entry.customer)
    if customer.state == "closed":
        expected = "draft, reviewed, active, suspended"
        raise StoreError("store.wrong_state", customer=customer.id, state=customer.state, expected=expected)
    row = Trunk(id=entry.id, customer_id=entry.customer)
    return _keep(session, by, "trunk add", row, entry, None)


def change(
    session: Session, by: By, trunk_id: str, raw: Mapping[str, Any], shown: str, rules: Collection[str]
) -> Trunk:
    """Change some keys of a trunk; None takes a key away. Raises StoreError, and ConfigError."""
    row = trunk_row(session, trunk_id)
    before = raw_of(row)
    after = before | dict(raw) | {"id": trunk_id, "customer": row.customer_id}
    entry = _sound({name: value for name, value in after.items() if value is not None}, shown, rules)
    return _keep(session, by, "trunk set", row, entry, before)


def _sound(raw: dict[str, Any], shown: str, rules: Collection[str]) -> TrunkEntry:
    found = ProblemList()
    entry = checked(raw, shown, found, rules)
    found.check()
    assert entry is not None  # noqa: S101 - a missing entry is a problem
    return entry


def _keep(
    session: Session, by: By, what: str, row: Trunk, entry: TrunkEntry, before: Mapping[str, Any] | None
) -> Trunk:
    fill(row, entry)
    session.add(row)
    session.flush()
    trunks = [
        trunk_of(TrunkEntry.model_validate(raw_of(each)), Customer(each.customer_id), "", frozenset())
        for each in session.scalars(select(Trunk).order_by(Trunk.id))
    ]
    for (index, _, source), (other, network) in ambiguous(enumerate(trunks)):
        raise StoreError("store.sources", trunk=trunks[index].id, value=source, other=network, owner=other)
    check_pilot(session, row)
    note(session, by, what, f"trunk {row.id}", before, raw_of(row))
    session.flush()
    return row


def _placed(faults: ProblemList, shown: str, trunk_id: str) -> Iterator[Problem]:
    """Problems with the trunk in the place of lines, which a database has not."""
    for each in faults:
        key = ".".join(part for part in (f"trunks.{trunk_id}", each.key) if part)
        yield Problem(shown, 0, 0, key, each.message_key, each.values)
