"""Revision 0015: locks and freezes of environments."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0015", "0014"

CLOSED = sa.text("ended_at IS NULL")


def upgrade() -> None:
    """Add the table of locks and freezes; a target has at most one of each at a time."""
    op.create_table(
        "signalbox_closures",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("target", sa.String(80), nullable=False),
        sa.Column("person", sa.String(40), nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("since", sa.Double, nullable=False),
        sa.Column("until", sa.Double),
        sa.Column("ended_at", sa.Double),
        sa.Column("ended_by", sa.String(40)),
        sa.Column("reminded_at", sa.Double),
        sa.Column("seal", sa.String(43), nullable=False),
    )
    name, columns = "ix_signalbox_closures_closed", ["kind", "target"]
    op.create_index(name, "signalbox_closures", columns, unique=True, sqlite_where=CLOSED, postgresql_where=CLOSED)
