"""Rollouts: which image an apply put on which machine, and the newest of each machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from bot.store.database import metadata

if TYPE_CHECKING:
    from collections.abc import Mapping

rollouts = sa.Table(
    "signalbox_image_rollouts",
    metadata,
    sa.Column("operation", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("image_id", sa.String(40), primary_key=True),
    sa.Column("machine", sa.String(200), primary_key=True),
    sa.Column("environment", sa.String(80), nullable=False),
    sa.Column("person", sa.String(40), nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Index("ix_signalbox_image_rollouts_machine", "environment", "machine", "at"),
    sa.Index("ix_signalbox_image_rollouts_image", "image_id", "at"),
)


# Every part is answered by the index of environment, machine and time: the machines one after the other, then the newest
# image of each and the newest other one. The table has a row for each rollout that there ever was.
_OF = "FROM signalbox_image_rollouts AS r WHERE"
# Two parts: SQLite uses an index for the first of two columns that are compared together with two others.
_SAME = f"{_OF} r.environment = m.environment AND r.machine > m.machine ORDER BY r.environment, r.machine LIMIT 1"
_NEXT = f"{_OF} r.environment > m.environment ORDER BY r.environment, r.machine LIMIT 1"
_NEWEST = f"{_OF} r.environment = m.environment AND r.machine = m.machine ORDER BY r.at DESC LIMIT 1"
_OTHER = (
    f"{_OF} r.environment = p.environment AND r.machine = p.machine AND r.image_id <> p.image_id "
    "ORDER BY r.at DESC LIMIT 1"
)
LAST_TWO = f"""
WITH RECURSIVE machines(environment, machine) AS (
    SELECT CAST('' AS TEXT), CAST('' AS TEXT)
    UNION ALL
    SELECT CAST(coalesce((SELECT r.environment {_SAME}), (SELECT r.environment {_NEXT})) AS TEXT),
        CAST(coalesce((SELECT r.machine {_SAME}), (SELECT r.machine {_NEXT})) AS TEXT)
    FROM machines AS m WHERE m.environment IS NOT NULL
)
SELECT p.environment, p.machine, p.image_id, p.operation,
    (SELECT r.image_id {_OTHER}) AS other_image, (SELECT r.operation {_OTHER}) AS other_operation
FROM (
    SELECT m.environment, m.machine, (SELECT r.image_id {_NEWEST}) AS image_id, (SELECT r.operation {_NEWEST}) AS operation
    FROM machines AS m WHERE m.environment <> ''
) AS p
"""  # noqa: S608  -- constants


def last_rolled_out(connection: sa.Connection) -> Mapping[str, str]:
    """The images of the last two rollouts of different images to each machine, by id, with a description."""
    described = dict[str, str]()
    for row in connection.execute(sa.text(LAST_TWO)):
        for image, operation in ((row.image_id, row.operation), (row.other_image, row.other_operation)):
            if image is not None:
                described.setdefault(image, f"rolled out to {row.machine} in {row.environment} by #{operation}")
    return described
