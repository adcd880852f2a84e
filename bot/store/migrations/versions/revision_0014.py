"""Revision 0014: indexes of what is open, of undelivered messages, and of host keys that have changed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0014", "0013"

OPEN = sa.text("status IN ('waiting', 'running', 'approval')")
CHANGED = sa.text("changed_in IS NOT NULL")


def upgrade() -> None:
    """Replace two indexes that have all rows, though hardly any of these are ever selected, and add two."""
    op.drop_index("ix_signalbox_operations_status", "signalbox_operations")
    op.drop_index("ix_signalbox_host_keys_changed_in", "signalbox_host_keys")
    _create("operations", "open", "status", "environment", where=OPEN)
    _create("host_keys", "changed", "changed_in", where=CHANGED)
    _create("outbox", "order", "lane", "created_at", "due_at")
    _create("outbox", "due", "due_at", "error")


def _create(table: str, name: str, *columns: str, where: sa.TextClause | None = None) -> None:
    index, table = f"ix_signalbox_{table}_{name}", f"signalbox_{table}"
    op.create_index(index, table, list(columns), sqlite_where=where, postgresql_where=where)
