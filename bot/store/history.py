"""What happened, newest first: operations that have a message, and those entries of the audit log that are no step of one.

Whatever is asked for, an index has the rows in order: a page costs the same in a log of a million entries.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from bot.store.audit import StoredEntry, stored_entry
from bot.store.audit_table import EVENT, READ, audit
from bot.store.operation_tables import LISTED, operations
from bot.store.operations import Record, record_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from bot.store.audit import Audit
    from bot.store.database import Store


DAEMONS_CHECKED = "daemons looked at"  # the action of the entry that each check of daemons makes
_CHECKING, _CHECKED_LAST = ("deploy", "restart"), 3  # the kinds of operations that check daemons, and how many are read


@dataclass(frozen=True, slots=True)
class DaemonCheck:
    """A check of an environment's daemons: when (Unix seconds), by which operation, the outcome, what was wrong."""

    at: float
    operation: int
    outcome: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which part of the history: of these targets, these kinds of operations and these actions; None stands for all.

    `person` is a user id, or empty for everybody; `since` is in Unix seconds.
    """

    targets: frozenset[str] | None = None
    person: str = ""
    kinds: frozenset[str] | None = None
    actions: frozenset[str] | None = None
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class Position:
    """The numbers of an operation and an entry; a page has those with lower ones."""

    operation: int
    entry: int


@dataclass(frozen=True, slots=True)
class Page:
    """A part of the history, newest first, and the position of the rest, if there is any."""

    items: tuple[Record | StoredEntry, ...]
    rest: Position | None


class History:
    """Reads the history; the audit log verifies its entries."""

    def __init__(self, store: Store, audit_log: Audit) -> None:
        self._store = store
        self._audit = audit_log

    async def page(self, wanted: Wanted, begins: Collection[str], most: int, below: Position | None = None) -> Page:
        """The newest `most` of what is wanted, below a position; `begins` are the actions that begin an operation."""

        def work(connection: sa.Connection) -> list[Record | StoredEntry]:
            operations_below, entries_below = (below.operation, below.entry) if below else (None, None)
            begun: Sequence[Record | StoredEntry] = _operations(connection, wanted, most + 1, operations_below)
            # What is older than the operations of this page belongs to the next ones, and there may be any number of it.
            after = _begin_of(connection, begun[most].number) if len(begun) > most else 0
            where = _Entries(begins, after, entries_below)
            entries: Sequence[Record | StoredEntry] = _entries(connection, wanted, where, most + 1)
            # Each by number, whatever the clocks of several machines say: so nothing is between two pages.
            return list(heapq.merge(entries, begun, key=time_of, reverse=True))

        read = await self._store.run(work)
        items = [item for item in read if time_of(item) >= wanted.since]
        page = tuple(items[:most])
        return Page(page, _after(page, below) if len(items) > most else None)

    async def ends(self, numbers: Collection[int]) -> Mapping[int, Mapping[str, Any]]:
        """The details of the entries about the ends of these operations, by the operation's number."""
        ended = sa.select(audit.c.operation, audit.c.detail).where(audit.c.operation.in_(list(numbers)))
        statement = ended.where(audit.c.action == "ended").order_by(audit.c.number)
        rows = await self._store.run(lambda connection: connection.execute(statement).all())
        return {int(number): detail for number, detail in rows if isinstance(detail, dict)}

    async def daemon_checks(self, targets: Sequence[str]) -> dict[str, DaemonCheck]:
        """The last check of the daemons of each of these environments, as far as its last operations made one."""

        def last(connection: sa.Connection, target: str) -> DaemonCheck | None:
            wanted = Wanted(frozenset({target}), kinds=frozenset(_CHECKING))
            numbers = [record.number for record in _operations(connection, wanted, _CHECKED_LAST, None)]
            entries = sa.select(audit).where(audit.c.operation.in_(numbers), audit.c.action == DAEMONS_CHECKED)
            row = connection.execute(entries.order_by(audit.c.number.desc()).limit(1)).mappings().first()
            if row is None:
                return None
            detail = row["detail"]
            return DaemonCheck(row["at"], row["operation"], str(detail.get("outcome", "")), str(detail.get("why", "")))

        def work(connection: sa.Connection) -> dict[str, DaemonCheck]:
            checks = {target: last(connection, target) for target in targets}
            return {target: check for target, check in checks.items() if check}

        return await self._store.run(work)

    async def of_message(self, channel: str, ts: str) -> Record | None:
        """The operation that this message displays."""
        displayed = sa.select(operations).where(operations.c.message_ts == ts, operations.c.channel == channel)
        row = await self._store.read(lambda connection: connection.execute(displayed).mappings().first())
        return record_of(row) if row else None

    async def steps(self, number: int) -> tuple[tuple[StoredEntry, bool], ...]:
        """The entries about this operation, oldest first, each with whether Signalbox wrote it as it is."""
        of_it = sa.select(audit).where(audit.c.operation == number).order_by(audit.c.number)

        def work(connection: sa.Connection) -> tuple[tuple[StoredEntry, bool], ...]:
            rows = connection.execute(of_it).mappings().all()
            return tuple((stored_entry(row), self._audit.verifies(row)) for row in rows)

        return await self._store.run(work)


