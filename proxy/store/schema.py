"""
The tables of the directory.

Numbers are kept as keys (`proxy.call.directory.key_of`): the digits behind a 1, so that numbers of one length lie
together and every range is a pair of integers. Days are inclusive; an open end is the first or the last day that
there is, so that every comparison is a plain one. Moments are RFC 3339 text in UTC.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Date,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

HEAD: Final = "0001"  # the newest step of the schema; a test holds it against migrations/versions
OPEN_START: Final = date.min
OPEN_END: Final = date.max

# INTEGER PRIMARY KEY is what SQLite numbers by itself
_Id = BigInteger().with_variant(Integer, "sqlite")
_CURRENT = text("until_version IS NULL")


class Stored(DeclarativeBase):
    """What all tables have in common: names of constraints that a later step can refer to."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Customer(Stored):
    """A company that rents trunks, and how far its admission has come."""

    __tablename__ = "customers"
    __table_args__ = (CheckConstraint("state IN ('draft', 'reviewed', 'active', 'suspended', 'closed')", name="state"),)

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[str] = mapped_column(String(16), default="draft")
    licence: Mapped[str] = mapped_column(Text, default="")
    licence_sha256: Mapped[str] = mapped_column(String(64), default="")
    contact: Mapped[str] = mapped_column(Text, default="")
    declared_use: Mapped[str] = mapped_column(Text, default="")
    scenario: Mapped[str] = mapped_column(Text, default="")
    valid_from: Mapped[date | None] = mapped_column(Date)
    valid_to: Mapped[date | None] = mapped_column(Date)
    asked_by: Mapped[str] = mapped_column(Text, default="")  # who took the last step that a second person approves


class Site(Stored):
    """A network that a customer's equipment is in."""

    __tablename__ = "sites"

    customer_id: Mapped[str] = mapped_column(ForeignKey("customers.id"), primary_key=True)
    network: Mapped[str] = mapped_column(String(49), primary_key=True)


class Trunk(Stored):
    """One customer connection: the fields of a trunk in a directory file (`proxy.settings.directory_model`)."""

    __tablename__ = "trunks"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    customer_id: Mapped[str] = mapped_column(ForeignKey("customers.id"), index=True)
    role: Mapped[str] = mapped_column(String(16))
    screening: Mapped[str] = mapped_column(String(16))
    sources: Mapped[list[str]] = mapped_column(JSON)
    tls_names: Mapped[list[str]] = mapped_column(JSON)
    gateway: Mapped[list[str]] = mapped_column(JSON)
    pilot_number: Mapped[str | None] = mapped_column(String(32))
    dial_plan: Mapped[dict[str, Any]] = mapped_column(JSON)
    tgrp: Mapped[str] = mapped_column(Text)
    mode: Mapped[str | None] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    valid_from: Mapped[date | None] = mapped_column(Date)
    valid_to: Mapped[date | None] = mapped_column(Date)
    policy: Mapped[dict[str, Any]] = mapped_column(JSON)
    identity: Mapped[dict[str, Any]] = mapped_column(JSON)
    limits: Mapped[dict[str, Any]] = mapped_column(JSON)


class Version(Stored):
    """One change of a trunk's numbers: an import, or the return to an earlier version."""

    __tablename__ = "versions"

    id: Mapped[int] = mapped_column(_Id, primary_key=True)
    trunk_id: Mapped[str] = mapped_column(ForeignKey("trunks.id"), index=True)
    at: Mapped[str] = mapped_column(String(32))
    who: Mapped[str] = mapped_column(Text)
    action: Mapped[str] = mapped_column(String(16))  # import, rollback, close
    file: Mapped[str] = mapped_column(Text, default="")
    sha256: Mapped[str] = mapped_column(String(64), default="")
    base_id: Mapped[int | None] = mapped_column(ForeignKey("versions.id"))  # the version that was returned to
    added: Mapped[int] = mapped_column(default=0)
    removed: Mapped[int] = mapped_column(default=0)
    changed: Mapped[int] = mapped_column(default=0)


