"""The work that several processes share: who takes which workflow, and how the work of one goes on in another.

`dbos` is the engine's instance, passed in by bot/engine/engine.py. Its public API lets nobody but the process itself
recover a workflow, and its public resume_workflow takes a workflow even from a process that lives. What is used here
instead changes a workflow in one transaction, and only while it still belongs to the process that is named.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from bot.config.targets import LANE
from bot.engine.signals import WORK, WORKERS, Polls, Signal, remembered
from bot.engine.spread import first_in_queues
from bot.engine.workflow_names import ended_workflow, operation_id

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Iterator, Mapping

    import sqlalchemy as sa

    from bot.engine.spread import Spread

log = logging.getLogger(__name__)
_RECOVERY_QUEUE = "_dbos_internal_queue"  # of workflows that are in no queue; those of operations keep their own


@dataclass(frozen=True, slots=True)
class Share:
    """Which operations a process takes: none, or all but those of the environments that are `withheld` from it."""

    takes_operations: bool = True
    withheld: tuple[str, ...] = ()


EVERYTHING = Share()


def _is_lane(partition: sa.ColumnElement[str], name: str) -> sa.ColumnElement[bool]:
    """Whether it is a lane of the environment ("prod/run 47"), not a part of it (prod/dns) or a part's lane."""
    below = partition.startswith(f"{name}{LANE}", autoescape=True)
    deeper = partition.like("%" + f"{LANE}%" * (name.count(LANE) + 2))
    return below & partition.contains(" ") & ~deeper


