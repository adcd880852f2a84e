"""Counts of the operations that this process ended, for /metrics: several processes add up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from prometheus_client import Counter, Histogram

from bot.store.operation_tables import operations

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bot.store.database import Store

# For /metrics, which registers them.
ENDED = Counter(
    "signalbox_operations_ended",
    "Operations that this process ended, by kind and outcome.",
    ["kind", "outcome"],
    registry=None,
)
DURATION = Histogram(
    "signalbox_operation_duration_seconds",
    "From the request of an operation to its end, with all waiting, by kind.",
    ["kind"],
    buckets=(5, 15, 60, 300, 900, 1_800, 3_600, 14_400, 86_400),
    registry=None,
)


async def end(
    store: Store,
    which: sa.ColumnElement[bool],
    values: Mapping[str, Any],
    then: Callable[[sa.Connection], object] = lambda _: None,
) -> bool:
    """Change an operation to one that has ended, do `then` in the same transaction, and count it.

    False when there is none. One that had ended before is not counted again.
    """
    was_open = sa.select(operations.c.kind, operations.c.created_at).where(which, operations.c.ended_at.is_(None))
    change = sa.update(operations).where(which).values(values).returning(operations.c.number)

    def work(connection: sa.Connection) -> tuple[sa.Row[str, float] | None, bool]:
        begun = connection.execute(was_open).one_or_none()
        changed = connection.scalar(change) is not None
        if changed:
            then(connection)
        return begun, changed

    begun, changed = await store.run(work)
    if begun is not None and changed:
        ENDED.labels(begun.kind, values["status"]).inc()
        DURATION.labels(begun.kind).observe(max(0.0, values["ended_at"] - begun.created_at))
    return changed
