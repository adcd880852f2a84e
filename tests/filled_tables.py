"""Rows by the thousand, as some years leave behind: made by the database itself, and without seals."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW = 1_700_000_000.0


@dataclass(frozen=True)
class Filling:
    """Which rows are made: n from `first` to `last`, `step` seconds apart, the `newest` of all that ever will be an hour ago."""

    first: int
    last: int
    newest: int
    now: float = NOW
    step: float = 600.0
    environments: tuple[str, ...] = ("env0", "env1", "env2", "env3")

    def fill(
        self, connection: sa.Connection, table: sa.Table, expressions: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        """Insert them; nothing of it is sealed, and all operations have ended. `expressions` are values of columns, in SQL."""
        columns = [column for column in table.columns if column.autoincrement is not True]
        names = ", ".join(f'"{column.name}"' for column in columns)
        values = ", ".join(expressions.get(column.name) or self._expression(connection, column) for column in columns)
        numbers = "WITH RECURSIVE numbers(n) AS (SELECT :first UNION ALL SELECT n + 1 FROM numbers WHERE n < :last)"
        if connection.dialect.name == "postgresql":
            numbers = "WITH numbers(n) AS (SELECT generate_series(CAST(:first AS INTEGER), :last))"
        statement = f"INSERT INTO {table.name} ({names}) {numbers} SELECT {values} FROM numbers"  # noqa: S608  -- constants
        connection.execute(sa.text(statement), {"first": self.first, "last": self.last})

    def _expression(self, connection: sa.Connection, column: sa.Column[Any]) -> str:
        chosen = self._of_name(column)
        if chosen is None:
            chosen = next(text for kind, text in _BY_TYPE.items() if isinstance(column.type, kind))
        if connection.dialect.name == "postgresql" and isinstance(column.type, sa.JSON | sa.LargeBinary):
            return f"CAST({chosen} AS {'JSON' if isinstance(column.type, sa.JSON) else 'BYTEA'})"
        return chosen

    def _of_name(self, column: sa.Column[Any]) -> str | None:
        """The value of a column that its type alone does not say."""
        at = f"({self.now - 3_600 - self.newest * self.step} + n * {self.step})"
        cases = " ".join(f"WHEN {number} THEN '{name}'" for number, name in enumerate(self.environments))
        by_name = {
            "environment": f"CASE n % {len(self.environments)} {cases} END",
            "created_at": at,
            "at": at,
            "sent_at": at,
            "ended_at": f"{at} + {self.step / 2}",
            "due_at": f"{self.now - 10} + (n % 2) * 1000",
            "used_at": f"{self.now - 10}",
        }
        return (
            _IN_TABLE.get(f"{column.table.name}.{column.name}") or by_name.get(column.name) or _BY_NAME.get(column.name)
        )


_BY_TYPE: dict[type[Any], str] = {
    sa.Boolean: "FALSE",
    sa.Integer: "n",
    sa.Double: f"{NOW}",
    sa.JSON: "'{}'",
    sa.LargeBinary: "'content'",
    sa.String: "'x' || n",
}
_BY_NAME = {
    "seal": f"'{'s' * 43}'",
    "digest": f"'{'d' * 56}' || n",
    "previous": f"'{'p' * 56}' || n",
    "sha": f"'{'a' * 40}'",
    "arguments": f"""'{{"ref": "main", "commit": "{"a" * 40}", "machines": "backend frontend"}}'""",
    "detail": f"""'{{"what": "/deploy staging main", "digest": "{"b" * 64}", "commit": "{"a" * 40}"}}'""",
    "machine": "'machine' || (n % 5)",
    "requester": "'U' || (n % 9)",
    "channel": "'C0OPS'",
    "lease_until": "9e9",  # by the database's clock
    "stream": "'output'",
    "workflow": "'o/r file' || (n % 5) || '.yml main'",
    "lost_at": "NULL",
    "changed_in": "NULL",
}
_IN_TABLE = {
    "signalbox_operations.status": "'succeeded'",
    "signalbox_operations.title": "'Title ' || (n % 5)",
    "signalbox_operations.message_ts": "CASE WHEN n % 2 = 0 THEN '1700000000.' || n END",
    "signalbox_approvals.outcome": "'approved'",
    "signalbox_outbox.error": "CASE WHEN n % 3 = 0 THEN 'ratelimited' ELSE '' END",
    "signalbox_children.ended_at": "NULL",
}
