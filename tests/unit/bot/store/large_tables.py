"""Tables with as many rows as some years leave behind, and a count of the rows that each statement reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from bot.store.database import metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS = 10_000  # of each table that grows
NOW = 1_700_000_000.0
# SQLite takes three steps of its virtual machine at least for each row of a scan; PostgreSQL counts rows and index entries.
MOST_STEPS, MOST_ROWS = ROWS // 2, ROWS // 20
_GRANULARITY = 50  # steps

# The columns whose value is not derived from the type alone; n is the number of the row.
_AT = f"{NOW - ROWS * 600 - 3_600} + n * 600.0"
_ENVIRONMENT = "'env' || (n % 4)"
_MACHINE = "'machine' || (n % 5)"
_COLUMNS = {
    "environment": _ENVIRONMENT,
    "machine": _MACHINE,
    "created_at": _AT,
    "at": _AT,
    "sent_at": _AT,
    "due_at": f"{NOW - 10} + (n % 2) * 1000",
    "used_at": f"{NOW - 10}",
    "lease_until": "9e9",  # by the database's clock
    "stream": "'output'",
    "workflow": "'o/r file' || (n % 5) || '.yml main'",
    "lost_at": "NULL",
    "changed_in": "NULL",
}
_IN_TABLE = {
    "signalbox_operations.status": "'succeeded'",
    "signalbox_operations.title": "'Title ' || (n % 5)",
    "signalbox_operations.message_ts": "CASE WHEN n % 2 = 0 THEN 'x' || n END",
    "signalbox_operations.ended_at": f"{_AT} + 300",
    "signalbox_operations.arguments": "'{}'",
    "signalbox_approvals.outcome": "'approved'",
    "signalbox_outbox.error": "CASE WHEN n % 3 = 0 THEN 'ratelimited' ELSE '' END",
}


def fill(connection: sa.Connection, table: sa.Table, rows: int = ROWS) -> None:
    """Insert so many rows, whose n is 1 and so on; nothing of it is sealed."""
    columns = [column for column in table.columns if column.autoincrement is not True]
    names = ", ".join(f'"{column.name}"' for column in columns)
    values = ", ".join(_expression(connection, column) for column in columns)
    numbers = "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :rows)"
    statement = f"INSERT INTO {table.name} ({names}) {numbers} SELECT {values} FROM numbers"  # noqa: S608  -- constants
    connection.execute(sa.text(statement), {"rows": rows})


def _expression(connection: sa.Connection, column: sa.Column[Any]) -> str:
    chosen = _IN_TABLE.get(f"{column.table.name}.{column.name}") or _COLUMNS.get(column.name)
    if chosen is None:
        chosen = next(text for kind, text in _BY_TYPE.items() if isinstance(column.type, kind))
    if isinstance(column.type, sa.JSON) and connection.dialect.name == "postgresql":
        return f"CAST({chosen} AS JSON)"
    if isinstance(column.type, sa.LargeBinary) and connection.dialect.name == "postgresql":
        return f"CAST({chosen} AS BYTEA)"
    return chosen


_BY_TYPE: dict[type[Any], str] = {
    sa.Boolean: "FALSE",
    sa.Integer: "n",
    sa.Double: f"{NOW}",
    sa.JSON: "'{}'",
    sa.LargeBinary: "'content'",
    sa.String: "'x' || n",
}


@dataclass
class Work:
    """What a statement did: steps of SQLite's virtual machine, or rows and index entries that PostgreSQL read."""

    statement: str
    amount: int = 0


class Meter:
    """Counts the work of every statement that this engine executes from now on."""

    def __init__(self, engine: sa.Engine) -> None:
        self.works: list[Work] = []
        self._before = 0
        self._is_postgres = engine.dialect.name == "postgresql"
        sa.event.listen(engine, "before_cursor_execute", self._begin)
        sa.event.listen(engine, "after_cursor_execute", self._end)

    def _begin(self, connection: sa.Connection, _cursor: Any, statement: str, *_: Any) -> None:
        self.works.append(Work(" ".join(statement.split())))
        if self._is_postgres:
            self._before = _rows_read(connection)
        else:
            # Rows are fetched after the execution: steps count for this statement until the next one begins.
            dbapi: Any = connection.connection.dbapi_connection
            dbapi.set_progress_handler(self._step, _GRANULARITY)

    def _step(self) -> int:
        self.works[-1].amount += _GRANULARITY
        return 0

    def _end(self, connection: sa.Connection, *_: Any) -> None:
        if self._is_postgres:
            self.works[-1].amount = _rows_read(connection) - self._before

    @property
    def most(self) -> int:
        """What a statement may do at most, however many rows there are."""
        return MOST_ROWS if self._is_postgres else MOST_STEPS


def _rows_read(connection: sa.Connection) -> int:
    """The rows of tables, and entries of indexes, that scans of Signalbox's tables have read in this transaction.

    As in the view pg_stat_xact_user_tables, which leaves out the entries of indexes:
    https://www.postgresql.org/docs/current/monitoring-stats.html
    """
    dbapi: Any = connection.connection.dbapi_connection
    with dbapi.cursor() as cursor:  # not SQLAlchemy's, whose events count
        cursor.execute(
            "SELECT coalesce(sum(pg_stat_get_xact_tuples_returned(oid)), 0) FROM pg_class WHERE relkind IN ('r', 'i')"
            " AND relname LIKE '%signalbox\\_%'"
        )
        [total] = cursor.fetchone()
        return int(total)


def growing_tables(small: frozenset[str]) -> Iterator[sa.Table]:
    """All tables of Signalbox but these."""
    return (table for table in metadata.sorted_tables if table.name not in small)
