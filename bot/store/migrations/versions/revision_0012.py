"""Revision 0012: the slots of runs, on each machine and in all."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0012", "0011"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "signalbox_run_slots",
        sa.Column("operation", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("executor", sa.String(60), nullable=False),
        sa.Column("token", sa.BigInteger, nullable=False),
        sa.Column("machine", sa.String(40), nullable=False),
        sa.Column("at_most", sa.Integer, nullable=False),
        sa.Column("precedence", sa.Integer, nullable=False),
        sa.Column("runs", sa.Integer, nullable=False),
        sa.Column("asked_at", sa.Double, nullable=False),
        sa.Column("granted", sa.Boolean, nullable=False),
    )
