"""Workers: the processes that share this database, and the lease that each holds on its executor's name.

A worker works as long as its lease is valid, by the database's clock. Each acquisition raises the lease's token, so that
a worker that lost its lease cannot mark an effect as begun: see `Lease.check`. Name and token together name a process
that never comes back (`Lease.incarnation`): the engine knows it by that, so what it leaves is handed on once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bot.errors import LeaseLostError
from bot.store.database import Store, insert_new, metadata
from bot.store.operation_tables import IS_OPEN, operations
from bot.store.operations import Status

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

# The channel and payload by which the engine lets every process poll the workers (bot/engine/signals.py).
SIGNAL = "dbos_notifications_channel", "signalbox workers"

workers = sa.Table(
    "signalbox_workers",
    metadata,
    sa.Column("executor", sa.String(60), primary_key=True),
    sa.Column("token", sa.BigInteger, nullable=False),  # raised by each acquisition
    sa.Column("machine", sa.String(40), nullable=False),  # whose workplace holds the files: see bot/process/machine.py
    sa.Column("host", sa.String(255), nullable=False),
    sa.Column("version", sa.String(40), nullable=False),
    sa.Column("labels", sa.JSON, nullable=False),
    sa.Column("since", sa.Double, nullable=False),  # Unix seconds by the database's clock, as the next two
    sa.Column("seen_at", sa.Double, nullable=False),
    sa.Column("lease_until", sa.Double, nullable=False),
    sa.Column("draining", sa.Boolean, nullable=False),  # takes no new operation
    sa.Column("ended", sa.Boolean, nullable=False),  # the lease was given back, or ran out and was taken
    # An older version, which runs beside this one during an update, writes rows without these.
    sa.Column("pid", sa.Integer, nullable=False, server_default="0"),
    sa.Column("takes_operations", sa.Boolean, nullable=False, server_default=sa.true()),
)


@dataclass(frozen=True, slots=True)
class Worker:
    """A process as others see it. `silent_for` and `valid_for` are seconds by the database's clock.

    `pid` is 0 where it is unknown. One that does not take operations only answers Slack (`serve --no-work`).
    """

    executor: str
    token: int
    machine: str
    host: str
    version: str
    labels: tuple[str, ...]
    since: float
    silent_for: float
    valid_for: float
    draining: bool
    ended: bool
    pid: int = 0
    takes_operations: bool = True

    @property
    def alive(self) -> bool:
        """Whether its lease is valid."""
        return self.valid_for > 0 and not self.ended

    @property
    def incarnation(self) -> str:
        """The name of its process, which no other ever has."""
        return Lease(self.executor, self.token).incarnation


@dataclass(frozen=True, slots=True)
class Identity:
    """What a process says of itself when it acquires a lease."""

    executor: str
    machine: str
    host: str
    version: str
    labels: tuple[str, ...] = ()
    pid: int = 0
    takes_operations: bool = True


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work under an executor's name, as long as nobody has a newer token and it is renewed in time."""

    executor: str
    token: int

    @property
    def incarnation(self) -> str:
        """The name of this process, which no other ever has."""
        return f"{self.executor}#{self.token}"

    def check(self, connection: sa.Connection) -> None:
        """Within the transaction that marks an effect as begun: raises LeaseLostError unless this lease is valid.

        The row stays locked until the transaction ends, so that nobody takes the lease meanwhile.
        """
        held = sa.select(workers.c.token).where(_holds(self), workers.c.lease_until > now(connection))
        if connection.scalar(held.with_for_update(read=True)) is None:
            raise LeaseLostError(f"this process no longer holds the lease of {self.executor!r}")


def now(connection: sa.Connection) -> sa.ColumnElement[float]:
    """The database's time, in Unix seconds."""
    if connection.dialect.name == "postgresql":
        return sa.cast(sa.func.extract("epoch", sa.func.clock_timestamp()), sa.Double)
    return (sa.func.julianday("now", type_=sa.Double) - 2440587.5) * 86400.0


def read_workers(connection: sa.Connection) -> tuple[Worker, ...]:
    """Every worker that is known, by name, in the caller's transaction."""
    rows = connection.execute(_selected(connection).order_by(workers.c.executor)).mappings().all()
    return tuple(_worker(row) for row in rows)


