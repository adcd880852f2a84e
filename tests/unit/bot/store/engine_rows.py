"""Rows of the engine and of operations, written directly: of any age and in any state, without running anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from bot.store.annotations import annotation_rows
from bot.store.operation_tables import operations, side_effects
from bot.store.retention import WORKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from bot.engine.engine import Engine
    from bot.store.database import Store

DAY = 86_400.0


@dataclass(frozen=True)
class Case:
    """An operation: its status, the days since its end and since its request, the engine's words for its two workflows.

    None stands for a row that is missing.
    """

    status: str | None
    ended: float | None
    requested: float
    begin: str | None
    operation: str | None


class EngineRows:
    """Writes and reads the rows. Cases are numbered from 1."""

    def __init__(self, engine: Engine, store: Store, now: float) -> None:
        database: Any = engine.shared._dbos._sys_db
        self._engine: sa.Engine = database.engine
        self._tables = database.tables
        self._store = store
        self._now = now

    def write(self, cases: Sequence[Case]) -> None:
        """Replace everything by these cases."""
        mine = (operations, *WORKING)
        with self._engine.begin() as connection:
            for table in (self._tables.operation_outputs, self._tables.workflow_input, self._tables.workflow_status):
                connection.execute(sa.delete(table))
            for number, case in enumerate(cases, 1):
                for name, status in ((f"begin-key {number}", case.begin), (f"operation-{number}", case.operation)):
                    if status is not None:
                        self._write_workflow(connection, name, status, case.requested)
        with self._store.engine.begin() as connection:
            for each in mine:
                connection.execute(sa.delete(each))
            for number, case in enumerate(cases, 1):
                self._write_operation(connection, number, case)

    def workflows(self) -> set[str]:
        """The names of the workflows that have any row."""
        tables = self._tables.workflow_status, self._tables.workflow_input, self._tables.operation_outputs
        with self._engine.begin() as connection:
            return {str(name) for table in tables for name in connection.scalars(sa.select(table.c.workflow_uuid))}

    def working(self) -> set[int]:
        """The operations that have rows for their work."""
        with self._store.engine.begin() as connection:
            return {int(number) for table in WORKING for number in connection.scalars(sa.select(table.c.operation))}

    def recorded(self) -> Collection[int]:
        """The operations on record."""
        with self._store.engine.begin() as connection:
            return set(connection.scalars(sa.select(operations.c.number)))

    def _write_workflow(self, connection: sa.Connection, name: str, status: str, age: float) -> None:
        at = int((self._now - age * DAY) * 1_000)
        row = {"workflow_uuid": name, "status": status, "created_at": at, "updated_at": at, "priority": 0}
        connection.execute(sa.insert(self._tables.workflow_status).values(**row))
        stored = {"workflow_uuid": name, "retention_timestamp": at}
        connection.execute(sa.insert(self._tables.workflow_input).values(**stored, inputs="{}"))
        step = {**stored, "function_id": 1, "function_name": "number", "output": "{}"}
        connection.execute(sa.insert(self._tables.operation_outputs).values(**step))

    def _write_operation(self, connection: sa.Connection, number: int, case: Case) -> None:
        if case.status is not None:
            row = {
                "number": number, "request_key": f"key {number}", "kind": "plan", "environment": "dev", "requester": "U0ANA",
                "title": "Plan", "arguments": {}, "channel": "C", "status": case.status, "activity": "", "seal": "",
                "created_at": self._now - case.requested * DAY,
                "ended_at": None if case.ended is None else self._now - case.ended * DAY,
            }  # fmt: skip
            connection.execute(sa.insert(operations).values(row))
        common = {"operation": number, "seal": ""}
        connection.execute(sa.insert(side_effects).values(**common, name="apply", started_at=0.0))
        connection.execute(sa.insert(annotation_rows).values(**common, name="n", value="v", at=0.0))
