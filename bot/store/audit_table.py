"""The table of the audit log, which the database only lets grow (see revision 0003)."""

from __future__ import annotations

import sqlalchemy as sa

from bot.store.database import metadata

# Entries that are no step of an operation: what people did, and what belongs to no operation. READ are those of questions.
EVENT = sa.text("(operation IS NULL OR actor <> 'signalbox')")
READ = "/infra %"

audit = sa.Table(
    "signalbox_audit",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("actor", sa.String(40), nullable=False),
    sa.Column("action", sa.String(60), nullable=False),
    sa.Column("environment", sa.String(80), nullable=False),
    sa.Column("operation", sa.Integer, index=True),
    sa.Column("detail", sa.JSON, nullable=False),
    sa.Column("previous", sa.String(64), nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("seal", sa.String(43)),  # entries of the first release have none
    *(
        sa.Index(f"ix_signalbox_audit_{name}", *columns, sqlite_where=EVENT, postgresql_where=EVENT)
        for name, columns in {
            "events": ("number",),
            "events_environment": ("environment", "number"),
            "events_actor": ("actor", "number"),
            "events_action": ("action", "number"),
        }.items()
    ),
)
