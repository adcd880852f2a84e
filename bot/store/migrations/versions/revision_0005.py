"""Revision 0005: the processes that share the database, with their leases."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0005", "0004"


def upgrade() -> None:
    """Add the table of workers."""
    op.create_table(
        "signalbox_workers",
        sa.Column("executor", sa.String(60), primary_key=True),
        sa.Column("token", sa.BigInteger, nullable=False),
        sa.Column("machine", sa.String(40), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("version", sa.String(40), nullable=False),
        sa.Column("labels", sa.JSON, nullable=False),
        sa.Column("since", sa.Double, nullable=False),
        sa.Column("seen_at", sa.Double, nullable=False),
        sa.Column("lease_until", sa.Double, nullable=False),
        sa.Column("draining", sa.Boolean, nullable=False),
        sa.Column("ended", sa.Boolean, nullable=False),
    )