def time_of(item: Record | StoredEntry) -> float:
    """When an operation was requested, or an entry made."""
    return item.created_at if isinstance(item, Record) else item.at


def _after(page: Collection[Record | StoredEntry], below: Position | None) -> Position:
    numbers = [item.number for item in page if isinstance(item, Record)]
    entries = [item.number for item in page if isinstance(item, StoredEntry)]
    highest = below or Position(_HIGHEST, _HIGHEST)
    return Position(min([highest.operation, *numbers]), min([highest.entry, *entries]))


_HIGHEST = 2**31 - 1


def _operations(connection: sa.Connection, wanted: Wanted, most: int, below: int | None) -> list[Record]:
    columns = operations.c
    statement = sa.select(operations).where(LISTED).order_by(columns.number.desc()).limit(most)
    if below is not None:
        statement = statement.where(columns.number < below)
    if wanted.person:
        statement = statement.where(columns.requester == wanted.person)
    rows = _each(connection, statement, _Columns(columns.target, columns.kind), wanted.targets, wanted.kinds)
    return [record_of(row) for row in rows][:most]


def _begin_of(connection: sa.Connection, operation: int) -> int:
    """The number of the entry that begins an operation; 0 where there is none."""
    return connection.scalar(sa.select(sa.func.min(audit.c.number)).where(audit.c.operation == operation)) or 0


@dataclass(frozen=True, slots=True)
class _Entries:
    """Which entries are asked for: numbered after and below these, and none of the actions that begin an operation."""

    begins: Collection[str]
    after: int
    below: int | None


def _entries(connection: sa.Connection, wanted: Wanted, where: _Entries, most: int) -> list[StoredEntry]:
    columns = audit.c
    begun = columns.operation.is_not(None) & columns.action.in_(sorted(where.begins))
    statement = sa.select(audit).where(EVENT, ~begun, columns.action.not_like(READ), columns.number > where.after)
    statement = statement.order_by(columns.number.desc()).limit(most)
    if where.below is not None:
        statement = statement.where(columns.number < where.below)
    if wanted.person:
        statement = statement.where(columns.actor == wanted.person)
    rows = _each(connection, statement, _Columns(columns.environment, columns.action), wanted.targets, wanted.actions)
    return [stored_entry(row) for row in rows][:most]


@dataclass(frozen=True, slots=True)
class _Columns:
    """The columns of a table by which it is filtered."""

    target: sa.Column[Any]
    kind: sa.Column[Any]


def _each(
    connection: sa.Connection,
    statement: sa.Select[Any],
    by: _Columns,
    targets: Collection[str] | None,
    kinds: Collection[str] | None,
) -> list[sa.RowMapping]:
    """The rows of each target and kind. One question for all of them would sort what an index has in order for each."""
    rows = list[sa.RowMapping]()
    for target, kind in product(_choices(targets), _choices(kinds)):
        asked = statement if target is None else statement.where(by.target == target)
        asked = asked if kind is None else asked.where(by.kind == kind)
        rows += connection.execute(asked).mappings().all()
    return sorted(rows, key=lambda row: int(row["number"]), reverse=True)


def _choices(names: Collection[str] | None) -> list[str | None]:
    return [None] if names is None else [*sorted(names)]
