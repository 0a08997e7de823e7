"""Runs the steps on the connection that `proxy.store.database` hands over; alembic reads this file by its name."""

from __future__ import annotations

from alembic import context

from proxy.store.schema import Stored

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Stored.metadata, transactional_ddl=True
)
with context.begin_transaction():
    context.run_migrations()
