"""
The first step: customers, trunks, allocations with their versions, numbers to bar, consents, and the history.

A finished step is never changed: it says how databases out there were made.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_CURRENT = sa.text("until_version IS NULL")

# No two customers may show one number on one day. SQLite has no such constraint: proxy.store.changing looks.
_APART = """
ALTER TABLE allocations ADD CONSTRAINT ex_allocations_apart EXCLUDE USING gist (
    int8range(low, high, '[]') WITH &&, daterange(valid_from, valid_to, '[]') WITH &&, customer_id WITH <>
) WHERE (until_version IS NULL)
"""
_KEEP_SQLITE = """
CREATE TRIGGER history_keeps_{when} BEFORE {when} ON history
BEGIN SELECT RAISE(ABORT, 'the history is append-only'); END
"""
_KEEP_POSTGRESQL = (
    """
CREATE FUNCTION history_keeps() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the history is append-only'; END $$
""",
    """
CREATE TRIGGER history_keeps BEFORE UPDATE OR DELETE OR TRUNCATE ON history
FOR EACH STATEMENT EXECUTE FUNCTION history_keeps()
""",
)


def upgrade() -> None:
    """Make every table."""
    _customers()
    _trunks()
    _allocations()
    _numbers()
    _history()
    if op.get_bind().dialect.name == "sqlite":
        for when in ("UPDATE", "DELETE"):
            op.execute(_KEEP_SQLITE.format(when=when))
    else:
        for statement in ("CREATE EXTENSION IF NOT EXISTS btree_gist", _APART, *_KEEP_POSTGRESQL):
            op.execute(statement)


def _customers() -> None:
    op.create_table(
        "customers",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("licence", sa.Text(), nullable=False),
        sa.Column("licence_sha256", sa.String(length=64), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("declared_use", sa.Text(), nullable=False),
        sa.Column("scenario", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state IN ('draft', 'reviewed', 'active', 'suspended', 'closed')", name=op.f("ck_customers_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customers")),
    )
    op.create_table(
        "sites",
        sa.Column("customer_id", sa.String(length=64), nullable=False),
        sa.Column("network", sa.String(length=49), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_sites_customer_id")),
        sa.PrimaryKeyConstraint("customer_id", "network", name=op.f("pk_sites")),
    )
    op.create_table(
        "policies",
        sa.Column("customer_id", sa.String(length=64), nullable=False),
        sa.Column("rule", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_policies_customer_id")),
        sa.PrimaryKeyConstraint("customer_id", "rule", name=op.f("pk_policies")),
    )


def _trunks() -> None:
    op.create_table(
        "trunks",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("customer_id", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("screening", sa.String(length=16), nullable=False),
        sa.Column("sources", sa.JSON(), nullable=False),
        sa.Column("tls_names", sa.JSON(), nullable=False),
        sa.Column("gateway", sa.JSON(), nullable=False),
        sa.Column("pilot_number", sa.String(length=32), nullable=True),
        sa.Column("dial_plan", sa.JSON(), nullable=False),
        sa.Column("tgrp", sa.Text(), nullable=False),
        sa.Column("mode", sa.String(length=16), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("policy", sa.JSON(), nullable=False),
        sa.Column("identity", sa.JSON(), nullable=False),
        sa.Column("limits", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_trunks_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trunks")),
    )
    op.create_index(op.f("ix_trunks_customer_id"), "trunks", ["customer_id"], unique=False)
    op.create_table(
        "versions",
        sa.Column("id", _ID, nullable=False),
        sa.Column("trunk_id", sa.String(length=64), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("base_id", _ID, nullable=True),
        sa.Column("added", sa.Integer(), nullable=False),
        sa.Column("removed", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["base_id"], ["versions.id"], name=op.f("fk_versions_base_id")),
        sa.ForeignKeyConstraint(["trunk_id"], ["trunks.id"], name=op.f("fk_versions_trunk_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_versions")),
    )
    op.create_index(op.f("ix_versions_trunk_id"), "versions", ["trunk_id"], unique=False)
    op.create_table(
        "proofs",
        sa.Column("id", _ID, nullable=False),
        sa.Column("kept", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proofs")),
        sa.UniqueConstraint("kept", "sha256", name=op.f("uq_proofs_kept_sha256")),
    )


def _allocations() -> None:
    op.create_table(
        "allocations",
        sa.Column("id", _ID, nullable=False),
        sa.Column("trunk_id", sa.String(length=64), nullable=False),
        sa.Column("customer_id", sa.String(length=64), nullable=False),
        sa.Column("low", sa.BigInteger(), nullable=False),
        sa.Column("high", sa.BigInteger(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("proof_id", _ID, nullable=False),
        sa.Column("since_version", _ID, nullable=False),
        sa.Column("until_version", _ID, nullable=True),
        sa.CheckConstraint("low <= high", name=op.f("ck_allocations_ordered")),
        sa.CheckConstraint("valid_from <= valid_to", name=op.f("ck_allocations_days")),
        sa.ForeignKeyConstraint(["proof_id"], ["proofs.id"], name=op.f("fk_allocations_proof_id")),
        sa.ForeignKeyConstraint(["since_version"], ["versions.id"], name=op.f("fk_allocations_since_version")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_allocations")),
    )
    op.create_index(
        "ix_allocations_current_low",
        "allocations",
        ["low"],
        unique=False,
        postgresql_where=_CURRENT,
        sqlite_where=_CURRENT,
    )
    op.create_index(
        "uq_allocations_current",
        "allocations",
        ["trunk_id", "low", "high", "valid_from"],
        unique=True,
        postgresql_where=_CURRENT,
        sqlite_where=_CURRENT,
    )


def _numbers() -> None:
    op.create_table(
        "barred",
        sa.Column("id", _ID, nullable=False),
        sa.Column("low", sa.BigInteger(), nullable=False),
        sa.Column("high", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=False),
        sa.CheckConstraint("low <= high", name=op.f("ck_barred_ordered")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_barred")),
        sa.UniqueConstraint("low", "high", name=op.f("uq_barred_low_high")),
    )
    op.create_table(
        "consents",
        sa.Column("id", _ID, nullable=False),
        sa.Column("customer_id", sa.String(length=64), nullable=False),
        sa.Column("callee", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=False),
        sa.Column("kept", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_consents_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consents")),
        sa.UniqueConstraint("customer_id", "callee", name=op.f("uq_consents_customer_id_callee")),
    )
    op.create_index(op.f("ix_consents_callee"), "consents", ["callee"], unique=False)


def _history() -> None:
    op.create_table(
        "history",
        sa.Column("id", _ID, nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("what", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=128), nullable=False),
        sa.Column("before", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("after", sa.JSON(none_as_null=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_history")),
    )
    op.create_index(op.f("ix_history_subject"), "history", ["subject"], unique=False)
