"""Revision 0013: indexes for large tables, counts of ended operations, and the last use of host keys."""

from __future__ import annotations

import time

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0013", "0012"

LISTED = sa.text("message_ts IS NOT NULL")
INDEXES = {
    "operations_title": ("operations", "environment", "title", "number"),
    "operations_open_between": ("operations", "environment", "ended_at"),
    "operations_ended": ("operations", "ended_at", "status"),
    "deployments_newest": ("deployments", "environment", "at", "operation"),
    "dispatches_sent": ("dispatches", "workflow", "sent_at"),
    "images_newest": ("images", "machine", "environment", "created_at", "job_id"),
    "image_rollouts_machine": ("image_rollouts", "environment", "machine", "at"),
    "image_rollouts_image": ("image_rollouts", "image_id", "at"),
    "host_keys_changed_in": ("host_keys", "changed_in"),
    "host_keys_used_at": ("host_keys", "used_at"),
}
REPLACED = {"deployments_environment": "deployments", "dispatches_workflow": "dispatches"}


def upgrade() -> None:
    """Add the indexes, the counts and the column. Host keys count as used now."""
    op.create_table(
        "signalbox_operation_counts",
        sa.Column("status", sa.String(20), primary_key=True),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("ended_before", sa.Double, nullable=False),
    )
    _count_ended()
    op.add_column("signalbox_host_keys", sa.Column("used_at", sa.Double))
    op.execute(sa.text("UPDATE signalbox_host_keys SET used_at = :now").bindparams(now=time.time()))
    for name, table in REPLACED.items():
        op.drop_index(f"ix_signalbox_{name}", f"signalbox_{table}")
    for name, (table, *columns) in INDEXES.items():
        op.create_index(f"ix_signalbox_{name}", f"signalbox_{table}", columns)
    name, table = "ix_signalbox_operations_listed", "signalbox_operations"
    op.create_index(name, table, ["number"], sqlite_where=LISTED, postgresql_where=LISTED)


def _count_ended() -> None:
    """Count what has ended by now once. From then on the bot adds to the counts."""
    op.execute(
        sa.text(
            "INSERT INTO signalbox_operation_counts (status, count, ended_before) "
            "SELECT status, count(*), CAST(:now AS DOUBLE PRECISION) FROM signalbox_operations "
            "WHERE ended_at < :now AND status NOT IN ('waiting', 'running', 'approval') GROUP BY status"
        ).bindparams(now=time.time() - 3_600.0)
    )