class Workers:
    """Reads and writes workers. Every method is one transaction."""

    def __init__(self, store: Store, length: timedelta) -> None:
        self._store = store
        self.length = length.total_seconds()  # of a lease, in seconds

    async def acquire(self, identity: Identity) -> Lease | Worker:
        """The lease of this name; or the worker on another machine that holds it.

        On the same machine a lock on a file has shown that the earlier process is dead.
        """

        def work(connection: sa.Connection) -> Lease | Worker:
            time = now(connection)
            first = {**self._row(identity), "token": 0, "since": time, "seen_at": time, "lease_until": 0.0}
            insert_new(connection, workers, first)
            row = connection.execute(_locked(identity.executor, connection)).mappings().one()
            holder = _worker(row)
            if holder.alive and holder.machine != identity.machine:
                return holder
            values = {**self._row(identity), "token": holder.token + 1, "since": time, **self._renewed(connection)}
            _change(connection, workers.c.executor == identity.executor, values)
            return Lease(identity.executor, holder.token + 1)

        return await self._store.run(work)

    async def renew(self, lease: Lease) -> bool:
        """Prolong the lease, also one that ran out and that nobody took; false when somebody took it."""
        return await self._store.run(lambda connection: self.renew_within(connection, lease))

    def renew_within(self, connection: sa.Connection, lease: Lease) -> bool:
        """The same in the caller's transaction."""
        return _change(connection, _holds(lease), self._renewed(connection))

    async def release(self, lease: Lease) -> None:
        """Give the lease back: others take up what this process leaves, at once."""
        await self._store.run(lambda connection: _change(connection, _holds(lease), _ENDED, signal=True))

    async def end_expired(self, worker: Worker) -> bool:
        """End the lease of this worker, so that it can never renew it, if it has run out; whether it has."""

        def work(connection: sa.Connection) -> bool:
            holds = _holds(Lease(worker.executor, worker.token))
            return _change(connection, holds & (workers.c.lease_until <= now(connection)), _ENDED, signal=True)

        return await self._store.run(work)

    async def all(self) -> tuple[Worker, ...]:
        """Every worker that is known, by name."""
        return await self._store.run(read_workers)

    async def oldest_queued(self) -> float | None:
        """How long the oldest queued operation has waited, in seconds; None when none is queued."""

        def work(connection: sa.Connection) -> float | None:
            queued = IS_OPEN & (operations.c.status == Status.WAITING.value)
            age: float | None = connection.scalar(
                sa.select(now(connection) - sa.func.min(operations.c.created_at)).where(queued)
            )
            return None if age is None else max(0.0, age)

        return await self._store.run(work)

    async def drain(self, executor: str, *, draining: bool) -> bool:
        """Let a worker take no new operation, or take some again; false when there is no such worker."""
        values, named = {"draining": draining}, workers.c.executor == executor
        return await self._store.run(lambda connection: _change(connection, named, values, signal=True))

    def _renewed(self, connection: sa.Connection) -> dict[str, object]:
        time = now(connection)
        return {"seen_at": time, "lease_until": time + self.length}

    def _row(self, identity: Identity) -> dict[str, object]:
        return {
            "executor": identity.executor,
            "machine": identity.machine,
            "host": identity.host,
            "version": identity.version,
            "labels": list(identity.labels),
            "pid": identity.pid,
            "takes_operations": identity.takes_operations,
            "draining": False,
            "ended": False,
        }


_ENDED: dict[str, object] = {"ended": True, "lease_until": 0.0}


def _holds(lease: Lease) -> sa.ColumnElement[bool]:
    return (workers.c.executor == lease.executor) & (workers.c.token == lease.token) & ~workers.c.ended


def _selected(connection: sa.Connection) -> sa.Select[tuple[object, ...]]:
    time = now(connection)
    ages = (time - workers.c.seen_at).label("silent_for"), (workers.c.lease_until - time).label("valid_for")
    return sa.select(workers, *ages)


def _locked(executor: str, connection: sa.Connection) -> sa.Select[tuple[object, ...]]:
    return _selected(connection).where(workers.c.executor == executor).with_for_update()


def _change(
    connection: sa.Connection, which: sa.ColumnElement[bool], values: Mapping[str, object], *, signal: bool = False
) -> bool:
    statement = sa.update(workers).where(which).values(values).returning(workers.c.executor)
    if signal and connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_notify(*SIGNAL)))  # others hear it when the transaction is committed
    return connection.scalar(statement) is not None


def _worker(row: sa.RowMapping) -> Worker:
    values = {name: row[name] for name in Worker.__slots__}
    truths = {name: bool(row[name]) for name in ("draining", "ended", "takes_operations")}
    return Worker(**values | truths | {"labels": tuple(row["labels"])})
