"""Revision 0010: the ids of Slack's channels by name."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0010", "0009"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "signalbox_channels",
        sa.Column("name", sa.String(100), primary_key=True),
        sa.Column("channel", sa.String(40), nullable=False),
        sa.Column("seal", sa.String(43), nullable=False),
    )
