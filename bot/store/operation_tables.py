"""The tables of what operations began outside, and of who cancelled them."""

from __future__ import annotations

import sqlalchemy as sa

from bot.store import sealed
from bot.store.database import metadata

side_effects = sa.Table(
    "signalbox_side_effects",
    metadata,
    sa.Column("operation", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("name", sa.String(80), primary_key=True),
    sa.Column("started_at", sa.Double, nullable=False),
    sealed.seal_column(),
)

cancellations = sa.Table(
    "signalbox_cancellations",
    metadata,
    sa.Column("operation", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("person", sa.String(40), primary_key=True),
    sa.Column("at", sa.Double, nullable=False),
)
