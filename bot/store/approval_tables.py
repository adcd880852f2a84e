"""The tables of approvals and of their votes."""

from __future__ import annotations

import sqlalchemy as sa

from bot.store import sealed
from bot.store.database import metadata

LONGEST_REASON = 200
approvals = sa.Table(
    "signalbox_approvals",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("operation", sa.Integer, nullable=False, index=True),
    sa.Column("environment", sa.String(80), nullable=False),
    sa.Column("binding", sa.String(64), nullable=False),  # digest of what is approved
    sa.Column("requester", sa.String(40), nullable=False),
    sa.Column("channel", sa.String(40), nullable=False),
    sa.Column("message_ts", sa.String(40), nullable=False),
    sa.Column("required", sa.Integer, nullable=False),
    sa.Column("typed_confirmation", sa.String(80), nullable=False, default=""),
    sa.Column("outcome", sa.String(20), nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("expires_at", sa.Double, nullable=False),
    sealed.seal_column(),
    sa.UniqueConstraint("operation", "binding"),  # the same request twice is one approval
)

votes = sa.Table(
    "signalbox_votes",
    metadata,
    sa.Column("approval", sa.String(40), primary_key=True),
    sa.Column("person", sa.String(40), primary_key=True),  # a person counts once
    sa.Column("decision", sa.String(10), nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("reason", sa.String(LONGEST_REASON)),  # of a rejection, if its person gave one
    sealed.seal_column(),
    info={sealed.ADDED: ("reason",)},
)
