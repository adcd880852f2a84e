"""Revision 0017: how each person wants to be notified."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0017", "0016"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "signalbox_preferences",
        sa.Column("person", sa.String(40), primary_key=True),
        sa.Column("turn", sa.Boolean, nullable=False),
        sa.Column("ended", sa.Boolean, nullable=False),
        sa.Column("quiet_from", sa.Integer, nullable=False),
        sa.Column("quiet_to", sa.Integer, nullable=False),
        sa.Column("changed_at", sa.Double, nullable=False),
    )
