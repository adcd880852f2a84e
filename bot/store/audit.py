"""The trail of who did what: every entry carries the digest of the one before, so none can be changed unseen."""

from __future__ import annotations

import asyncio
import hashlib
import json
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from bot.store.database import Store, audit

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping

START = "0" * 64
# PostgreSQL's advisory lock for appending: any constant that nothing else in this database uses.
LOCK = 5_146_100_731


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the trail. `actor` is a Slack user id, or "signalbox" for what it does by itself."""

    actor: str
    action: str
    environment: str = ""
    operation: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Line:
    """An entry as kept: numbered from 1, dated in Unix seconds, chained by digest."""

    number: int
    at: float
    entry: Entry
    previous: str
    digest: str


class Audit:
    """Appends entries. Those that arrive while one write is under way share the next one."""

    def __init__(self, store: Store, clock: Callable[[], float], redact: Callable[[str], str]) -> None:
        self._store = store
        self._clock = clock
        self._redact = redact
        self._pending: list[tuple[Entry, float, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def record(self, entry: Entry) -> None:
        """Append the entry; returns when it is on disk."""
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending.append((entry, self._clock(), written))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_all())
        await written

    def append(self, connection: sa.Connection, entry: Entry) -> None:
        """Append the entry within a transaction of the caller's: what it tells and the telling are kept together."""
        self._append(connection, [(entry, self._clock())])

    async def read(self, *, newest: int) -> tuple[Line, ...]:
        """The newest entries, newest first."""
        statement = sa.select(audit).order_by(audit.c.number.desc()).limit(newest)
        rows = await self._store.run(lambda connection: connection.execute(statement).mappings().all())
        return tuple(_line(row) for row in rows)

    async def _write_all(self) -> None:
        while self._pending:
            batch, self._pending = self._pending, []
            entries = [(entry, at) for entry, at, _ in batch]
            try:
                await self._store.run(lambda connection, entries=entries: self._append(connection, entries))  # type: ignore[misc]
            except Exception as error:  # noqa: BLE001  -- whoever waits is told; the writer goes on with the next batch
                for _, _, written in batch:
                    if not written.done():
                        written.set_exception(error)
            else:
                for _, _, written in batch:
                    if not written.done():
                        written.set_result(None)

    def _append(self, connection: sa.Connection, batch: Iterable[tuple[Entry, float]]) -> None:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
        last = connection.execute(
            sa.select(audit.c.number, audit.c.digest).order_by(audit.c.number.desc()).limit(1)
        ).first()
        number, previous = (last[0], last[1]) if last else (0, START)
        rows = []
        for entry, at in batch:
            number += 1
            row = {"number": number, "at": at, "previous": previous, **self._values(entry)}
            previous = digest_of(row)
            rows.append({**row, "digest": previous})
        connection.execute(sa.insert(audit), rows)

    def _values(self, entry: Entry) -> dict[str, Any]:
        detail = {key: self._redact(item) if isinstance(item, str) else item for key, item in entry.detail.items()}
        return {
            "actor": entry.actor,
            "action": entry.action,
            "environment": entry.environment,
            "operation": entry.operation,
            "detail": detail,
        }


def digest_of(row: Mapping[str, Any]) -> str:
    """SHA-256 over everything in the entry, the previous digest included."""
    names = ("number", "at", "actor", "action", "environment", "operation", "detail", "previous")
    canonical = json.dumps({name: row[name] for name in names}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def read_all(connection: sa.Connection) -> Generator[Line]:
    """Every entry, oldest first, a thousand at a time."""
    statement = sa.select(audit).order_by(audit.c.number).execution_options(yield_per=1000)
    with connection.execute(statement) as rows:
        for row in rows.mappings():
            yield _line(row)


def first_fault(connection: sa.Connection) -> str | None:
    """Where the chain is broken (an entry changed, removed or inserted), in words; None when it is whole."""
    with closing(read_all(connection)) as lines:
        return _first_fault(lines)


def is_there(connection: sa.Connection) -> bool:
    """Whether this database holds a trail."""
    return sa.inspect(connection).has_table(audit.name)


def extent(connection: sa.Connection) -> str:
    """How many entries there are and from when to when, in words."""
    number, first, last = connection.execute(
        sa.select(sa.func.count(), sa.func.min(audit.c.at), sa.func.max(audit.c.at))
    ).one()
    if not number:
        return "no entries"
    entries = "1 entry" if number == 1 else f"{number} entries"
    return f"{entries}, first {in_iso(first)}, last {in_iso(last)}"


def in_iso(at: float) -> str:
    """Unix seconds as a time in UTC that people and programs read: 2026-03-02T12:00:00Z."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _first_fault(lines: Iterable[Line]) -> str | None:
    number, previous = 0, START
    for line in lines:
        if line.number != number + 1:
            return f"entry {number + 1} is missing"
        row = {"number": line.number, "at": line.at, "previous": line.previous, **_fields(line.entry)}
        if line.previous != previous or digest_of(row) != line.digest:
            return f"entry {line.number} was changed"
        number, previous = line.number, line.digest
    return None


def _fields(entry: Entry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in Entry.__slots__}


def _line(row: sa.RowMapping) -> Line:
    entry = Entry(**{name: row[name] for name in Entry.__slots__})
    return Line(row["number"], row["at"], entry, row["previous"], row["digest"])


def exported(line: Line) -> dict[str, Any]:
    """A line of the trail as JSON for other programs: everything that its digest covers, and the digest.

    `time` is `at` once more for people; the digest does not cover it.
    """
    return {
        "number": line.number,
        "at": line.at,
        "time": in_iso(line.at),
        **_fields(line.entry),
        "previous": line.previous,
        "digest": line.digest,
    }
