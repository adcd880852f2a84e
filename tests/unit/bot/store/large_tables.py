"""Tables with as many rows as some years leave behind, and a count of the rows that each statement reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from bot.store.database import metadata
from tests.filled_tables import Filling

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS = 10_000  # of each table that grows
# SQLite takes three steps of its virtual machine at least for each row of a scan; PostgreSQL counts rows and index entries.
MOST_STEPS, MOST_ROWS = ROWS // 2, ROWS // 20
_GRANULARITY = 50  # steps


def fill(connection: sa.Connection, table: sa.Table) -> None:
    """Insert ROWS rows."""
    Filling(1, ROWS, ROWS).fill(connection, table)


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
