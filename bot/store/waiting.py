"""What waits, in numbers: the operations of each queue, and the approvals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bot.config.targets import without_lane
from bot.store.approval_tables import approvals
from bot.store.operation_tables import IS_OPEN, operations

if TYPE_CHECKING:
    from collections.abc import Mapping

QUEUED, PENDING = "waiting", "pending"  # the status of an operation, the outcome of an approval


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many operations wait in each target's queue, how many approvals are open, and since when the oldest (Unix seconds)."""

    queues: Mapping[str, int]
    approvals: int
    oldest_approval: float | None


def read(connection: sa.Connection) -> Waiting:
    """Count what waits now."""
    queued = sa.select(operations.c.environment).where(IS_OPEN, operations.c.status == QUEUED)
    queues = dict[str, int]()
    for environment in connection.scalars(queued):
        target = without_lane(environment)
        queues[target] = queues.get(target, 0) + 1
    open_ones = approvals.join(operations, operations.c.number == approvals.c.operation)
    wanted = sa.select(sa.func.count(), sa.func.min(approvals.c.created_at)).select_from(open_ones)
    count, oldest = connection.execute(wanted.where(IS_OPEN, approvals.c.outcome == PENDING)).one()
    return Waiting(queues, count, oldest)
