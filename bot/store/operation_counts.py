"""How many operations have each status, without reading them all: those that ended before a time are counted once."""

from __future__ import annotations

from collections import Counter

import sqlalchemy as sa

from bot.store.database import lock_transaction
from bot.store.operation_tables import IS_OPEN, OPEN_STATUSES, operation_counts, operations

# PostgreSQL's advisory lock for adding to the counts: a constant that nothing else in this database uses.
LOCK = 5_146_100_743
# Seconds: the clock of a machine that ends an operation may be this far behind, and its transaction take as long.
MARGIN = 3_600.0


def read(connection: sa.Connection) -> dict[str, int]:
    """The number of operations by status."""
    stored, ended_before = _stored(connection)
    since = operations.c.ended_at.is_not(None) if ended_before is None else operations.c.ended_at >= ended_before
    ended = _counted(connection, since, operations.c.status.not_in(OPEN_STATUSES))
    return dict(stored + ended + _counted(connection, IS_OPEN))


def add_ended(connection: sa.Connection, now: float) -> None:
    """Add to the stored counts what has ended since they were stored, up to MARGIN before `now` (Unix seconds)."""
    lock_transaction(connection, LOCK)
    stored, ended_before = _stored(connection)
    until = now - MARGIN
    if ended_before is not None and until <= ended_before:
        return
    between = operations.c.ended_at < until
    if ended_before is not None:
        between &= operations.c.ended_at >= ended_before
    counts = stored + _counted(connection, between, operations.c.status.not_in(OPEN_STATUSES))
    connection.execute(sa.delete(operation_counts))
    rows = [{"status": status, "count": count, "ended_before": until} for status, count in counts.items()]
    if rows:
        connection.execute(sa.insert(operation_counts), rows)


def _stored(connection: sa.Connection) -> tuple[Counter[str], float | None]:
    """The counts of what ended before a time, and that time; None before the first."""
    rows = connection.execute(sa.select(operation_counts)).mappings().all()
    return Counter({str(row["status"]): int(row["count"]) for row in rows}), rows[0]["ended_before"] if rows else None


def _counted(connection: sa.Connection, *which: sa.ColumnElement[bool]) -> Counter[str]:
    # An expression: for the column itself SQLite reads the whole index of statuses, which has its order.
    status: sa.ColumnClause[str] = sa.literal_column("signalbox_operations.status || ''")
    counted = sa.select(status, sa.func.count()).select_from(operations).where(*which).group_by(status)
    return Counter({str(status): int(count) for status, count in connection.execute(counted)})
