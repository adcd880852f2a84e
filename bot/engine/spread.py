"""Which of the operations that are first in their queues a process takes now, and which it leaves to the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import sqlalchemy as sa

from bot.engine import versions

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence


class Spread(Protocol):
    """Decides, before each take. Both are called in the thread that polls the queues."""

    def deferred(self, connection: sa.Connection, numbers: Collection[int]) -> Collection[int]:
        """Those of these operations, each the first in its queue, that this process leaves to others now."""

    def took(self, numbers: Collection[int]) -> None:
        """Note the operations that this process has taken."""


def first_in_queues(
    connection: sa.Connection, statuses: Any, queue: str, only: Callable[[Any], Sequence[sa.ColumnElement[bool]]]
) -> Mapping[str, str]:
    """The workflows that could be taken now, each with its queue's partition: the first of each that runs nothing.

    `statuses` is the engine's table of workflows, `only` limits its rows. The order is the engine's own (DBOS 3.4.0,
    start_queued_partitioned_workflows).
    """
    of, other = statuses.c, statuses.alias("pending")
    order = of.priority, of.created_at, of.workflow_uuid
    place = sa.func.row_number().over(partition_by=of.queue_partition_key, order_by=order).label("place")
    own_version = of.application_version.is_(None) | (of.application_version == versions.APPLICATION_VERSION)
    queued = (of.queue_name == queue) & (of.status == "ENQUEUED") & of.queue_partition_key.is_not(None) & own_version
    ranked = sa.select(of.workflow_uuid, of.queue_partition_key, place).where(queued, *only(statuses)).subquery()
    runs = (
        (other.c.queue_name == queue)
        & (other.c.status == "PENDING")
        & (other.c.queue_partition_key == ranked.c.queue_partition_key)
    )
    first = sa.select(ranked.c.workflow_uuid, ranked.c.queue_partition_key).where(
        ranked.c.place == 1, ~sa.exists(sa.select(other.c.workflow_uuid).where(runs))
    )
    return {row.workflow_uuid: row.queue_partition_key for row in connection.execute(first)}
