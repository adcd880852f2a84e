"""Locks and freezes: who closed an environment to changes, why, since when and until when. Each opens once."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from bot.config.values import PART
from bot.store import sealed
from bot.store.database import Store, insert_new, metadata

if TYPE_CHECKING:
    from collections.abc import Callable

EVERYTHING = "*"  # the target of a closure of all environments and of what they share; no environment has this name
LONGEST_REASON = 200
_CLOSED = sa.text("ended_at IS NULL")

closures = sa.Table(
    "signalbox_closures",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("kind", sa.String(10), nullable=False),
    sa.Column("target", sa.String(80), nullable=False),
    sa.Column("person", sa.String(40), nullable=False),
    sa.Column("reason", sa.String(LONGEST_REASON), nullable=False),
    sa.Column("since", sa.Double, nullable=False),
    sa.Column("until", sa.Double),
    sa.Column("ended_at", sa.Double),  # when somebody opened it, or when it was found to be over
    sa.Column("ended_by", sa.String(40)),
    sa.Column("reminded_at", sa.Double),  # when somebody was last notified that it is still there
    sealed.seal_column(),
    # A target has one lock and one freeze at a time, however many people press at once.
    sa.Index(
        "ix_signalbox_closures_closed", "kind", "target", unique=True, sqlite_where=_CLOSED, postgresql_where=_CLOSED
    ),
    info={sealed.UNSEALED: ("id", "reminded_at")},
)


class ClosureKind(StrEnum):
    """A lock lets only its person change things; a freeze nobody."""

    LOCK = "lock"
    FREEZE = "freeze"

    @property
    def participle(self) -> str:
        """How a target is then: "locked"."""
        return "locked" if self is ClosureKind.LOCK else "frozen"


@dataclass(frozen=True, slots=True)
class Closure:
    """A lock or a freeze. Times are Unix seconds; without `until` it stays until somebody opens it."""

    kind: ClosureKind
    target: str
    person: str
    reason: str
    since: float
    until: float | None
    reminded_at: float | None = None

    def covers(self, name: str) -> bool:
        """Whether it closes the target of this name: itself, as a part of what is closed, or as one of all."""
        return self.target in (EVERYTHING, name) or name.startswith(f"{self.target}{PART}")


class Closures:
    """Reads and writes locks and freezes. Every method is one transaction."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._keyring = store.keyring
        self._clock = clock

    async def active(self) -> tuple[Closure, ...]:
        """The locks and freezes that hold now, oldest first. Raises ForgedError."""
        return await self._store.read(lambda connection: self._split(connection)[0])

    async def over(self) -> tuple[Closure, ...]:
        """Those whose time is over, and whose end nobody has reported yet. Raises ForgedError."""
        return await self._store.read(lambda connection: tuple(map(_closure, self._split(connection)[1])))

    async def close(
        self, wanted: Closure, record: Callable[[sa.Connection], None] = lambda _: None
    ) -> tuple[Closure, bool]:
        """Store this lock or freeze; `record` writes in the same transaction. What holds then, and whether it is this one."""

        def work(connection: sa.Connection) -> tuple[Closure, bool]:
            self._end_over(connection)  # the new one takes their place
            row = {name: getattr(wanted, name) for name in ("target", "person", "reason", "since", "until")}
            row |= {"kind": wanted.kind.value, "ended_at": None, "ended_by": None, "reminded_at": None}
            if insert_new(connection, closures, sealed.sealed(self._keyring, closures, row)):
                record(connection)
                return wanted, True
            return _closure(self._open_row(connection, wanted.kind, wanted.target)), False

        return await self._store.run(work)

    async def open(
        self,
        kind: ClosureKind,
        target: str,
        person: str,
        record: Callable[[sa.Connection, Closure], None] = lambda _connection, _ended: None,
    ) -> Closure | None:
        """End the lock or freeze of exactly this target; the one that ended, or None where there is none (any more)."""

        def work(connection: sa.Connection) -> Closure | None:
            self._end_over(connection)
            where = _still_closed(kind, target)
            row = connection.execute(sa.select(closures).where(where).with_for_update()).mappings().first()
            if row is None:
                return None
            sealed.check(self._keyring, closures, row, _name(row))
            self._end(connection, row, person)
            record(connection, _closure(row))
            return _closure(row)

        return await self._store.run(work)

    async def end(self, closure: Closure, record: Callable[[sa.Connection], None] = lambda _: None) -> None:
        """End one that is `over`, unless that was done; `record` writes in the same transaction."""

        def work(connection: sa.Connection) -> None:
            of_it = _still_closed(closure.kind, closure.target) & (closures.c.since == closure.since)
            row = connection.execute(sa.select(closures).where(of_it).with_for_update()).mappings().first()
            if row is not None:
                sealed.check(self._keyring, closures, row, _name(row))
                self._end(connection, row, "")
                record(connection)

        await self._store.run(work)

    async def claim_reminder(self, closure: Closure) -> bool:
        """Note that somebody is notified that it still holds, or is over; false where another process does that, or it has ended."""
        which = _still_closed(closure.kind, closure.target) & (closures.c.since == closure.since)
        which &= closures.c.reminded_at.is_not_distinct_from(closure.reminded_at)
        noted = sa.update(closures).where(which).values(reminded_at=self._clock()).returning(sa.literal(1))
        return await self._store.run(lambda connection: connection.scalar(noted) is not None)

    def _split(self, connection: sa.Connection) -> tuple[tuple[Closure, ...], list[sa.RowMapping]]:
        """What holds now, and the rows of what is over and has not ended."""
        wanted = sa.select(closures).where(closures.c.ended_at.is_(None)).order_by(closures.c.since, closures.c.id)
        holding, over, now = list[Closure](), list[sa.RowMapping](), self._clock()
        for row in connection.execute(wanted).mappings().all():
            sealed.check(self._keyring, closures, row, _name(row))
            if row["until"] is None or now < row["until"]:
                holding.append(_closure(row))
            else:
                over.append(row)
        return tuple(holding), over

    def _end_over(self, connection: sa.Connection) -> None:
        for row in self._split(connection)[1]:
            self._end(connection, row, "")

    def _end(self, connection: sa.Connection, row: sa.RowMapping, person: str) -> None:
        ended = {"ended_at": self._clock(), "ended_by": person or None}
        sealed.change(connection, self._keyring, closures, row, ended)

    def _open_row(self, connection: sa.Connection, kind: ClosureKind, target: str) -> sa.RowMapping:
        row = connection.execute(sa.select(closures).where(_still_closed(kind, target))).mappings().one()
        sealed.check(self._keyring, closures, row, _name(row))
        return row


def _still_closed(kind: ClosureKind, target: str) -> sa.ColumnElement[bool]:
    rows = closures.c
    return sa.and_(rows.kind == kind.value, rows.target == target, rows.ended_at.is_(None))


def _name(row: sa.RowMapping) -> str:
    return f"the {row['kind']} of {'everything' if row['target'] == EVERYTHING else row['target']}"


def _closure(row: sa.RowMapping | dict[str, Any]) -> Closure:
    return Closure(**{name: row[name] for name in Closure.__slots__} | {"kind": ClosureKind(row["kind"])})
