"""What the administrator of a database can do to its audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlalchemy as sa


def drop_triggers(connection: sa.Connection) -> None:
    """Drop the triggers that refuse changes; only the owner of the table can."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("DROP TRIGGER IF EXISTS signalbox_audit_no_change ON signalbox_audit")
        return
    for name in ("update", "delete", "replace"):
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS signalbox_audit_no_{name}")
