"""Trunks as rows and as the entries of a directory file: the same fields, checked by the same model."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from proxy.settings.directory_model import TrunkEntry
from proxy.settings.load import policy_problems, validate
from proxy.settings.problems import Problem, ProblemList
from proxy.settings.yaml_strict import Document, Positions
from proxy.store.schema import Trunk

_PLAIN = ("role", "screening", "tgrp", "mode", "state", "pilot_number")
_MAPPINGS = ("dial_plan", "policy", "identity")
_LISTS = ("sources", "gateway")


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


def _placed(faults: ProblemList, shown: str, trunk_id: str) -> Iterator[Problem]:
    """Problems with the trunk in the place of lines, which a database has not."""
    for each in faults:
        key = ".".join(part for part in (f"trunks.{trunk_id}", each.key) if part)
        yield Problem(shown, 0, 0, key, each.message_key, each.values)
