"""Operations: their number, request, message and status, the side effects they began, and who cancelled them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from bot.config.targets import without_lane
from bot.errors import AlreadyOpenError
from bot.store import endings, operation_counts, same_request, sealed, waiting
from bot.store.database import Store, insert_new
from bot.store.operation_tables import IS_OPEN, OPEN_STATUSES, cancellations, operations, side_effects
from runners.stored import stored

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping


@stored("operation-status")
class Status(StrEnum):
    """The status of an operation."""

    WAITING = "waiting"
    RUNNING = "running"
    APPROVAL = "approval"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REJECTED = "rejected"
    EXPIRED = "expired"
    INTERRUPTED = "interrupted"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"

    @property
    def ended(self) -> bool:
        """Whether the operation is over."""
        return self.value not in OPEN_STATUSES


@stored("request")
@dataclass(frozen=True, slots=True)
class Request:
    """What a person, or a schedule, requested. A request that is delivered twice has the same `key` both times."""

    key: str
    kind: str
    environment: str
    requester: str
    title: str
    channel: str
    arguments: Mapping[str, str]
    at: float = 0.0  # when it was accepted, in Unix seconds
    typed: bool = False  # by a person, who alone is answered where it cannot begin


@stored("operation")
@dataclass(frozen=True, slots=True)
class Record:
    """An operation as stored. Times are Unix seconds; `message_ts` names its message in `channel`.

    `activity` continues a sentence about it: "is deploying".
    """

    number: int
    kind: str
    environment: str
    requester: str
    title: str
    arguments: Mapping[str, str]
    channel: str
    message_ts: str | None
    status: Status
    activity: str
    created_at: float
    ended_at: float | None


class Operations:
    """Reads and writes operations. Every method is one transaction."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._keyring = store.keyring
        self._clock = clock

    async def create(self, request: Request, identity: str = "") -> int:
        """Give this request its number; the same request always gets the same number. Raises ForgedError.

        Raises AlreadyOpenError where an operation of the same `identity` (see same_request.py) is open.
        """

        def work(connection: sa.Connection) -> int:
            same = operations.c.request_key == request.key
            if connection.scalar(sa.select(operations.c.number).where(same)) is None:
                if identity and (other := same_request.open_operation(connection, self._keyring, request, identity)):
                    raise AlreadyOpenError(other)
                self._insert(connection, self._new_row(request))
                if identity:
                    number = self._verified(connection, same).number
                    same_request.record(connection, self._keyring, number, identity, self._clock())
            return self._verified(connection, same).number

        return await self._store.run(work)

    async def started_by(self, key: str) -> Record | None:
        """The operation that the request with this key has begun, or None."""
        return await self._first(operations.c.request_key == key)

    async def key_of(self, number: int) -> str:
        """The key of the request that began this operation; empty when there is no such operation."""
        wanted = sa.select(operations.c.request_key).where(operations.c.number == number)
        return str(await self._store.run(lambda connection: connection.scalar(wanted)) or "")

    async def get(self, number: int) -> Record:
        """The operation of this number. Raises LookupError when there is none."""
        if record := await self._first(operations.c.number == number):
            return record
        raise LookupError(f"there is no operation #{number}")

    async def of(self, numbers: Collection[int]) -> dict[int, Record]:
        """The operations of these numbers, by number, without those that do not exist."""
        return {record.number: record for record in await self._select(operations.c.number.in_(list(numbers)))}

    async def verified(self, number: int) -> Record:
        """The operation of this number, as Signalbox stored its request. Raises LookupError and ForgedError."""
        return await self._store.run(lambda connection: self._verified(connection, operations.c.number == number))

    async def set_message(self, number: int, channel: str, ts: str) -> None:
        """Record which message displays this operation."""
        await self._update(number, {"channel": channel, "message_ts": ts})

    async def set_status(self, number: int, status: Status, activity: str = "") -> None:
        """Change the status, and record the time when the operation has ended."""
        values: dict[str, Any] = {"status": status.value, "activity": activity[:200]}
        if status.ended:
            await endings.end(self._store, operations.c.number == number, {**values, "ended_at": self._clock()})
        else:
            await self._update(number, values)

    async def open_in(self, *environments: str) -> tuple[Record, ...]:
        """The operations of these environments that have not ended, oldest first."""
        return await self._select(operations.c.environment.in_(environments), IS_OPEN)

    async def all_open(self) -> tuple[Record, ...]:
        """The operations that have not ended, oldest first."""
        return await self._select(IS_OPEN)

    async def queues(self) -> frozenset[str]:
        """The environments in which operations wait."""
        waiting = await self._select(IS_OPEN, operations.c.status == Status.WAITING.value)
        return frozenset(record.environment for record in waiting)

    async def waiting(self) -> waiting.Waiting:
        """What waits: for its queue, and for approval."""
        return await self._store.run(waiting.read)

    async def newest_with_title(self, environment: str, title: str) -> Record | None:
        """The newest operation of this title in the environment, ended or not."""
        same = operations.c.environment == environment, operations.c.title == title[:200]
        return await self._first(*same, order=operations.c.number.desc())

    async def recent(self, limit: int = 10) -> tuple[Record, ...]:
        """The newest operations that have a message, newest first; a scheduled check without findings has none."""
        return await self._select(operations.c.message_ts.is_not(None), order=operations.c.number.desc(), limit=limit)

    async def open_between(self, environment: str, earliest: float, latest: float) -> tuple[Record, ...]:
        """The operations of this environment that were open at some time between these (Unix seconds), oldest first."""
        rows = operations.c
        begun = sa.select(operations).where(rows.environment == environment, rows.created_at <= latest)
        # Each part is answered by an index; one condition with "or" would read all operations of the environment.
        either = begun.where(rows.ended_at >= earliest).union_all(begun.where(rows.ended_at.is_(None)))
        ordered = either.order_by("number")
        listed = await self._store.run(lambda connection: connection.execute(ordered).mappings().all())
        return tuple(record_of(row) for row in listed)

    async def open_numbers(self) -> frozenset[int]:
        """The numbers of all operations that have not ended."""
        return frozenset(await self.open_keys())

    async def numbers_awaiting_approval(self) -> tuple[int, ...]:
        """The operations that wait for an approval, oldest first."""
        waiting = await self._select(IS_OPEN, operations.c.status == Status.APPROVAL.value)
        return tuple(record.number for record in waiting)

    async def counts(self) -> dict[str, int]:
        """The number of operations by status."""
        return await self._store.run(operation_counts.read)

    async def begin_side_effect(self, number: int, name: str) -> bool:
        """Record that a side effect is about to be tried; false when an earlier try is on record. Raises ForgedError."""
        row = {"operation": number, "name": name, "started_at": self._clock()}
        same = (side_effects.c.operation == number) & (side_effects.c.name == name)

        def work(connection: sa.Connection) -> bool:
            if insert_new(connection, side_effects, sealed.sealed(self._keyring, side_effects, row)):
                return True
            earlier = connection.execute(sa.select(side_effects).where(same)).mappings().one()
            sealed.check(self._keyring, side_effects, earlier, f"#{number} ({name})")
            return False

        return await self._store.run_before_effect(work)

    async def side_effects_of(self, number: int) -> tuple[str, ...]:
        """The names of the side effects that this operation began, oldest first."""
        rows = side_effects.c
        wanted = sa.select(rows.name).where(rows.operation == number).order_by(rows.started_at, rows.name)
        return tuple(str(name) for name in await self._store.run(lambda connection: connection.scalars(wanted).all()))

    async def open_keys(self) -> dict[int, str]:
        """The operations that have not ended, each with the key of its request."""
        wanted = sa.select(operations.c.number, operations.c.request_key).where(IS_OPEN)
        rows = await self._store.run(lambda connection: connection.execute(wanted).all())
        return {int(number): str(key) for number, key in rows}

    async def require_lease(self) -> None:
        """Directly before a side effect that is not marked: the process ends here unless its lease is valid."""
        await self._store.run_before_effect(lambda _: True)

    async def start(self, number: int) -> bool:
        """Change an operation that is first in its queue to running; false when `cancel_queued` came first."""
        not_cancelled = (operations.c.number == number) & (operations.c.status != Status.CANCELLED.value)
        values = {"status": Status.RUNNING.value, "activity": ""}
        return await self._store.run(lambda connection: _change(connection, not_cancelled, values))

    async def cancel_queued(self, number: int, person: str) -> bool:
        """Cancel an operation that is still queued, for this person; false when it has left the queue."""
        queued = (operations.c.number == number) & (operations.c.status == Status.WAITING.value)
        cancelled = {"status": Status.CANCELLED.value, "activity": "", "ended_at": self._clock()}

        return await endings.end(
            self._store, queued, cancelled, lambda connection: self._record_cancellation(connection, number, person)
        )

    async def request_cancel(self, number: int, person: str) -> None:
        """Record that this person wants the operation stopped; the process that runs it polls for that."""
        await self._store.run(lambda connection: self._record_cancellation(connection, number, person))

    async def cancel_requested(self, number: int) -> str | None:
        """The person (a user id) who first requested that the operation is stopped, or None."""
        people = sa.select(cancellations.c.person).where(cancellations.c.operation == number)
        return await self._store.run(lambda connection: connection.scalar(people.order_by(cancellations.c.at).limit(1)))

    def _new_row(self, request: Request) -> dict[str, Any]:
        return {
            "request_key": request.key,
            "kind": request.kind,
            "environment": request.environment,
            "target": without_lane(request.environment),
            "requester": request.requester,
            "title": request.title[:200],
            "arguments": dict(request.arguments),
            "channel": request.channel,
            "status": Status.WAITING.value,
            "activity": "",
            "created_at": self._clock(),
            sealed.COLUMN: "",
        }

    def _insert(self, connection: sa.Connection, row: dict[str, Any]) -> None:
        """Insert the row, and seal it with the number that the database chose."""
        if insert_new(connection, operations, row):
            chosen = sa.select(operations.c.number).where(operations.c.request_key == row["request_key"])
            sealed.change(connection, self._keyring, operations, {**row, "number": connection.scalar(chosen)}, {})

    def _verified(self, connection: sa.Connection, where: sa.ColumnElement[bool]) -> Record:
        row = connection.execute(sa.select(operations).where(where)).mappings().first()
        if row is None:
            raise LookupError("there is no such operation")
        sealed.check(self._keyring, operations, row, f"#{row['number']}")
        return record_of(row)

    def _record_cancellation(self, connection: sa.Connection, number: int, person: str) -> None:
        insert_new(connection, cancellations, {"operation": number, "person": person, "at": self._clock()})

    async def _update(self, number: int, values: dict[str, Any]) -> None:
        statement = sa.update(operations).where(operations.c.number == number).values(values)
        await self._store.run(lambda connection: connection.execute(statement))

    async def _first(self, *where: sa.ColumnElement[bool], order: Any = operations.c.number) -> Record | None:
        return next(iter(await self._select(*where, order=order, limit=1)), None)

    async def _select(
        self, *where: sa.ColumnElement[bool], order: Any = operations.c.number, limit: int | None = None
    ) -> tuple[Record, ...]:
        statement = sa.select(operations).where(*where).order_by(order).limit(limit)
        rows = await self._store.run(lambda connection: connection.execute(statement).mappings().all())
        return tuple(record_of(row) for row in rows)


def _change(connection: sa.Connection, which: sa.ColumnElement[bool], values: dict[str, Any]) -> bool:
    statement = sa.update(operations).where(which).values(values).returning(operations.c.number)
    return connection.scalar(statement) is not None


def record_of(row: sa.RowMapping) -> Record:
    """The operation of a row."""
    return Record(**{name: row[name] for name in Record.__slots__} | {"status": Status(row["status"])})
