"""Revision 0011: the process of a worker, and whether it takes operations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0011", "0010"


def upgrade() -> None:
    """Add the columns. An older version, which runs beside this one during an update, writes rows without them."""
    op.add_column("signalbox_workers", sa.Column("pid", sa.Integer, nullable=False, server_default="0"))
    takes = sa.Column("takes_operations", sa.Boolean, nullable=False, server_default=sa.true())
    op.add_column("signalbox_workers", takes)
