"""Versions of the workflows, side by side on one database: who continues what, and what nobody can continue.

The engine stores the number of a version (APPLICATION_VERSION) with each workflow. A process takes workflows of its own
version. Of an older version it takes what is in a queue, and what a dead process left: see docs/architecture.md. It takes
nothing of a newer version, whose steps it does not know.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from bot.errors import ConfigError, Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from bot.store.database import Store
    from bot.store.workers import Worker

# Raise it with each change of a workflow's steps or of what they store: tests/data/workflow_steps.json says when.
APPLICATION_VERSION = "5"
# The oldest version whose workflows this program continues. Raise it when a patch for an older one is removed.
OLDEST_CONTINUED = 1
SERIALIZER = "signalbox"  # the name that the engine stores beside each value
_READABLE = (SERIALIZER, "portable_json", "py_pickle", None)  # the last two are refused when they are read
QUEUED, BEGUN = "ENQUEUED", "PENDING"  # the engine's words
ACTIVE = (QUEUED, BEGUN, "DELAYED")
NAMED_AT_ONCE = 5  # operations in a refusal
_SCHEMA = "dbos"  # of the engine's tables on PostgreSQL


@dataclass(frozen=True, slots=True)
class OpenOperation:
    """An operation that has not ended: its workflow, and the one that numbered and enqueued it."""

    number: int
    workflow: str
    begun_by: str


class Versions:
    """What this process may continue. `dbos` is the engine's instance, `executor` this process."""

    def __init__(self, dbos: Any, executor: str) -> None:
        self._dbos = dbos
        self._executor = executor
        self.own = int(APPLICATION_VERSION)

    def adopt(self, ended: Collection[str] = ()) -> None:
        """Make workflows of older versions this version's own: those in queues, and those that `ended` processes left.

        Blocking. What a living process of an older version has begun stays with it.
        """
        rows = self._rows
        state = rows.c.status == QUEUED
        if ended:
            state |= (rows.c.status == BEGUN) & rows.c.executor_id.in_(ended)
        versions = sa.select(rows.c.application_version).where(state).distinct()
        with self._engine.connect() as connection:
            older = [each for each in connection.scalars(versions) if self._is_older(each)]
        if older:
            change = sa.update(rows).where(state, rows.c.application_version.in_(older))
            with self._engine.begin() as connection:
                connection.execute(change.values(application_version=APPLICATION_VERSION))

    def not_continued(
        self, operations: Collection[OpenOperation], living: Collection[str], kinds: Collection[str]
    ) -> Mapping[int, str]:
        """Why nobody continues these operations, by number, in words. Blocking.

        `living` are the processes that work, `kinds` the workflows that this version has. What a newer version, or a
        living process, has in hand is left to it.
        """
        rows = self._read([each.workflow for each in operations])
        missing = [each for each in operations if each.workflow not in rows]
        begins = self._read([each.begun_by for each in missing])
        again = self._read([each.workflow for each in missing])  # enqueued while the others were read
        reasons = dict[int, str]()
        for each in operations:
            row = rows.get(each.workflow) or again.get(each.workflow)
            begin = begins.get(each.begun_by)
            if row is not None:
                why = self._why(row, living, kinds)
            elif begin is not None and begin.status in ACTIVE:
                why = self._why(begin, living, ("begin",))
            else:
                why = "The durable engine has no record of it."
            if why:
                reasons[each.number] = why
        return reasons

    def _why(self, row: Any, living: Collection[str], kinds: Collection[str]) -> str:
        """Why nobody continues this workflow; empty when somebody does."""
        if row.status not in ACTIVE:
            return _ENDED.get(row.status, f"Its workflow is over ({row.status}).")
        version = _number(row.application_version)
        if version is not None and version > self.own:
            return ""
        if row.status == BEGUN and row.executor_id != self._executor and row.executor_id in living:
            return ""
        if version is None:
            return f"It is of the version {row.application_version!r}, which this program does not know."
        if version < OLDEST_CONTINUED:
            return f"It is of version {version}; this program continues versions {OLDEST_CONTINUED} to {self.own}."
        if row.name not in kinds:
            return f"This version has no operations of the kind “{row.name}”."
        if row.serialization not in _READABLE:  # the engine cannot even record that it failed
            return f"It is stored in the form {row.serialization!r}, which this version cannot read."
        return ""

    def _is_older(self, version: str | None) -> bool:
        number = _number(version)
        return number is not None and OLDEST_CONTINUED <= number < self.own

    def _read(self, workflows: Collection[str]) -> dict[str, Any]:
        rows, reasons = self._rows, dict[str, Any]()
        names = "workflow_uuid", "status", "name", "application_version", "executor_id", "serialization"
        columns = [rows.c[name] for name in names]
        wanted = list(workflows)
        for first in range(0, len(wanted), 500):  # SQLite takes a bounded number of parameters
            some = sa.select(*columns).where(rows.c.workflow_uuid.in_(wanted[first : first + 500]))
            with self._engine.connect() as connection:
                reasons.update({str(row.workflow_uuid): row for row in connection.execute(some)})
        return reasons

    @property
    def _engine(self) -> sa.Engine:
        engine: sa.Engine = self._dbos._sys_db.engine  # noqa: SLF001  -- DBOS has no public way to change a version
        return engine

    @property
    def _rows(self) -> sa.Table:
        table: sa.Table = self._dbos._sys_db.tables.workflow_status  # noqa: SLF001
        return table