class Proof(Stored):
    """The paper that proves allocations: where it is kept, and the SHA-256 of its file."""

    __tablename__ = "proofs"
    __table_args__ = (UniqueConstraint("kept", "sha256"),)

    id: Mapped[int] = mapped_column(_Id, primary_key=True)
    kept: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))


class Allocation(Stored):
    """
    Numbers that a trunk may show, from one version on until another ended them; never deleted.

    PostgreSQL keeps current ones of two customers apart by an exclusion constraint (see migrations).
    """

    __tablename__ = "allocations"
    __table_args__ = (
        CheckConstraint("low <= high", name="ordered"),
        CheckConstraint("valid_from <= valid_to", name="days"),
        Index("ix_allocations_current_low", "low", postgresql_where=_CURRENT, sqlite_where=_CURRENT),
        Index(
            "uq_allocations_current",
            "trunk_id",
            "low",
            "high",
            "valid_from",
            unique=True,
            postgresql_where=_CURRENT,
            sqlite_where=_CURRENT,
        ),
    )

    id: Mapped[int] = mapped_column(_Id, primary_key=True)
    trunk_id: Mapped[str] = mapped_column(String(64))  # the version's: a foreign key more would only cost
    customer_id: Mapped[str] = mapped_column(String(64))  # the trunk's
    low: Mapped[int] = mapped_column(BigInteger)
    high: Mapped[int] = mapped_column(BigInteger)
    valid_from: Mapped[date] = mapped_column(Date)
    valid_to: Mapped[date] = mapped_column(Date)
    purpose: Mapped[str] = mapped_column(Text)
    proof_id: Mapped[int] = mapped_column(ForeignKey("proofs.id"))
    since_version: Mapped[int] = mapped_column(ForeignKey("versions.id"))
    until_version: Mapped[int | None] = mapped_column(_Id)


class Barred(Stored):
    """Numbers that nobody may show (do not originate)."""

    __tablename__ = "barred"
    __table_args__ = (CheckConstraint("low <= high", name="ordered"), UniqueConstraint("low", "high"))

    id: Mapped[int] = mapped_column(_Id, primary_key=True)
    low: Mapped[int] = mapped_column(BigInteger)
    high: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(Text)
    valid_from: Mapped[date] = mapped_column(Date)
    valid_to: Mapped[date] = mapped_column(Date)


class Consent(Stored):
    """The consent of a callee to calls of one customer."""

    __tablename__ = "consents"
    __table_args__ = (UniqueConstraint("customer_id", "callee"),)

    id: Mapped[int] = mapped_column(_Id, primary_key=True)
    customer_id: Mapped[str] = mapped_column(ForeignKey("customers.id"))
    callee: Mapped[int] = mapped_column(BigInteger, index=True)
    purpose: Mapped[str] = mapped_column(Text)
    valid_from: Mapped[date] = mapped_column(Date)
    valid_to: Mapped[date] = mapped_column(Date)
    kept: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))


class Policy(Stored):
    """What follows, on all trunks of a customer that say nothing else, when a rule or family is broken."""

    __tablename__ = "policies"

    customer_id: Mapped[str] = mapped_column(ForeignKey("customers.id"), primary_key=True)
    rule: Mapped[str] = mapped_column(String(64), primary_key=True)
    action: Mapped[str] = mapped_column(String(16))
    status: Mapped[int | None] = mapped_column(Integer)


class Change(Stored):
    """One line of the history: who did what to whom, when, and how it was before and after; never changed."""

    __tablename__ = "history"

    id: Mapped[int] = mapped_column(_Id, primary_key=True)
    at: Mapped[str] = mapped_column(String(32))
    who: Mapped[str] = mapped_column(Text)
    what: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(128), index=True)
    before: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    after: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
