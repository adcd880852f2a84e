"""Revision 0008: artifacts of operations, encrypted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0008", "0007"


def upgrade() -> None:
    """Add the table of artifacts."""
    op.create_table(
        "signalbox_artifacts",
        sa.Column("operation", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("name", sa.String(120), primary_key=True),
        sa.Column("part", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    if op.get_bind().dialect.name == "postgresql":
        # What is encrypted does not get smaller: PostgreSQL need not try to compress it.
        op.execute("ALTER TABLE signalbox_artifacts ALTER COLUMN content SET STORAGE EXTERNAL")