_ENDED = {
    "ERROR": "Its workflow ended with an error.",
    "SUCCESS": "Its workflow ended without reporting how.",
    "CANCELLED": "Its workflow was ended.",
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": "Its workflow was started too often.",
}


async def refuse_if_newer(store: Store, workers: Callable[[], Any]) -> None:
    """Refuse to start beside, or after, a newer version. Raises ConfigError, and DatabaseAwayError.

    A newer version may run now, or have left operations that only it can continue.
    """
    problem = await store.run(lambda connection: _newer_rows(connection, store.location))
    newer: list[Worker] = [each for each in await workers() if each.alive and _newer(each.version)]
    if newer:
        holder = newer[0]
        problem = f"{holder.executor!r} on {holder.host} runs version {holder.version} of the workflows, and this program has {APPLICATION_VERSION}"
    if problem:
        remedy = "Start the newer program. To go back, first let it finish or cancel these operations, and stop it"
        raise ConfigError("environment", (Fault(None, "DATABASE_URL", f"{problem}. {remedy}"),))


def _newer_rows(connection: sa.Connection, location: str) -> str:
    """What of the engine's tables is of a newer version, in words; empty when nothing is."""
    schema = _SCHEMA if connection.dialect.name == "postgresql" else None
    if not sa.inspect(connection).has_table("workflow_status", schema=schema):
        return ""
    columns: list[sa.ColumnClause[str]] = [
        sa.column(name) for name in ("workflow_uuid", "application_version", "serialization")
    ]
    rows = sa.table("workflow_status", *columns, sa.column("status"), schema=schema)
    unfinished = connection.execute(sa.select(*columns).where(rows.c.status.in_(ACTIVE)).select_from(rows)).all()
    newer = sorted(str(row[0]) for row in unfinished if _newer(row[1]) or _is_newer_form(row[2]))
    if not newer:
        return ""
    names = ", ".join(each.replace("operation-", "#") for each in newer[:NAMED_AT_ONCE])
    rest = f" and {len(newer) - NAMED_AT_ONCE} more" if len(newer) > NAMED_AT_ONCE else ""
    return f"{location} has unfinished operations of a newer Signalbox ({names}{rest}); this program is of version {APPLICATION_VERSION}"


def _is_newer_form(serializer: str | None) -> bool:
    """Whether it is a later serializer of Signalbox: its own name, and a number."""
    return serializer is not None and serializer.startswith(SERIALIZER) and serializer != SERIALIZER


def _newer(version: str | None) -> bool:
    number = _number(version)
    return number is not None and number > int(APPLICATION_VERSION)


def _number(version: str | None) -> int | None:
    return int(version) if version is not None and version.isascii() and version.isdigit() else None
