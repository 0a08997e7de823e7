"""Trunks and the customers who rent them, as immutable values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from typing import Final, Literal

Role = Literal["access", "peer", "core", "dip"]
Screening = Literal["strict", "asserted"]
Mode = Literal["block", "monitor"]
Action = Literal["reject", "replace", "tag", "ignore"]
Verify = Literal["off", "when-present", "required"]
Attestation = Literal["", "A", "B", "C"]
OnError = Literal["pass", "reject"]


class Value:
    """A frozen value that travels between processes; compiled, it would be filled by assignment, which is refused."""

    __slots__ = ()

    def __reduce__(self) -> tuple[object, ...]:
        names = [item.name for item in fields(self)]  # type: ignore[arg-type]  # of what is derived from it
        return type(self), tuple([getattr(self, name) for name in names])


@dataclass(frozen=True, slots=True)
class RuleAction(Value):
    """What the policy does about one rule or family; `status` None means the rule's own default."""

    action: Action
    status: int | None = None


@dataclass(frozen=True, slots=True)
class IdentityTerms(Value):
    """
    What is asked of the signed identity of a trunk's calls, and whether they are signed here (RFC 8224).

    None: what the node says. `min_attestation` "" takes any; `on_error` is what follows where a certificate could
    not be had.
    """

    verify: Verify | None = None
    min_attestation: Attestation | None = None
    on_error: OnError | None = None
    sign: bool | None = None


NO_TERMS: Final = IdentityTerms()


@dataclass(frozen=True, slots=True)
class TrunkLimits(Value):
    """
    How much a trunk may do: calls that begin in a second, calls in progress in both directions, and datagrams in a
    second, where None leaves it to the node.
    """

    calls_per_second: int | None = None
    concurrent: int | None = None
    packets_per_second: int | None = None


NO_LIMITS: Final = TrunkLimits()


@dataclass(frozen=True, slots=True)
class DialPlan(Value):
    """
    How a trunk's users write numbers.

    `country` and `area` are digits without prefixes ("86", "24"); `strip` lists PBX access
    prefixes that stand before a number ("9"); `prefixes` maps a dialled prefix to what replaces it
    ("0086" → "+86"), tried longest first before the built-in rules; `emergency` are short numbers.
    """

    country: str = "86"
    area: str = ""
    strip: tuple[str, ...] = ()
    prefixes: Mapping[str, str] = field(default_factory=dict)
    emergency: frozenset[str] = frozenset({"110", "119", "120", "122"})


@dataclass(frozen=True, slots=True)
class Customer(Value):
    """A company that rents trunks."""

    id: str
    name: str = ""
    suspended: bool = False


@dataclass(frozen=True, slots=True)
class Trunk(Value):
    """
    One customer connection. `sources` are CIDR texts, `tls_names` what its certificate may name, `gateway` SIP URIs,
    dates are inclusive local days.
    """

    id: str
    customer: Customer
    role: Role = "access"
    screening: Screening = "strict"
    sources: tuple[str, ...] = ()
    gateway: tuple[str, ...] = ()
    tgrp: str = ""
    mode: Mode | None = None
    suspended: bool = False
    pilot_number: str = ""
    dial_plan: DialPlan = DialPlan()
    valid_from: date | None = None
    valid_to: date | None = None
    policy: Mapping[str, RuleAction] = field(default_factory=dict)
    identity: IdentityTerms = NO_TERMS
    limits: TrunkLimits = NO_LIMITS
    tls_names: tuple[str, ...] = ()
