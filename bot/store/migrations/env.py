"""Alembic's environment: runs the revisions on the connection, and in the transaction, of bot.store.migrations."""

from __future__ import annotations

from alembic import context

from bot.store.migrations import VERSION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
with context.begin_transaction():
    context.run_migrations()
