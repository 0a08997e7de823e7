"""Moves a directory out of its file into a store: customers, trunks and numbers, all at once."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from dataclasses import asdict
from datetime import date
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from proxy.call.directory import Directory, Grant, key_of
from proxy.call.trunk import Trunk
from proxy.store import schema
from proxy.store.changing import apply, new_version, plan
from proxy.store.errors import StoreError
from proxy.store.history import By, note
from proxy.store.lists import Row
from proxy.store.schema import OPEN_END, OPEN_START
from proxy.store.staging import stage, unstage
from proxy.store.trunks import add

_ALL: Final = sys.maxsize


def move(session: Session, by: By, directory: Directory, file: str, shown: str, rules: Collection[str]) -> None:
    """
    Write a whole directory into an empty store; `file` is where it was, `shown` the store, for problems.

    Its customers are drafts: what a file said of them is no admission. Raises StoreError, ConfigError.
    """
    if session.scalar(select(func.count()).select_from(schema.Customer)):
        raise StoreError("store.not_empty", store=shown)
    for customer in directory.customers.values():
        session.add(schema.Customer(id=customer.id, name=customer.name, state="draft"))
        note(session, by, "customer add", f"customer {customer.id}", None, {"name": customer.name, "state": "draft"})
    session.flush()
    for trunk in directory.trunks.values():
        row = add(session, by, _raw(trunk), shown, rules)
        stage(session, _rows(directory, trunk.id))
        found = plan(session, row, keep=False)
        if not found.nothing:
            apply(session, by, row, found, new_version(session, by, row, file, ""), keep=False)
        unstage(session)
        if trunk.pilot_number:
            row.pilot_number = trunk.pilot_number


def _raw(trunk: Trunk) -> dict[str, Any]:
    """A trunk as it stood in the file; its pilot number comes after its numbers."""
    plan_ = trunk.dial_plan
    days = {"from": trunk.valid_from, "to": trunk.valid_to}
    identity: dict[str, object] = {"verify": trunk.identity.verify, "min_attestation": trunk.identity.min_attestation}
    identity |= {"on_error": trunk.identity.on_error}
    raw: dict[str, Any] = {
        "id": trunk.id,
        "customer": trunk.customer.id,
        "role": trunk.role,
        "screening": trunk.screening,
        "sources": list(trunk.sources),
        "tls_names": list(trunk.tls_names),
        "gateway": list(trunk.gateway),
        "tgrp": trunk.tgrp,
        "mode": trunk.mode,
        "state": "suspended" if trunk.suspended else "active",
        "dial_plan": {"country": plan_.country, "area": plan_.area, "strip": list(plan_.strip)}
        | {"prefixes": dict(plan_.prefixes)},
        "valid": {name: day.isoformat() for name, day in days.items() if day is not None},
        "policy": {
            rule: {"action": each.action} | ({} if each.status is None else {"status": each.status})
            for rule, each in trunk.policy.items()
        },
        "identity": {name: value for name, value in identity.items() if value is not None}
        | ({} if trunk.identity.sign is None else {"sign": trunk.identity.sign}),
        "limits": {name: value for name, value in asdict(trunk.limits).items() if value is not None},
    }
    return {name: value for name, value in raw.items() if value not in (None, "", [], {})}


def _rows(directory: Directory, trunk_id: str) -> Iterator[Row]:
    """The numbers of a trunk; of entries that began on one day for one range, the one that holds longest."""
    ranges = groupby(directory.ranges_of(trunk_id, _ALL), key=itemgetter(0, 1))
    for number, ((first, last), entries) in enumerate(ranges, 1):
        longest: dict[str, tuple[str, Grant]] = {}
        for _, _, grant in entries:
            begins, ends = _days(grant)
            if begins not in longest or longest[begins][0] < ends:
                longest[begins] = (ends, grant)
        for begins, (ends, grant) in longest.items():
            yield number, key_of(first), key_of(last), begins, ends, grant.purpose, grant.proof, ""


def _days(grant: Grant) -> tuple[str, str]:
    def text(day: date | None, empty: date) -> str:
        return (day or empty).isoformat()

    return text(grant.valid_from, OPEN_START), text(grant.valid_to, OPEN_END)
