"""Who goes first: a plan that waits for approval gives way to a newer plan of its environment, or to what people let pass.

Such a plan keeps its environment's queue. What people let pass gets a queue of its own from the workflow of
the plan, which waits until that has ended. So no two of them run together, whatever is interrupted: what follows in the
queue begins only when nothing that went first is open (`wait_for_passers`).
"""

from __future__ import annotations

import asyncio
import logging
from itertools import pairwise
from typing import TYPE_CHECKING

from bot.access import policy
from bot.config.targets import LANE, queue_of
from bot.engine.watch import Watch
from bot.errors import UserError
from bot.store.annotations import SUPERSEDED_BY
from bot.store.audit import Entry
from bot.store.operations import Status
from bot.store.passes import LETS_PASS, PASSES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from bot.operations.operation import Operation
    from bot.services import Services
    from bot.store.operations import Record

log = logging.getLogger(__name__)
YIELDING = ("plan",)  # the kinds of operations that give way while they wait for approval
POLL, LONGEST_WAIT = 2.0, 3_600.0  # seconds


async def supersede(services: Services, environment: str) -> None:
    """End the plan of this environment that waits for approval, if a newer plan of it is the next in the queue.

    What people requested between the two comes first. Repeating this changes nothing.
    """
    queue = await _queue(services, environment)
    for older, newer in pairwise(queue):
        same = (older.kind, older.environment) == (newer.kind, newer.environment)
        if not same or older.kind not in YIELDING or older.status is not Status.APPROVAL:
            continue
        await services.annotations.add(older.number, SUPERSEDED_BY, str(newer.number))
        if await services.approvals.supersede(older.number):
            entry = Entry(newer.requester, "superseded", older.environment, older.number, {"by": f"#{newer.number}"})
            await services.audit.record(entry)
            await services.engine.wake(older.number)


async def passable(services: Services, passer: Record) -> Record:
    """The plan that this queued operation may pass. Raises UserError where there is none (any more)."""
    ahead, *behind = await _queue(services, passer.environment) or [passer]
    waits = ahead.kind in YIELDING and ahead.status is Status.APPROVAL
    if not waits or not behind or behind[0].number != passer.number or passer.status is not Status.WAITING:
        raise UserError(
            f"#{passer.number} is not directly behind a plan that waits for approval (any more); nothing was changed."
        )
    return ahead


async def let_pass(services: Services, holder: Record, passer: Record, person: str) -> bool:
    """Durably let a queued operation pass the plan that waits for approval; false where either is not so any more."""

    def record(connection: Connection) -> None:
        detail = {"by": f"#{passer.number}"}
        services.audit.append(connection, Entry(person, "let pass", holder.environment, holder.number, detail))

    decided = await services.passes.let_pass(holder.number, passer.number, record)
    if decided:
        await services.engine.wake(holder.number)
    return decided


async def give_way(operation: Operation) -> int:
    """Durable, in the workflow of a plan that gives way: begin what goes first; its number."""
    return await operation.step("begin what goes first", lambda: _begin(operation))


async def _begin(operation: Operation) -> int:
    services, number = operation.services, operation.number
    passer = int((await services.annotations.values_of(number, LETS_PASS))[-1])
    queue = queue_of(services.config, operation.record.environment)[0]
    await services.engine.move(passer, f"{queue}{LANE}first {passer}")
    return passer


async def wait_until_ended(operation: Operation, passer: int) -> None:
    """Durable: wait until what went first has ended. Whatever else happens, the plan does nothing before that."""
    services = operation.services

    async def ended() -> bool:
        return (await services.operations.get(passer)).status.ended

    while not await operation.step("has what went first ended", ended):
        await services.engine.wait(LONGEST_WAIT, Watch(ended, POLL))


async def wait_for_passers(services: Services, record: Record) -> None:
    """Within a step, before an operation begins: wait while something is open that passed an earlier one of its queue."""
    warned = False
    while passers := await _passers(services, record):
        if not warned:
            log.warning("operation %s waits for operation %s, which went first", record.number, passers[0])
            warned = True
        await asyncio.sleep(POLL)


async def _passers(services: Services, record: Record) -> Sequence[int]:
    queue = await services.operations.open_in(*queue_of(services.config, record.environment))
    others = [each.number for each in queue if each.number != record.number]
    return [number for number in others if await services.annotations.values_of(number, PASSES)]


async def _queue(services: Services, environment: str) -> list[Record]:
    """The open operations of a queue, without what a schedule checks silently: that is passed by everything."""
    queue = queue_of(services.config, environment)
    records = await services.operations.open_in(*queue)
    return [record for record in records if record.message_ts or policy.is_user(record.requester)]
