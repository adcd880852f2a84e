"""Revision 0007: the identity of the database, which the directory of the operations knows as well."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0007", "0006"


def upgrade() -> None:
    """Create the table. The first start fills it (bot/store/identity.py)."""
    op.create_table(
        "signalbox_identity",
        sa.Column("row", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("identity", sa.String(40), nullable=False),
    )
