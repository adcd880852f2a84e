"""Revision 0003: seals of the audit log's entries, its anchors, and triggers that refuse to change or remove an entry."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0003", "0002"

REFUSAL = "entries of the audit log are never changed or removed"


def upgrade() -> None:
    """Add the seal and the anchors, and let the database refuse UPDATE, DELETE and TRUNCATE of the audit log."""
    op.add_column("signalbox_audit", sa.Column("seal", sa.String(43)))
    op.create_table(
        "signalbox_audit_anchors",
        sa.Column("destination", sa.String(300), primary_key=True),
        sa.Column("line", sa.Text, nullable=False),
        sa.Column("sent", sa.Boolean, nullable=False),
    )
    if op.get_bind().dialect.name == "postgresql":
        _refuse_on_postgresql()
    else:
        _refuse_on_sqlite()


def _refuse_on_sqlite() -> None:
    for event in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER signalbox_audit_no_{event.lower()} BEFORE {event} ON signalbox_audit "
            f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
        )
    # INSERT OR REPLACE deletes without the trigger of DELETE, unless recursive triggers are on (sqlite.org/lang_conflict).
    condition = "WHEN EXISTS (SELECT 1 FROM signalbox_audit WHERE number = NEW.number)"
    op.execute(
        f"CREATE TRIGGER signalbox_audit_no_replace BEFORE INSERT ON signalbox_audit {condition} "
        f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
    )


def _refuse_on_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION signalbox_audit_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{REFUSAL}'; END $$"
    )
    op.execute(
        "CREATE TRIGGER signalbox_audit_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON signalbox_audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION signalbox_audit_refuse()"
    )
