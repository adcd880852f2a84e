"""Revision 0016: the target of each operation, and the indexes of the history."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.config.targets import without_lane

revision, down_revision = "0016", "0015"

LISTED = sa.text("message_ts IS NOT NULL")
EVENT = sa.text("(operation IS NULL OR actor <> 'signalbox')")


def upgrade() -> None:
    """Store the target, which is the environment without a lane, and add the indexes."""
    op.add_column(
        "signalbox_operations", sa.Column("target", sa.String(80), nullable=False, server_default=sa.text("''"))
    )
    op.execute("UPDATE signalbox_operations SET target = environment")
    connection = op.get_bind()
    lanes = sa.text("SELECT DISTINCT environment FROM signalbox_operations WHERE environment LIKE '%/% %'")
    changed = sa.text("UPDATE signalbox_operations SET target = :target WHERE environment = :environment")
    for (environment,) in connection.execute(lanes).all():
        connection.execute(changed, {"environment": environment, "target": without_lane(environment)})
    for names in (("target",), ("kind",), ("requester",), ("target", "kind"), ("target", "requester")):
        _create("operations", f"of_{'_'.join(names)}", *names, where=LISTED)
    _create("audit", "events", where=EVENT)
    _create("audit", "events_person", "actor", "environment", where=EVENT)
    for column in ("environment", "actor", "action"):
        _create("audit", f"events_{column}", column, where=EVENT)


def _create(table: str, name: str, *columns: str, where: sa.TextClause) -> None:
    index, table = f"ix_signalbox_{table}_{name}", f"signalbox_{table}"
    op.create_index(index, table, [*columns, "number"], sqlite_where=where, postgresql_where=where)
