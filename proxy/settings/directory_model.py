"""The directory file as frozen values: customers, trunks, and the numbers allocated to them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from proxy.settings.kinds import (
    Area,
    CallMode,
    Cidr,
    Country,
    Day,
    Dialled,
    Level,
    Listed,
    Name,
    Number,
    OnError,
    PolicyAction,
    Prefix,
    Replaced,
    Section,
    SipUri,
    Text,
    TlsName,
    Verify,
    fault,
    one_of,
    whole,
)

RESERVED = ("core", "unknown")  # what records call the core side, and strangers
State = Annotated[Literal["active", "suspended"], one_of("active", "suspended")]


def _free(name: str) -> str:
    if name in RESERVED:
        raise fault("reserved", value=name)
    return name


def _in_order(first: date | None, last: date | None) -> None:
    if first is not None and last is not None and last < first:
        raise fault("days", first=str(first))


class CustomerEntry(Section):
    """A company that rents trunks."""

    id: Name = Field(description="Id of the customer; no two alike.")
    name: Text = Field(default="", description="Name for people.")
    state: State = Field(
        default="active",
        description="`suspended` breaks the rule trunk.suspended on all the customer's trunks.",
    )


class Plan(Section):
    """How the trunk's users write numbers."""

    country: Country | None = Field(default=None, description="Country code; default: `numbering.country`.")
    area: Area = Field(default="", description="Area code without its leading 0, put before local numbers.")
    strip: Annotated[tuple[Dialled, ...], Listed] = Field(
        default=(), description='Access prefixes of the PBX that are taken off: `["9"]`.'
    )
    prefixes: Mapping[Dialled, Replaced] = Field(
        default={}, description='Dialled prefix → what replaces it, longest first: `{"17951": ""}`.'
    )


class Period(Section):
    """The days on which a trunk may be used."""

    start: Day | None = Field(default=None, alias="from", description="First day.")
    end: Day | None = Field(default=None, alias="to", description="Last day.")

    @model_validator(mode="after")
    def _ordered(self) -> Period:
        _in_order(self.start, self.end)
        return self


class Allocation(Section):
    """Numbers that the trunk may show: exactly one of `number`, `first` with `last`, `prefix`, `csv`."""

    number: Number | None = Field(default=None, description="One number.")
    first: Number | None = Field(default=None, description="First number of a range.")
    last: Number | None = Field(default=None, description="Last number of the range, of the same length.")
    prefix: Prefix | None = Field(default=None, description="All numbers of up to 15 digits that begin so.")
    csv: Text | None = Field(default=None, description="A CSV file of ranges; relative to the directory file.")
    valid_from: Day | None = Field(default=None, description="First day; for `csv` where a row says nothing.")
    valid_to: Day | None = Field(default=None, description="Last day; for `csv` where a row says nothing.")
    purpose: Text = Field(default="", description="What the numbers are for.")
    proof: Text = Field(default="", description="Where it is proved: a contract, a letter of authorisation.")

    @model_validator(mode="after")
    def _sound(self) -> Allocation:
        given = [
            self.number is not None,
            self.first is not None,
            self.prefix is not None,
            self.csv is not None,
        ]
        if given.count(True) != 1 or (self.first is None) != (self.last is None):
            raise fault("allocation")
        if self.first is not None and self.last is not None:
            if len(self.first) != len(self.last):
                raise fault("lengths")
            if self.last < self.first:
                raise fault("order", first=self.first)
        _in_order(self.valid_from, self.valid_to)
        return self


class TrunkIdentity(Section):
    """Signed identity (STIR/SHAKEN) on this trunk; what is left out is as `identity` in the configuration file says."""

    verify: Verify | None = Field(default=None, description="`off`, `when-present` or `required`.")
    min_attestation: Level | None = Field(default=None, description="The lowest attestation that will do: A, B or C.")
    on_error: OnError | None = Field(
        default=None, description="`pass` or `reject` where a certificate could not be had."
    )
    sign: bool | None = Field(default=None, description="Whether calls of this trunk are signed.")


class Limits(Section):
    """How much a trunk may do; what is not given has no limit."""

    calls_per_second: Annotated[int, whole(1, 100_000)] | None = Field(
        default=None, description="Calls that it may begin in a second; more break the rule traffic.rate."
    )
    concurrent: Annotated[int, whole(1, 1_000_000)] | None = Field(
        default=None,
        description="Calls that it may have in progress, from it and to it; more break the rule traffic.concurrent.",
    )
    packets_per_second: Annotated[int, whole(50, 10_000_000)] | None = Field(
        default=None, description="SIP messages that it may send in a second; more are dropped unread. Default: 5000."
    )


class TrunkEntry(Section):
    """One customer connection."""

    id: Annotated[Name, AfterValidator(_free)] = Field(description="Id of the trunk; no two alike; not core, unknown.")
    customer: Name = Field(description="Id of the customer.")
    role: Annotated[Literal["access", "peer", "core", "dip"], one_of("access", "peer", "core", "dip")] = Field(
        default="access",
        description="`access` a customer's PBX, `peer` another operator, `core` the own network, `dip` an SBC "
        "that asks for verdicts on the calls of trunks that it names.",
    )
    screening: Annotated[Literal["strict", "asserted"], one_of("strict", "asserted")] = Field(
        default="strict",
        description="`strict`: every calling number must be allocated; `asserted`: the asserted one must be, "
        "From may show the user's own (CLIP no screening).",
    )
    sources: Annotated[tuple[Cidr, ...], Listed] = Field(
        default=(), description="Addresses and networks that its calls come from."
    )
    tls_names: Annotated[tuple[TlsName, ...], Listed] = Field(
        default=(),
        description="Names in its certificate (a SIP domain or a DNS name): who proves one over TLS is this trunk, "
        "wherever it calls from. Its gateways must prove one too.",
    )
    gateway: Annotated[tuple[SipUri, ...], Listed] = Field(
        default=(),
        description="SIP URIs (IP addresses or DNS names) that calls to the trunk are sent to, in the order to try.",
    )
    pilot_number: Number | None = Field(default=None, description="Main number; must be allocated to the trunk.")
    dial_plan: Plan = Field(default=Plan(), description="How the trunk's users write numbers.")
    tgrp: Text = Field(default="", description="Trunk group (RFC 4904) that tells trunks behind one address apart.")
    mode: CallMode | None = Field(default=None, description="`block` or `monitor`, instead of `node.mode`.")
    state: State = Field(default="active", description="`suspended` breaks the rule trunk.suspended.")
    valid: Period = Field(default=Period(), description="The days on which the trunk may be used.")
    policy: Mapping[str, PolicyAction] = Field(default={}, description="As `policy` in the configuration file.")
    identity: TrunkIdentity = Field(default=TrunkIdentity(), description="Signed identity on this trunk.")
    limits: Limits = Field(default=Limits(), description="How much the trunk may do.")
    allocations: Annotated[tuple[Allocation, ...], Listed] = Field(
        default=(), description="Numbers that the trunk may show."
    )


class DirectoryFile(Section):
    """A whole directory file."""

    customers: Annotated[tuple[CustomerEntry, ...], Listed] = Field(description="Who rents trunks.")
    trunks: Annotated[tuple[TrunkEntry, ...], Listed] = Field(description="The trunks, at least one.")
