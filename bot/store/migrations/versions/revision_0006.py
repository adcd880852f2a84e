"""Revision 0006: long children, and what they print."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0006", "0005"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "signalbox_children",
        sa.Column("operation", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("name", sa.String(100), primary_key=True),
        sa.Column("keeper", sa.String(32), nullable=False),
        sa.Column("machine", sa.String(64), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("executor", sa.String(100), nullable=False),
        sa.Column("started", sa.Boolean, nullable=False),
        sa.Column("ended", sa.Boolean, nullable=False),
        sa.Column("exit_code", sa.Integer),
        sa.Column("output_bytes", sa.BigInteger),
        sa.Column("left_bytes", sa.BigInteger),
        sa.Column("begun_at", sa.Double, nullable=False),
        sa.Column("heard_at", sa.Double, nullable=False),
        sa.Column("lease_until", sa.Double, nullable=False),
        sa.Column("ended_at", sa.Double),
        sa.Column("lost_at", sa.Double),
        sa.Column("cancel_requested", sa.Boolean, nullable=False),
        sa.Column("cancel_grace", sa.Double, nullable=False),
        sa.Column("seal", sa.String(43), nullable=False),
        sa.UniqueConstraint("keeper"),
    )
    op.create_table(
        "signalbox_child_output",
        sa.Column("keeper", sa.String(32), primary_key=True),
        sa.Column("stream", sa.String(10), primary_key=True),
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
