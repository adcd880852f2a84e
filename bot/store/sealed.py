"""Rows that decide: each has a seal over its columns, and a row that the database alone has changed is refused.

A seal covers the name of the table and every column but those in `info["unsealed"]`; one in `info["added"]`, which older
rows lack, only while it has a value. It proves that Signalbox wrote
the row. It does not prove that the row is the newest: bot/operations/authority.py compares the audit log for that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from bot.errors import ForgedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.seals import Field, Keyring

    Row = Mapping[str, Any] | sa.RowMapping

COLUMN = "seal"
UNSEALED = "unsealed"  # the key in a table's `info` of the columns that may change without a new seal
ADDED = "added"  # the key of the columns that rows sealed before them lack: NULL there is no part of the seal


def seal_column() -> sa.Column[str]:
    """The column of a table whose rows are sealed."""
    return sa.Column(COLUMN, sa.String(43), nullable=False)


def sealed(keyring: Keyring, table: sa.Table, row: Row) -> dict[str, Any]:
    """The row with its seal."""
    return {**row, COLUMN: keyring.seal(table.name, _fields(table, row))}


def check(keyring: Keyring, table: sa.Table, row: Row, name: str) -> None:
    """Raises ForgedError, with `name` ("the approval of #7"), unless Signalbox has sealed exactly this row."""
    if not verifies(keyring, table, row):
        raise ForgedError(
            f"The record of {name} does not verify: something other than Signalbox has changed the database, or "
            "SIGNALBOX_KEY lacks the key that sealed it. Nothing was started."
        )


def verifies(keyring: Keyring, table: sa.Table, row: Row) -> bool:
    """Whether Signalbox has sealed exactly this row."""
    try:
        return keyring.verify(table.name, _fields(table, row), str(row[COLUMN]))
    except (TypeError, ValueError, OverflowError):
        return False  # SQLite holds any type in any column, and PostgreSQL has NaN: neither was ever sealed


def change(
    connection: sa.Connection, keyring: Keyring, table: sa.Table, row: Row, values: Mapping[str, Any]
) -> dict[str, Any]:
    """Change this row, which was verified before, and seal what it has to be afterwards; the row with its new seal.

    The seal is of the values that are known here and never of what the database returns: a trigger of its administrator
    may write other values, which then do not verify.
    """
    changed = sealed(keyring, table, {**row, **values})
    identity = sa.and_(*(column == row[column.name] for column in table.primary_key))
    connection.execute(sa.update(table).where(identity).values({**values, COLUMN: changed[COLUMN]}))
    return changed


def _fields(table: sa.Table, row: Row) -> dict[str, Field]:
    names = (column for column in table.columns if column.name not in (COLUMN, *table.info.get(UNSEALED, ())))
    fields = {column.name: _value(column, row.get(column.name)) for column in names}
    added = table.info.get(ADDED, ())
    return {name: value for name, value in fields.items() if value is not None or name not in added}


def _value(column: sa.Column[Any], value: Any) -> Any:
    # A database returns 5.0 where 5 was written.
    return float(value) if isinstance(column.type, sa.Double) and value is not None else value
