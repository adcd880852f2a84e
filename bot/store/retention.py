"""What bounds each table, and the deletion of what ended operations no longer need. docs/retention.md has the same list."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bot.store import operation_counts
from bot.store.annotations import annotation_rows
from bot.store.cursors import Cursors
from bot.store.host_keys import host_keys
from bot.store.operation_tables import OPEN_STATUSES, cancellations, operations, side_effects
from bot.store.removals import candidates
from bot.store.run_claims import dispatches
from bot.store.workers import workers

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from bot.store.database import Store

HOST_KEYS_FOR = 365 * 86_400.0  # seconds after an operation last asked for them
_CLAIM = "retention"  # the cursor that names the newest round
# What a workflow, a button or a late click reads while its operation is recent.
WORKING = (side_effects, cancellations, annotation_rows, candidates, dispatches)


class Bound(StrEnum):
    """What bounds the rows of a table."""

    RECORD = "record"  # they stay: a few for each operation, vote, image or entry
    RETENTION = "retention"  # deleted some time after their operation has ended, or after their last use
    OPEN = "open"  # deleted when their operation ends, or once they are delivered
    SHORT = "short"  # deleted within hours
    FIXED = "fixed"  # as many as the configuration, the installation or the code names


BOUNDS = {
    "signalbox_operations": Bound.RECORD,
    "signalbox_approvals": Bound.RECORD,
    "signalbox_votes": Bound.RECORD,
    "signalbox_audit": Bound.RECORD,
    "signalbox_closures": Bound.RECORD,
    "signalbox_deployments": Bound.RECORD,
    "signalbox_run_claims": Bound.RECORD,
    "signalbox_hcp_runs": Bound.RECORD,
    "signalbox_images": Bound.RECORD,
    "signalbox_image_rollouts": Bound.RECORD,
    "signalbox_log_scans": Bound.RECORD,
    "signalbox_log_warnings": Bound.RECORD,
    "signalbox_log_warning_dismissals": Bound.RECORD,
    **{table.name: Bound.RETENTION for table in WORKING},
    "signalbox_host_keys": Bound.RETENTION,
    "signalbox_workers": Bound.RETENTION,
    "signalbox_artifacts": Bound.OPEN,
    "signalbox_children": Bound.OPEN,
    "signalbox_child_output": Bound.OPEN,
    "signalbox_outbox": Bound.OPEN,
    "signalbox_run_slots": Bound.OPEN,
    "signalbox_deliveries": Bound.SHORT,
    "signalbox_audit_anchors": Bound.FIXED,
    "signalbox_channels": Bound.FIXED,
    "signalbox_cursors": Bound.FIXED,
    "signalbox_identity": Bound.FIXED,
    "signalbox_machine_commits": Bound.FIXED,
    "signalbox_operation_counts": Bound.FIXED,
    "signalbox_preferences": Bound.FIXED,
    "signalbox_reported_drift": Bound.FIXED,
}


@dataclass(frozen=True, slots=True)
class Needed:
    """Of some operations, by number, and of some requests, by key: those whose rows are still needed."""

    numbers: frozenset[int]
    keys: frozenset[str]


class Retention:
    """Deletes rows that are no longer needed. Every method is one transaction, and repeating it changes nothing."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._cursors = Cursors(store, clock)

    async def claim(self, due_at: float) -> bool:
        """Whether this process makes the round that was due at this time (Unix seconds); one of several does."""
        return await self._cursors.claim(_CLAIM, int(due_at * 1_000))

    async def needed(self, numbers: Collection[int], keys: Collection[str], before: float) -> Needed:
        """Those that have not ended, or that ended at `before` (Unix seconds) or later. What is not on record has ended."""
        recent = operations.c.status.in_(OPEN_STATUSES) | operations.c.ended_at.is_(None)
        recent |= operations.c.ended_at >= before
        chosen = sa.select(operations.c.number, operations.c.request_key)
        by_number = chosen.where(operations.c.number.in_(list(numbers)), recent)
        by_key = chosen.where(operations.c.request_key.in_(list(keys)), recent)

        def work(connection: sa.Connection) -> Needed:
            rows = [*connection.execute(by_number), *connection.execute(by_key)]
            return Needed(frozenset(int(row.number) for row in rows), frozenset(str(row.request_key) for row in rows))

        return await self._store.run(work)

    async def numbers_of(self, keys: Collection[str]) -> frozenset[int]:
        """The operations that the requests with these keys have begun."""
        wanted = sa.select(operations.c.number).where(operations.c.request_key.in_(list(keys)))
        return frozenset(await self._store.run(lambda connection: connection.scalars(wanted).all()))

    async def delete_working_rows(self, numbers: Collection[int]) -> None:
        """Delete what these operations needed while they ran; none of them may be open."""
        statements = [sa.delete(table).where(table.c.operation.in_(list(numbers))) for table in WORKING]

        def work(connection: sa.Connection) -> None:
            for statement in statements:
                connection.execute(statement)

        await self._store.run(work)

    async def delete_unused(self, before: float) -> None:
        """Delete workers that ended before this time (Unix seconds), and host keys that nothing has used for a year.

        Adds what has ended to the counts of operations.
        """
        now = self._clock()
        ended = sa.delete(workers).where(workers.c.ended, workers.c.seen_at < before)
        stale = sa.delete(host_keys).where(host_keys.c.used_at < now - HOST_KEYS_FOR)

        def work(connection: sa.Connection) -> None:
            connection.execute(ended)
            connection.execute(stale)
            operation_counts.add_ended(connection, now)

        await self._store.run(work)
