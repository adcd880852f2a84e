"""Revision 0001: the tables of the first release."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0001", None


def upgrade() -> None:
    """Create every table."""
    _create_operations()
    _create_annotations()
    _create_run_claims()
    _create_approvals()
    _create_audit()
    _create_cursors()
    _create_deployments()
    _create_machine_commits()
    _create_host_keys()
    _create_images()
    _create_log_warnings()
    _create_removal_candidates()


def _create_operations() -> None:
    op.create_table(
        "signalbox_operations",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("request_key", sa.String(80), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("environment", sa.String(80), nullable=False),
        sa.Column("requester", sa.String(40), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("arguments", sa.JSON, nullable=False),
        sa.Column("channel", sa.String(40), nullable=False),
        sa.Column("message_ts", sa.String(40)),
        sa.Column("status", sa.String(20), nullable=False, index=True),
        sa.Column("activity", sa.String(200), nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("ended_at", sa.Double),
        sa.Column("seal", sa.String(43), nullable=False),
        sa.UniqueConstraint("request_key"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "signalbox_side_effects",
        sa.Column("operation", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("name", sa.String(80), primary_key=True),
        sa.Column("started_at", sa.Double, nullable=False),
        sa.Column("seal", sa.String(43), nullable=False),
    )
    op.create_table(
        "signalbox_cancellations",
        sa.Column("operation", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("person", sa.String(40), primary_key=True),
        sa.Column("at", sa.Double, nullable=False),
    )


def _create_annotations() -> None:
    op.create_table(
        "signalbox_annotations",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("operation", sa.Integer, nullable=False),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("value", sa.String(200), nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("seal", sa.String(43), nullable=False),
        sa.UniqueConstraint("operation", "name", "value"),
    )


def _create_run_claims() -> None:
    op.create_table(
        "signalbox_run_claims",
        sa.Column("run_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("operation", sa.Integer, nullable=False, index=True),
        sa.Column("claimed_at", sa.Double, nullable=False),
        sa.Column("seal", sa.String(43), nullable=False),
    )
    op.create_table(
        "signalbox_dispatches",
        sa.Column("operation", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("workflow", sa.String(700), nullable=False, index=True),
        sa.Column("sent_at", sa.Double, nullable=False),
    )
    op.create_table(
        "signalbox_hcp_runs",
        sa.Column("run_id", sa.String(80), primary_key=True),
        sa.Column("operation", sa.Integer, nullable=False, index=True),
        sa.Column("claimed_at", sa.Double, nullable=False),
        sa.Column("seal", sa.String(43), nullable=False),
    )


def _create_approvals() -> None:
    op.create_table(
        "signalbox_approvals",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("operation", sa.Integer, nullable=False, index=True),
        sa.Column("environment", sa.String(80), nullable=False),
        sa.Column("binding", sa.String(64), nullable=False),
        sa.Column("requester", sa.String(40), nullable=False),
        sa.Column("channel", sa.String(40), nullable=False),
        sa.Column("message_ts", sa.String(40), nullable=False),
        sa.Column("required", sa.Integer, nullable=False),
        sa.Column("typed_confirmation", sa.String(80), nullable=False),
        sa.Column("outcome", sa.String(20), nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.Column("seal", sa.String(43), nullable=False),
        sa.UniqueConstraint("operation", "binding"),
    )
    op.create_table(
        "signalbox_votes",
        sa.Column("approval", sa.String(40), primary_key=True),
        sa.Column("person", sa.String(40), primary_key=True),
        sa.Column("decision", sa.String(10), nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("seal", sa.String(43), nullable=False),
    )


def _create_audit() -> None:
    op.create_table(
        "signalbox_audit",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("actor", sa.String(40), nullable=False),
        sa.Column("action", sa.String(60), nullable=False),
        sa.Column("environment", sa.String(80), nullable=False),
        sa.Column("operation", sa.Integer, index=True),
        sa.Column("detail", sa.JSON, nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
    )


def _create_cursors() -> None:
    op.create_table(
        "signalbox_cursors",
        sa.Column("name", sa.String(300), primary_key=True),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("advanced_at", sa.Double, nullable=False),
    )


def _create_deployments() -> None:
    op.create_table(
        "signalbox_deployments",
        sa.Column("operation", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("environment", sa.String(80), nullable=False, index=True),
        sa.Column("repository", sa.String(140), nullable=False),
        sa.Column("sha", sa.String(40), nullable=False),
        sa.Column("ref", sa.String(255), nullable=False),
        sa.Column("subject", sa.String(300), nullable=False),
        sa.Column("person", sa.String(40), nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("seal", sa.String(43), nullable=False),
    )
    op.create_table(
        "signalbox_reported_drift",
        sa.Column("environment", sa.String(80), primary_key=True),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("reported_at", sa.Double, nullable=False),
    )


def _create_machine_commits() -> None:
    op.create_table(
        "signalbox_machine_commits",
        sa.Column("environment", sa.String(80), primary_key=True),
        sa.Column("machine", sa.String(80), primary_key=True),
        sa.Column("instance", sa.String(40), primary_key=True),
        sa.Column("repository", sa.String(140), nullable=False),
        sa.Column("sha", sa.String(40), nullable=False),
        sa.Column("ref", sa.String(255), nullable=False),
        sa.Column("subject", sa.String(300), nullable=False),
        sa.Column("person", sa.String(40), nullable=False),
        sa.Column("operation", sa.Integer, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
    )


def _create_host_keys() -> None:
    op.create_table(
        "signalbox_host_keys",
        sa.Column("instance", sa.String(40), primary_key=True),
        sa.Column("trusted_keys", sa.Text, nullable=False),
        sa.Column("trust_reason", sa.String(80), nullable=False),
        sa.Column("trusted_at", sa.Double, nullable=False),
        sa.Column("changed_keys", sa.Text, nullable=False),
        sa.Column("changed_in", sa.Integer),
        sa.Column("seal", sa.String(43), nullable=False),
    )


def _create_images() -> None:
    op.create_table(
        "signalbox_images",
        sa.Column("image_id", sa.String(40), primary_key=True),
        sa.Column("machine", sa.String(80), nullable=False),
        sa.Column("environment", sa.String(80), nullable=False),
        sa.Column("repository", sa.String(140), nullable=False),
        sa.Column("sha", sa.String(40), nullable=False),
        sa.Column("run_id", sa.BigInteger, nullable=False, index=True),
        sa.Column("run_number", sa.Integer, nullable=False),
        sa.Column("run_url", sa.String(500), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("job_id", sa.BigInteger, nullable=False, index=True),
        sa.Column("job_url", sa.String(500), nullable=False),
        sa.Column("operation", sa.Integer, nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("size_gb", sa.Integer),
        sa.Column("created_at", sa.Double),
    )
    op.create_table(
        "signalbox_image_rollouts",
        sa.Column("operation", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("image_id", sa.String(40), primary_key=True),
        sa.Column("machine", sa.String(200), primary_key=True),
        sa.Column("environment", sa.String(80), nullable=False),
        sa.Column("person", sa.String(40), nullable=False),
        sa.Column("at", sa.Double, nullable=False),
    )


def _create_log_warnings() -> None:
    op.create_table(
        "signalbox_log_warnings",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("operation", sa.Integer, nullable=False),
        sa.Column("run_id", sa.BigInteger, nullable=False, index=True),
        sa.Column("job_id", sa.BigInteger, nullable=False, index=True),
        sa.Column("job_name", sa.String(200), nullable=False),
        sa.Column("job_url", sa.String(500), nullable=False),
        sa.Column("machine", sa.String(80), nullable=False),
        sa.Column("environment", sa.String(80), nullable=False),
        sa.Column("pattern", sa.String(200), nullable=False),
        sa.Column("line", sa.Integer, nullable=False),
        sa.Column("text", sa.String(300), nullable=False),
        sa.Column("before", sa.JSON, nullable=False),
        sa.Column("after", sa.JSON, nullable=False),
        sa.Column("step", sa.String(300)),
        sa.Column("fingerprint", sa.String(64), nullable=False, index=True),
    )
    op.create_table(
        "signalbox_log_warning_dismissals",
        sa.Column("fingerprint", sa.String(64), primary_key=True),
        sa.Column("person", sa.String(40), nullable=False),
        sa.Column("reason", sa.String(300), nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("seal", sa.String(43), nullable=False),
    )
    op.create_table(
        "signalbox_log_scans",
        sa.Column("job_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("lines", sa.BigInteger, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
    )


def _create_removal_candidates() -> None:
    op.create_table(
        "signalbox_removal_candidates",
        sa.Column("operation", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("resource_id", sa.String(60), primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("resource_type", sa.String(20), nullable=False),
        sa.Column("region", sa.String(40), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("name_tag", sa.String(300), nullable=False),
        sa.Column("snapshots", sa.JSON, nullable=False),
        sa.Column("group", sa.String(200), nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("excluded_by", sa.String(40), nullable=False),
        sa.Column("seal", sa.String(43), nullable=False),
    )
