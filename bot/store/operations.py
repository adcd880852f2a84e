"""The record of operations: their numbers, their message, how they stand, what was tried in them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from bot.store.database import Store, insert_new, operations, side_effects

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Status(StrEnum):
    """How an operation stands; the ones that end it say how."""

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
        """Whether nothing more will happen in it."""
        return self not in (Status.WAITING, Status.RUNNING, Status.APPROVAL)


CANCEL = "cancel by "  # an effect of this name, with a person's id: they pressed Cancel
RUN = "run "  # an effect of this name, with the run's id, claims a workflow run
SUPERSEDED_BY = "superseded by"  # notes: the number of an operation that took this one's place, if it still could
HCP_RUN = "hcp "  # an effect of this name, with the run's id: HCP Terraform runs it for the operation
OPEN = tuple(status.value for status in Status if not status.ended)


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asked for. `key` names the request itself, so that one delivered twice begins one operation."""

    key: str
    kind: str
    environment: str
    requester: str
    title: str
    channel: str
    arguments: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Record:
    """One operation as stored. Times are Unix seconds; `message_ts` names its message in `channel`."""

    number: int
    kind: str
    environment: str
    requester: str
    title: str
    arguments: Mapping[str, str]
    channel: str
    message_ts: str | None
    status: Status
    doing: str
    created_at: float
    ended_at: float | None


