"""Revision 0002: the deliveries of Slack that were used."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0002", "0001"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "signalbox_deliveries",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("used_at", sa.Double, nullable=False, index=True),
    )
