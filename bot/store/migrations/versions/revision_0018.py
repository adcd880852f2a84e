"""Revision 0018: the reason of a rejection, and an index of the messages of operations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0018", "0017"

LISTED = sa.text("message_ts IS NOT NULL")


def upgrade() -> None:
    """Add the column, which the seals of older votes do without, and the index."""
    op.add_column("signalbox_votes", sa.Column("reason", sa.String(200)))
    name, table = "ix_signalbox_operations_message", "signalbox_operations"
    op.create_index(name, table, ["message_ts"], sqlite_where=LISTED, postgresql_where=LISTED)
