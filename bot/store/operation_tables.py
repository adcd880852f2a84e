"""The tables of operations, of what they began outside, of who cancelled them, and of how many have ended."""

from __future__ import annotations

import sqlalchemy as sa

from bot.store import sealed
from bot.store.database import metadata

OPEN_STATUSES = ("waiting", "running", "approval")
LISTED = sa.text("message_ts IS NOT NULL")
_OPEN = f"status IN ({', '.join(map(repr, OPEN_STATUSES))})"

operations = sa.Table(
    "signalbox_operations",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("request_key", sa.String(80), unique=True, nullable=False),  # a request begins one operation
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("environment", sa.String(80), nullable=False),
    sa.Column(
        "target", sa.String(80), nullable=False, server_default=sa.text("''")
    ),  # the environment without its lane
    sa.Column("requester", sa.String(40), nullable=False),
    sa.Column("title", sa.String(200), nullable=False),
    sa.Column("arguments", sa.JSON, nullable=False),
    sa.Column("channel", sa.String(40), nullable=False),
    sa.Column("message_ts", sa.String(40)),
    sa.Column("status", sa.String(20), nullable=False),
    sa.Column("activity", sa.String(200), nullable=False, default=""),
    sa.Column("created_at", sa.Double, nullable=False),  # Unix seconds, as in all these tables
    sa.Column("ended_at", sa.Double),
    sealed.seal_column(),
    # The few that are open, among all that have ended.
    sa.Index(
        "ix_signalbox_operations_open",
        "status",
        "environment",
        sqlite_where=sa.text(_OPEN),
        postgresql_where=sa.text(_OPEN),
    ),
    # What is listed has a message. What was open at some time, and what ended lately, are found by the time of the end.
    sa.Index("ix_signalbox_operations_listed", "number", sqlite_where=LISTED, postgresql_where=LISTED),
    *(
        sa.Index(
            f"ix_signalbox_operations_of_{'_'.join(names)}",
            *names,
            "number",
            sqlite_where=LISTED,
            postgresql_where=LISTED,
        )
        for names in (("target",), ("kind",), ("requester",), ("target", "kind"), ("target", "requester"))
    ),
    sa.Index("ix_signalbox_operations_message", "message_ts", sqlite_where=LISTED, postgresql_where=LISTED),
    sa.Index("ix_signalbox_operations_title", "environment", "title", "number"),
    sa.Index("ix_signalbox_operations_open_between", "environment", "ended_at"),
    sa.Index("ix_signalbox_operations_ended", "ended_at", "status"),
    sqlite_autoincrement=True,  # SQLite never reuses a number, not even after a deletion
    # The seal covers the request. What these say about its course is displayed, and decides nothing.
    info={sealed.UNSEALED: ("target", "channel", "message_ts", "status", "activity", "ended_at")},
)

# Written out as in the index: only then do SQLite and PostgreSQL know that the index has all of them.
IS_OPEN = operations.c.status.in_([sa.literal_column(repr(status)) for status in OPEN_STATUSES])

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

# How many operations ended with each status before a time, so that nobody counts the whole table.
operation_counts = sa.Table(
    "signalbox_operation_counts",
    metadata,
    sa.Column("status", sa.String(20), primary_key=True),
    sa.Column("count", sa.BigInteger, nullable=False),
    sa.Column("ended_before", sa.Double, nullable=False),  # the same in all rows
)