class Operations:
    """Reads and writes the record. Every method is one transaction."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock

    async def create(self, request: Request) -> int:
        """Give this request its number; the same request always gets the same one."""

        def work(connection: sa.Connection) -> int:
            mine = sa.select(operations.c.number).where(operations.c.key == request.key)
            known = connection.scalar(mine)
            if known is not None:
                return int(known)
            row = {
                "key": request.key,
                "kind": request.kind,
                "environment": request.environment,
                "requester": request.requester,
                "title": request.title[:200],
                "arguments": dict(request.arguments),
                "channel": request.channel,
                "status": Status.WAITING.value,
                "doing": "",
                "created_at": self._clock(),
            }
            insert_new(connection, operations, row)
            return int(connection.scalar(mine) or 0)

        return await self._store.run(work)

    async def known(self, key: str) -> bool:
        """Whether a request with this key has begun an operation."""
        return await self.started_by(key) is not None

    async def started_by(self, key: str) -> Record | None:
        """The operation that the request with this key has begun."""
        found = await self._select(operations.c.key == key)
        return found[0] if found else None

    async def key_of(self, number: int) -> str:
        """The key of the request that began this operation; empty when there is no such operation."""
        wanted = sa.select(operations.c.key).where(operations.c.number == number)
        return str(await self._store.run(lambda connection: connection.scalar(wanted)) or "")

    async def get(self, number: int) -> Record:
        """The operation of this number. Raises LookupError when there is none."""
        found = await self._select(operations.c.number == number)
        if not found:
            raise LookupError(f"there is no operation #{number}")
        return found[0]

    async def set_message(self, number: int, channel: str, ts: str) -> None:
        """Remember which message shows this operation."""
        await self._update(number, {"channel": channel, "message_ts": ts})

    async def set_status(self, number: int, status: Status, doing: str = "") -> None:
        """Record how it stands; an ending is stamped with the time."""
        ended = {"ended_at": self._clock()} if status.ended else {}
        await self._update(number, {"status": status.value, "doing": doing[:200], **ended})

    async def open_in(self, environment: str) -> tuple[Record, ...]:
        """The operations of this environment that have not ended, oldest first."""
        return await self._select(operations.c.environment == environment, operations.c.status.in_(OPEN))

    async def newest_called(self, environment: str, title: str) -> Record | None:
        """The newest operation of this title in the environment, ended or not."""
        these = operations.c.environment == environment, operations.c.title == title[:200]
        found = await self._select(*these, order=operations.c.number.desc(), limit=1)
        return found[0] if found else None

    async def recent(self, limit: int = 10) -> tuple[Record, ...]:
        """The newest operations that have a message, newest first; looks by itself that found nothing have none."""
        return await self._select(operations.c.message_ts.is_not(None), order=operations.c.number.desc(), limit=limit)

    async def open_at(self, environment: str, earliest: float, latest: float) -> tuple[Record, ...]:
        """The operations of this environment that were open at some time between these (Unix seconds), oldest first."""
        begun = operations.c.created_at <= latest
        not_over = operations.c.ended_at.is_(None) | (operations.c.ended_at >= earliest)
        return await self._select(operations.c.environment == environment, begun, not_over)

    async def open_numbers(self) -> frozenset[int]:
        """The numbers of all operations that have not ended."""
        return frozenset(record.number for record in await self._select(operations.c.status.in_(OPEN)))

    async def numbers_awaiting_approval(self) -> tuple[int, ...]:
        """The operations that wait for somebody's decision, oldest first."""
        waiting = await self._select(operations.c.status == Status.APPROVAL.value)
        return tuple(record.number for record in waiting)

    async def counts(self) -> dict[str, int]:
        """How many operations stand how, by status."""
        statement = sa.select(operations.c.status, sa.func.count()).group_by(operations.c.status)
        rows = await self._store.run(lambda connection: connection.execute(statement).all())
        return {str(status): int(count) for status, count in rows}

    async def begin_side_effect(self, number: int, name: str) -> bool:
        """Mark that an outside effect is about to be tried; false when an earlier try was already marked."""

        def work(connection: sa.Connection) -> bool:
            row = {"operation": number, "name": name, "started_at": self._clock()}
            return insert_new(connection, side_effects, row)

        return await self._store.run(work)

    async def annotate(self, number: int, what: str, value: str) -> None:
        """Remember something about an operation: 79 characters at most, both together."""
        await self.begin_side_effect(number, f"{what} {value}")

    async def annotations_of(self, number: int, what: str) -> tuple[str, ...]:
        """What was remembered under this name, oldest first."""
        names = (
            sa.select(side_effects.c.name)
            .where(side_effects.c.operation == number, side_effects.c.name.startswith(f"{what} ", autoescape=True))
            .order_by(side_effects.c.started_at)
        )
        found = await self._store.run(lambda connection: connection.scalars(names).all())
        return tuple(str(name).removeprefix(f"{what} ") for name in found)

    async def request_cancel(self, number: int, person: str) -> None:
        """Remember that this person wants the operation stopped; whoever runs it looks for that."""
        await self.begin_side_effect(number, f"{CANCEL}{person}")

    async def cancel_waiting(self, number: int, person: str) -> bool:
        """End an operation that waits in line, for this person; false when it does not wait (any more)."""
        ended = {"status": Status.CANCELLED.value, "doing": "", "ended_at": self._clock()}
        waits = (operations.c.number == number) & (operations.c.status == Status.WAITING.value)

        def work(connection: sa.Connection) -> bool:
            withdrawn = sa.update(operations).where(waits).values(ended).returning(operations.c.number)
            if connection.scalar(withdrawn) is None:
                return False
            row = {"operation": number, "name": f"{CANCEL}{person}", "started_at": self._clock()}
            insert_new(connection, side_effects, row)
            return True

        return await self._store.run(work)

    async def take_turn(self, number: int) -> bool:
        """Begin an operation whose turn it is; false when it was withdrawn, and must not begin.

        Either this or `withdraw` changes the record, whichever comes first.
        """
        free = (operations.c.number == number) & (operations.c.status != Status.CANCELLED.value)
        begun = sa.update(operations).where(free).values(status=Status.RUNNING.value, doing="")
        taken = begun.returning(operations.c.number)
        return await self._store.run(lambda connection: connection.scalar(taken)) is not None

    async def cancel_requested(self, number: int) -> str | None:
        """Who wants the operation stopped (a user id), if anybody does."""
        asked = (
            sa.select(side_effects.c.name)
            .where(side_effects.c.operation == number, side_effects.c.name.startswith(CANCEL))
            .order_by(side_effects.c.started_at)
            .limit(1)
        )
        name = await self._store.run(lambda connection: connection.scalar(asked))
        return str(name).removeprefix(CANCEL) if name else None

    async def claim_run(self, number: int, run_id: int) -> None:
        """Remember that this workflow run belongs to this operation."""
        await self.begin_side_effect(number, f"{RUN}{run_id}")

    async def run_of(self, number: int) -> int | None:
        """The workflow run that belongs to this operation, once it is known."""
        mine = (side_effects.c.operation == number) & side_effects.c.name.startswith(RUN)
        found = await self._store.run(lambda connection: connection.scalar(sa.select(side_effects.c.name).where(mine)))
        return int(found.removeprefix(RUN)) if found else None

    async def claimed_runs(self) -> frozenset[int]:
        """The workflow runs that belong to operations."""
        names = sa.select(side_effects.c.name).where(side_effects.c.name.startswith(RUN))
        found = await self._store.run(lambda connection: connection.scalars(names).all())
        return frozenset(int(name.removeprefix(RUN)) for name in found)

    async def keep_hcp_run(self, number: int, run_id: str) -> None:
        """Remember that this run of HCP Terraform belongs to this operation."""
        await self.begin_side_effect(number, f"{HCP_RUN}{run_id}")

    async def hcp_run(self, number: int) -> str | None:
        """The run of HCP Terraform that belongs to this operation."""
        wanted = sa.select(side_effects.c.name).where(
            side_effects.c.operation == number, side_effects.c.name.startswith(HCP_RUN)
        )
        name = await self._store.run(lambda connection: connection.scalar(wanted))
        return str(name).removeprefix(HCP_RUN) if name else None

    async def operation_of_hcp_run(self, run_id: str) -> int | None:
        """The operation that this run of HCP Terraform belongs to."""
        wanted = sa.select(side_effects.c.operation).where(side_effects.c.name == f"{HCP_RUN}{run_id}")
        number = await self._store.run(lambda connection: connection.scalar(wanted))
        return None if number is None else int(number)

    async def _update(self, number: int, values: dict[str, Any]) -> None:
        statement = sa.update(operations).where(operations.c.number == number).values(values)
        await self._store.run(lambda connection: connection.execute(statement))

    async def _select(
        self, *where: sa.ColumnElement[bool], order: Any = operations.c.number, limit: int | None = None
    ) -> tuple[Record, ...]:
        statement = sa.select(operations).where(*where).order_by(order).limit(limit)
        rows = await self._store.run(lambda connection: connection.execute(statement).mappings().all())
        return tuple(_record(row) for row in rows)


def _record(row: sa.RowMapping) -> Record:
    fields = {name: row[name] for name in Record.__slots__}
    return Record(**{**fields, "status": Status(row["status"])})
