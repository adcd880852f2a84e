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
            "events_person": ("actor", "environment", "number"),
            "events_action": ("action", "number"),
        }.items()
    ),
)

# What lets the database refuse to change or remove an entry (revision 0003), by the dialect.
TRIGGERS = {
    "sqlite": ("signalbox_audit_no_delete", "signalbox_audit_no_replace", "signalbox_audit_no_update"),
    "postgresql": ("signalbox_audit_no_change",),
}
_PRESENT = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :table AND sql LIKE '%RAISE(ABORT%'",
    "postgresql": "SELECT tgname FROM pg_trigger WHERE tgrelid = to_regclass(:table) AND tgenabled IN ('O', 'A')",
}


def missing_triggers(connection: sa.Connection) -> tuple[str, ...]:
    """The triggers that this database should have on the audit log, and has not, or has disabled."""
    dialect = connection.dialect.name
    present = set(connection.scalars(sa.text(_PRESENT[dialect]), {"table": audit.name}))
    return tuple(name for name in TRIGGERS[dialect] if name not in present)