class SharedWork:
    """What this process, and others, have in hand. `executor` is this process, `share` what it takes."""

    def __init__(self, dbos: Any, executor: str, share: Share = EVERYTHING) -> None:
        self._dbos = dbos
        self._executor = executor
        self._share = share
        self._choosing = threading.local()
        self._waiting = set[str]()
        self._handed_over = set[str]()
        self._polls = Polls()
        self.work, self.workers = Signal(WORK), Signal(WORKERS)
        self.work.heard(self._polls.signalled)
        self.may_take: Callable[[], bool] = lambda: True  # whether this process takes workflows from the queues now
        # What it leaves to others of what it could take; None where it takes all. Set before the launch.
        self.spread: Spread | None = None
        # Makes what older versions left this version's own, also of the processes given: see bot/engine/versions.py.
        self.adopt: Callable[[Collection[str]], None] = lambda _: None

    def guard_queues(self) -> None:
        """Let the engine poll its queues when there may be something to take, and take only while `may_take` says so.

        Once, after the launch. Its own poll costs an idle process five queries a second. The queue of operations is
        partitioned: of that the engine takes this process's share. What only numbers a request is in another queue.
        """
        database = self._dbos._sys_db  # noqa: SLF001  -- there is no setting for it
        take, take_partitioned = database.start_queued_workflows, database.start_queued_partitioned_workflows
        scoped = database._scoped  # noqa: SLF001  -- as above
        database.start_queued_workflows = lambda queue, *given, **named: (
            take(queue, *given, **named) if self._takes(queue.name) else ([], None)
        )

        def take_operations(queue: Any, *given: Any, **named: Any) -> Any:
            if not self._share.takes_operations or not self._takes(queue.name):
                return []
            if self.spread is not None:
                return self._take_spread(self.spread, queue.name, partial(take_partitioned, queue, *given, **named))
            with self._only_own_share():
                return take_partitioned(queue, *given, **named)

        database.start_queued_partitioned_workflows = take_operations
        database._scoped = lambda table: [*scoped(table), *self._share_of(table)]  # noqa: SLF001  -- as above
        database.get_queue, database.list_queues = remembered(database.get_queue), remembered(database.list_queues)
        record = database.update_workflow_outcome

        def record_and_signal(*given: Any, **named: Any) -> Any:
            outcome = record(*given, **named)
            self.work.send()  # the next in its queue may begin
            return outcome

        database.update_workflow_outcome = record_and_signal
        self.work.connect(database)
        self.workers.connect(database)

    def _take_spread(self, spread: Spread, queue: str, take: Callable[[], list[str]]) -> list[str]:
        """Take what `spread` does not leave to others."""
        database = self._dbos._sys_db  # noqa: SLF001  -- there is no setting for it
        with self._only_own_share(), database.engine.begin() as connection:
            first = first_in_queues(connection, database.tables.workflow_status, queue, self._share_of)
            deferred = set(map(operation_id, spread.deferred(connection, numbers_of(first)))) if first else set[str]()
        chosen = [partition for workflow, partition in first.items() if workflow not in deferred]
        if not chosen:
            return []
        with self._only_own_share(chosen):
            taken = take()
        spread.took(numbers_of(taken))
        if taken and deferred:
            self._polls.signalled()  # what is left may fit at the next poll, when others have had their chance
        return taken

    @contextmanager
    def _only_own_share(self, chosen: Collection[str] | None = None) -> Iterator[None]:
        """In this thread, while the engine chooses operations: only those of its share are there, in the chosen partitions."""
        self._choosing.now, self._choosing.chosen = True, chosen
        try:
            yield
        finally:
            self._choosing.now = False

    def _share_of(self, rows: Any) -> list[sa.ColumnElement[bool]]:
        if not getattr(self._choosing, "now", False):
            return []
        partition = rows.c.queue_partition_key
        if self._choosing.chosen is not None:  # from the share
            return [partition.in_(self._choosing.chosen)]
        lanes = [~_is_lane(partition, name) for name in self._share.withheld]
        return [*(partition != name for name in self._share.withheld), *lanes]

    def _takes(self, queue: str) -> bool:
        if not self.may_take() or not self._polls.due(queue):
            return False
        self.adopt(())  # before the newest is taken: operations of a queue run in the order of their numbers
        return True

    async def in_hand(self) -> Mapping[str, tuple[str, ...]]:
        """The workflows that processes have begun and not ended, by process."""
        pending = await self._dbos.list_workflows_async(status="PENDING", load_input=False, load_output=False)
        return {
            executor: tuple(each.workflow_id for each in pending if str(each.executor_id) == executor)
            for executor in sorted({str(each.executor_id) for each in pending})
        }

    async def take_up(self, living: Callable[[], Awaitable[Collection[str]]]) -> tuple[str, ...]:
        """Hand on the workflows of the processes that are not among the living; returns those processes.

        A process that is not among them must never work again under the same executor. Several processes may hand the
        same workflow on: it is taken up once.
        """
        # Read before the living are: a process that starts meanwhile is among these only if it is among the living.
        holders = await self.in_hand()
        ended = sorted(set(holders) - set(await living()))
        if ended:
            await asyncio.to_thread(self.adopt, ended)
            await asyncio.to_thread(self._dbos._recover_pending_workflows, ended)  # noqa: SLF001  -- see above
            self.work.send()
        return tuple(ended)

    @asynccontextmanager
    async def waiting(self, workflow: str) -> AsyncIterator[None]:
        """While this workflow waits here: it may be handed over, and then never goes on in this process."""
        self._waiting.add(workflow)
        try:
            yield
        except Exception:
            if workflow not in self._handed_over:
                raise
        finally:
            self._waiting.discard(workflow)
        if workflow in self._handed_over:
            await asyncio.Event().wait()

    async def hand_over_waiting(self) -> None:
        """Let other processes take what waits here. This one must not take new work any more."""
        for workflow in tuple(self._waiting - self._handed_over):
            self._handed_over.add(workflow)
            log.info("%s waits: another process takes it over", workflow)
            again = self._dbos._sys_db.reenqueue_for_recovery  # noqa: SLF001  -- see above
            await asyncio.to_thread(again, workflow, [self._executor], _RECOVERY_QUEUE)
            self.work.send()

    async def move(self, workflow: str, partition: str) -> None:
        """Put a workflow that no process has taken into another partition of its queue."""
        await asyncio.to_thread(self._move, workflow, partition)
        self.work.send()

    def _move(self, workflow: str, partition: str) -> None:
        database = self._dbos._sys_db  # noqa: SLF001  -- DBOS has no public way to change it
        rows = database.tables.workflow_status
        queued = (rows.c.workflow_uuid == workflow) & (rows.c.status == "ENQUEUED")
        with database.engine.begin() as connection:
            connection.execute(rows.update().where(queued).values(queue_partition_key=partition))

    async def abandon(self, workflow: str) -> None:
        """End this workflow: no process continues it."""
        await self._dbos.cancel_workflow_async(workflow)
        self.work.send()


def numbers_of(workflows: Iterable[str]) -> tuple[int, ...]:
    """The numbers of the operations among these workflows, in order."""
    numbers = (ended_workflow(each).number for each in workflows)
    return tuple(sorted(number for number in numbers if number is not None))
