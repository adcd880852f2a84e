"""Long children (applies, playbooks): who keeps each one, until when its lease holds, what it printed, how it ended.

The keeper (bot/children/keeper.py) writes these rows, everybody follows them. Times are Unix seconds by the database's
clock, whatever the clocks of the machines say. What a child printed is encrypted; a row is sealed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bot.errors import ForgedError
from bot.store import encrypted, sealed
from bot.store.database import Store, insert_new, metadata

if TYPE_CHECKING:
    from bot.seals import Field

TABLE, OUTPUT_TABLE = "signalbox_children", "signalbox_child_output"
OUTPUT, LEFT = "output", "left"  # streams: what a child printed; the file that it left
PURPOSE = "child output"  # of the key that encrypts
# What changes without a new seal: times, and the wish to stop it. Forged, they end a child, and start none.
UNSEALED = ("begun_at", "heard_at", "lease_until", "ended_at", "lost_at", "cancel_requested", "cancel_grace")
_BATCH = 16  # chunks read at once

children = sa.Table(
    TABLE,
    metadata,
    sa.Column("operation", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("name", sa.String(100), primary_key=True),
    sa.Column("keeper", sa.String(32), nullable=False, unique=True),  # random, new for each
    sa.Column("machine", sa.String(64), nullable=False),
    sa.Column("host", sa.String(255), nullable=False),
    sa.Column("executor", sa.String(100), nullable=False),
    sa.Column("started", sa.Boolean, nullable=False),  # the program may have started
    sa.Column("ended", sa.Boolean, nullable=False),
    sa.Column("exit_code", sa.Integer),  # of one that ended; None: it died without leaving one
    sa.Column("output_bytes", sa.BigInteger),  # of each stream, once it ended
    sa.Column("left_bytes", sa.BigInteger),
    sa.Column("begun_at", sa.Double, nullable=False),
    sa.Column("heard_at", sa.Double, nullable=False),
    sa.Column("lease_until", sa.Double, nullable=False),
    sa.Column("ended_at", sa.Double),
    sa.Column("lost_at", sa.Double),  # the lease ran out and somebody acted on it: no keeper holds it any more
    sa.Column("cancel_requested", sa.Boolean, nullable=False),
    sa.Column("cancel_grace", sa.Double, nullable=False),
    sealed.seal_column(),
    info={sealed.UNSEALED: UNSEALED},
)

child_output = sa.Table(
    OUTPUT_TABLE,
    metadata,
    sa.Column("keeper", sa.String(32), primary_key=True),
    sa.Column("stream", sa.String(10), primary_key=True),
    sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),  # of its first byte
    sa.Column("content", sa.LargeBinary, nullable=False),  # encrypted
)


def chunk_name(operation: int, name: str, keeper: str, stream: str, position: int) -> dict[str, Field]:
    """What a chunk of output is bound to when it is encrypted."""
    return {"operation": operation, "name": name, "keeper": keeper, "stream": stream, "position": position}


@dataclass(frozen=True, slots=True)
class ChildRow:
    """A child as stored. `lost` means that its lease ran out, and that its keeper cannot get it back.

    `read_at` is when it was read, by the database's clock as all its times.
    """

    operation: int
    name: str
    keeper: str
    machine: str
    host: str
    executor: str
    started: bool = False
    ended: bool = False
    exit_code: int | None = None
    output_bytes: int | None = None
    left_bytes: int | None = None
    heard_at: float = 0.0
    lease_until: float = 0.0
    lost: bool = False
    cancel_requested: bool = False
    read_at: float = 0.0

    @property
    def over(self) -> bool:
        """Whether nothing more can come of it."""
        return self.ended or self.lost

    @property
    def unanswered(self) -> float:
        """Seconds since its keeper was last heard of; 0 for one that is over."""
        return 0.0 if self.over else max(0.0, self.read_at - self.heard_at)


class ChildRows:
    """Reads the children of operations. Every method is one transaction."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._keyring = store.keyring

    async def claim(self, claim: ChildRow, lease: float) -> bool:
        """Claim a name in an operation for a keeper, for so many seconds; false when it is claimed already."""

        def work(connection: sa.Connection) -> bool:
            now = _now(connection)
            row = {each: getattr(claim, each) for each in ChildRow.__slots__ if each not in ("lost", "read_at")}
            row |= {"begun_at": now, "heard_at": now, "lease_until": now + lease, "cancel_grace": 0.0}
            return insert_new(connection, children, sealed.sealed(self._keyring, children, row))

        return await self.store.run_before_effect(work)

    async def revoke(self, claim: ChildRow) -> bool:
        """Take a claim back; false when the program may have started."""
        unstarted = _is(claim) & ~children.c.started

        def work(connection: sa.Connection) -> bool:
            connection.execute(sa.delete(children).where(unstarted))
            return connection.scalar(sa.select(children.c.keeper).where(_is(claim))) is None

        return await self.store.run(work)

    async def find(self, operation: int, name: str) -> ChildRow | None:
        """The child of this name; None when there is none. One whose lease ran out is lost from now on.

        Raises ForgedError for a row that Signalbox did not write.
        """
        return await self.store.run(lambda connection: self._find(connection, operation, name))

    async def find_started(self, operation: int, name: str) -> ChildRow | None:
        """The same; a child that was lost before it could start is forgotten, and may be started again."""

        def work(connection: sa.Connection) -> ChildRow | None:
            row = self._find(connection, operation, name)
            if row is None or row.started or not row.lost:
                return row
            connection.execute(sa.delete(children).where(_is(row)))
            return None

        return await self.store.run(work)

    async def of_operation(self, operation: int) -> tuple[ChildRow, ...]:
        """All children of an operation."""
        names = sa.select(children.c.name).where(children.c.operation == operation).order_by(children.c.name)

        def work(connection: sa.Connection) -> tuple[ChildRow, ...]:
            rows = (self._find(connection, operation, str(name)) for name in connection.scalars(names).all())
            return tuple(row for row in rows if row)

        return await self.store.run(work)

    async def request_cancel(self, row: ChildRow, grace: float) -> None:
        """Ask the keeper to stop the program, with so many seconds between SIGINT and SIGKILL."""
        statement = sa.update(children).where(_is(row)).values(cancel_requested=True, cancel_grace=grace)
        await self.store.run(lambda connection: connection.execute(statement))

    async def output(self, row: ChildRow, stream: str, position: int) -> bytes:
        """What the stream has from this byte on, up to some megabytes; empty where there is no more so far."""
        chunks = (
            sa.select(child_output.c.position, child_output.c.content)
            .where(child_output.c.keeper == row.keeper, child_output.c.stream == stream)
            .where(child_output.c.position >= position)
            .order_by(child_output.c.position)
            .limit(_BATCH)
        )
        rows = await self.store.run(lambda connection: connection.execute(chunks).all())
        content = bytearray()
        for at, encrypted_chunk in rows:
            if at != position + len(content):
                raise _forged(row)
            named = chunk_name(row.operation, row.name, row.keeper, stream, at)
            what = f"the output of #{row.operation} ({row.name})"
            content += encrypted.decrypt(self._keyring, PURPOSE, named, bytes(encrypted_chunk), what)
        return bytes(content)

    async def forget(self, operation: int) -> None:
        """Delete what an operation's children printed, and the rows of those that are over."""
        keepers = sa.select(children.c.keeper).where(children.c.operation == operation)
        over = children.c.ended | children.c.lost_at.is_not(None)

        def work(connection: sa.Connection) -> None:
            for keeper in connection.scalars(keepers.where(over)).all():
                connection.execute(sa.delete(child_output).where(child_output.c.keeper == keeper))
                connection.execute(sa.delete(children).where(children.c.keeper == keeper))

        await self.store.run(work)

    async def operations(self) -> frozenset[int]:
        """The operations that have children on record."""
        numbers = sa.select(children.c.operation).distinct()
        return frozenset(await self.store.run(lambda connection: connection.scalars(numbers).all()))

    def _find(self, connection: sa.Connection, operation: int, name: str) -> ChildRow | None:
        where = (children.c.operation == operation) & (children.c.name == name)
        row = connection.execute(sa.select(children).where(where)).mappings().first()
        if row is None:
            return None
        sealed.check(self._keyring, children, row, f"#{operation} ({name})")
        now = _now(connection)
        lost = row["lost_at"] is not None
        if not lost and not row["ended"] and row["lease_until"] < now:
            lost = self._give_up(connection, str(row["keeper"]), now)
        names = [each for each in ChildRow.__slots__ if each not in ("lost", "read_at")]
        return ChildRow(**{each: row[each] for each in names}, lost=lost, read_at=now)

    @staticmethod
    def _give_up(connection: sa.Connection, keeper: str, now: float) -> bool:
        """Take a lease that ran out away from its keeper, which may be about to renew it: the row decides between the two."""
        expired = (children.c.keeper == keeper) & (children.c.lease_until < now)
        open_one = ~children.c.ended & children.c.lost_at.is_(None)
        statement = sa.update(children).where(expired, open_one).values(lost_at=now).returning(children.c.keeper)
        return connection.scalar(statement) is not None


def _is(row: ChildRow) -> sa.ColumnElement[bool]:
    return children.c.keeper == row.keeper


def _now(connection: sa.Connection) -> float:
    """The database's time; SQLite's is the machine's."""
    if connection.dialect.name == "postgresql":
        return float(connection.scalar(sa.text("SELECT extract(epoch FROM clock_timestamp())")) or 0)
    return float(connection.scalar(sa.text("SELECT unixepoch('now', 'subsec')")) or 0)


def _forged(row: ChildRow) -> ForgedError:
    what = f"The output of #{row.operation} ({row.name}) is incomplete"
    return ForgedError(f"{what}: something other than Signalbox has changed the database.")
