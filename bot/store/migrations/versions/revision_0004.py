"""Revision 0004: seals of the requests to start a workflow."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0004", "0003"


def upgrade() -> None:
    """Make the table anew. The key is not here: rows of before keep an empty seal, and their requests are never sent again."""
    op.execute(
        "CREATE TABLE signalbox_dispatches_before AS SELECT operation, workflow, sent_at FROM signalbox_dispatches"
    )
    op.drop_table("signalbox_dispatches")
    op.create_table(
        "signalbox_dispatches",
        sa.Column("operation", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("workflow", sa.String(700), nullable=False, index=True),
        sa.Column("sent_at", sa.Double, nullable=False),
        sa.Column("seal", sa.String(43), nullable=False),
    )
    op.execute(
        "INSERT INTO signalbox_dispatches (operation, workflow, sent_at, seal) "
        "SELECT operation, workflow, sent_at, '' FROM signalbox_dispatches_before"
    )
    op.drop_table("signalbox_dispatches_before")
