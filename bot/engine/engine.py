"""The durable engine: workflows that survive a restart, a queue for each environment, waiting. Only this package imports DBOS."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from dbos import DBOS, DBOSConfig, SetEnqueueOptions, SetWorkflowID, StepOptions, _workflow_commands as dbos_background
from dbos._error import DBOSUnexpectedStepError

from bot.engine import serializer, tracing, versions
from bot.engine.shared_work import EVERYTHING, Share, SharedWork, numbers_of
from bot.engine.stored_form import StoredForm, seal_other_forms
from bot.engine.versions import OpenOperation, Versions
from bot.engine.workflow_names import begin_id, operation_id
from bot.errors import ChangedWorkflowError, ForgedError
from bot.process import log_context
from bot.store import database_outage
from runners.stored import stored

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine, Iterator, Mapping

    from bot.engine.watch import Watch
    from bot.seals import Keyring
    from bot.store.operations import Request

T = TypeVar("T")
log = logging.getLogger(__name__)

QUEUE = "operations"
WAKE_UP = "wake up"  # the topic of messages to a waiting operation
# SQLite has a single writer at a time: many connections would sleep on the file's lock and wake in any order. A file
# closes no connection, so testing each before use would only cost an idle bot processor time.
SQLITE = {"pool_size": 4, "pool_pre_ping": False}
# Seconds between polls of the queues. Few of them reach the database: see signals.py.
QUEUE_INTERVAL = 0.2
# One more waits for notifications. Ten processes stay below 100 connections: see bot/store/database.py.
POSTGRESQL = {"pool_size": 4}
# Seconds between polls for workflows that are delayed or have a deadline. Operations have neither. DBOS's own interval
# of a second is a fifth of an idle bot's processor time.
BACKGROUND_INTERVAL = 30.0
# Seconds until the engine sends what it has to notify. Its own value wakes an idle process a hundred times a second.
NOTIFIED_WITHIN = 0.05
# Accepted requests get their numbers a few at a time, so that requests that Slack still waits for are accepted first.
NUMBERED_AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """`url` is SQLAlchemy's; `executor` names this process among the processes that share the database.

    `keyring` seals what the engine stores; `clock` gives Unix seconds; `check_room` raises
    DatabaseAwayError where the database has no room for another operation.

    Intervals are in seconds: `wake_interval` between polls of a waiting operation for a message (SQLite only;
    PostgreSQL notifies), `queue_interval` between polls of the queues. `share` is which operations it takes.
    Spans of workflows and steps go to `traces_endpoint` by OTLP over HTTP.
    """

    url: str
    executor: str
    keyring: Keyring
    clock: Callable[[], float] = time.time
    check_room: Callable[[], None] = lambda: None
    wake_interval: float = 0.1
    queue_interval: float = QUEUE_INTERVAL
    share: Share = EVERYTHING
    traces_endpoint: str | None = None


_FORGED = "The stored record of {what} does not belong to {workflow}. Nothing was started."


@stored("step-result")
@dataclass(frozen=True, slots=True)
class StepResult:
    """The result of a step with its workflow and name, so that the result of another one cannot replace it."""

    workflow: str
    step: str
    value: Any


class Engine:
    """Runs operations durably. Functions are registered first, then the engine is launched."""

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        seal_other_forms(settings.keyring)
        database_outage.report_outages_as_locked()
        dbos = DBOS(
            config=DBOSConfig(
                name="signalbox",
                system_database_url=settings.url,
                application_version=versions.APPLICATION_VERSION,
                executor_id=settings.executor,
                notification_listener_polling_interval_sec=settings.wake_interval,
                notification_coalesce_sec=NOTIFIED_WITHIN,
                log_level="ERROR",
                db_engine_kwargs=SQLITE if settings.url.startswith("sqlite") else POSTGRESQL,
                serializer=StoredForm(settings.keyring),
                **tracing.configuration(settings.traces_endpoint),
            )
        )
        # DBOS prints through a handler of its own; the root handler redacts.
        logging.getLogger("dbos").handlers.clear()
        logging.getLogger("dbos").propagate = True
        self.shared = SharedWork(dbos, settings.executor, settings.share)
        self.versions = Versions(dbos, settings.executor)
        self.shared.adopt = self.versions.adopt
        self.numbering = asyncio.Semaphore(NUMBERED_AT_ONCE)
        self._begin: Callable[[Request], Coroutine[Any, Any, None]] | None = None
        self._workflows: dict[str, Callable[[int], Coroutine[Any, Any, None]]] = {}
        self._unnumbered: dict[str, str] = {}  # the environments of accepted requests without a number yet, by key

    def register_begin(self, function: Callable[[Request], Coroutine[Any, Any, None]]) -> None:
        """Register the workflow that numbers, announces and enqueues every request."""

        async def begin(request: Request) -> None:
            _check_belongs(begin_id(request.key))
            await function(request)

        self._begin = DBOS.workflow(name="begin", max_recovery_attempts=None)(begin)

    def register(self, kind: str, function: Callable[[int], Coroutine[Any, Any, None]]) -> None:
        """Register the workflow of operations of this kind. Its argument is the operation's number."""

        async def operate(number: int) -> None:
            _check_belongs(operation_id(number))
            with log_context.operation(number):
                await function(number)

        # Without a limit of recoveries: an operation is not lost even if a hundred restarts interrupt it.
        self._workflows[kind] = DBOS.workflow(name=kind, max_recovery_attempts=None)(operate)

    async def launch(self) -> None:
        """Start working, first on the unfinished workflows of an earlier process with this executor's name."""
        dbos_background._BACKGROUND_JOBS_INTERVAL_SEC = BACKGROUND_INTERVAL  # noqa: SLF001  -- there is no setting for it
        DBOS.launch()
        self.shared.guard_queues()
        await DBOS.register_queue_async(
            QUEUE,
            partition_concurrency=1,
            polling_interval_sec=self._settings.queue_interval,
            on_conflict="always_update",
        )

    async def operations_in_hand(self) -> dict[str, tuple[int, ...]]:
        """The numbers of the operations that processes have begun and not ended, by the process."""
        return {executor: numbers_of(workflows) for executor, workflows in (await self.shared.in_hand()).items()}

    async def abandon(self, number: int) -> None:
        """End the workflow of this operation: no process continues it."""
        await self.shared.abandon(operation_id(number))

    async def begin(self, request: Request) -> None:
        """Accept a request durably; twice (same key) begins once. Returns when it is on disk. Raises DatabaseAwayError."""
        if self._begin is None:
            raise RuntimeError("register_begin() comes before begin()")
        self._settings.check_room()  # DBOS would wait for room, and the person for an answer
        self._unnumbered[request.key] = request.environment
        try:
            with SetWorkflowID(begin_id(request.key)):
                await DBOS.start_workflow_async(self._begin, replace(request, at=self._settings.clock()))
        except BaseException:
            self.numbered(request)
            raise

    def numbered(self, request: Request) -> None:
        """Note that this request has its number, so that `unnumbered` no longer counts it."""
        self._unnumbered.pop(request.key, None)

    def unnumbered(self, environment: str) -> int:
        """How many requests for this environment this process has accepted that have no number yet."""
        return sum(each == environment for each in self._unnumbered.values())

    async def enqueue(self, kind: str, number: int, environment: str) -> None:
        """Enqueue an operation behind the others of its environment: they run singly, in the order of their numbers."""
        options = SetEnqueueOptions(queue_partition_key=environment, priority=number)
        with SetWorkflowID(operation_id(number)), options:
            await DBOS.enqueue_workflow_async(QUEUE, self._workflows[kind], number)
        self.shared.work.send()

    async def move(self, number: int, partition: str) -> None:
        """Let a queued operation begin in a queue of its own; nothing where it has begun. A repetition changes nothing."""
        await self.shared.move(operation_id(number), partition)

    async def step(self, name: str, function: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run `function` and store its result, or the error that it raises; after a restart the stored result is returned.

        A step that was interrupted, or during which the database was away, runs again: it must check whether its side
        effect has happened. Raises NotStorableError for a result whose class is not registered, and ForgedError for a
        stored result that belongs to another step.
        """

        async def run() -> StepResult:  # DBOS requires a coroutine function, which a lambda is not
            value = await database_outage.retry_while_away(function)
            return StepResult(str(DBOS.workflow_id), name, value)

        try:
            with _changes_named():
                result: Any = await DBOS.run_step_async(StepOptions(name=name), run)
        except serializer.UnreadableError as error:
            raise ForgedError(
                f"The result of the step {name!r} cannot be used: {error}. Nothing was started."
            ) from error
        if not isinstance(result, StepResult) or (result.workflow, result.step) != (DBOS.workflow_id, name):
            raise ForgedError(_FORGED.format(what=f"the step {name!r}", workflow=DBOS.workflow_id))
        value: T = result.value
        return value

    async def patched(self, name: str) -> bool:
        """Inside a workflow, before changed steps: false where it passed this place before the change. See docs/extending.md."""
        return await DBOS.patch_async(name)

    async def deprecate_patch(self, name: str) -> None:
        """The same once no workflow of before the change can be left: the old steps are gone, the new ones run."""
        await DBOS.deprecate_patch_async(name)

    async def result(self, number: int, step: str, kind: type[T]) -> T | None:
        """The result of an operation's last step of this name; None when that step has not run, or gave no `kind`."""
        steps = await DBOS.list_workflow_steps_async(operation_id(number))
        output = next((each["output"] for each in reversed(steps) if each["function_name"] == step), None)
        if not isinstance(output, StepResult) or (output.workflow, output.step) != (operation_id(number), step):
            return None  # DBOS gives text that cannot be read as it is
        return output.value if isinstance(output.value, kind) else None

    async def wait(self, timeout: float, watch: Watch | None = None) -> None:
        """Inside a workflow: wait for `wake`, `timeout` seconds or a reason that `watch` finds; it stores the same few rows."""
        async with self.shared.waiting(str(DBOS.workflow_id)):
            await self._receive(timeout, watch)

    async def _receive(self, timeout: float, watch: Watch | None) -> None:
        if watch is None:
            with _changes_named():
                await DBOS.recv_async(WAKE_UP, timeout_seconds=timeout)
            return
        # In a context of its own the checks are no steps of the workflow.
        task = asyncio.create_task(self._wake_when(str(DBOS.workflow_id), watch), context=contextvars.Context())
        try:
            with _changes_named():
                await DBOS.recv_async(WAKE_UP, timeout_seconds=timeout)
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def _wake_when(self, workflow: str, watch: Watch) -> None:
        """Check at the watch's interval; wake the workflow whenever there is a reason to go on."""
        while True:
            await asyncio.sleep(watch.interval)
            try:
                if await watch.check():
                    await DBOS.send_async(workflow, "", WAKE_UP)
            except Exception as error:  # noqa: BLE001  -- the next check may succeed; the workflow waits meanwhile
                log.warning("%s: a check while it waits: %s", workflow, error)

    async def wake(self, number: int) -> None:
        """Wake a waiting operation so that it reads its approval again."""
        await DBOS.send_async(operation_id(number), "", WAKE_UP)

    async def not_continued(self, numbers: Mapping[int, str], living: Collection[str]) -> Mapping[int, str]:
        """Of these open operations (number and request key): why nobody continues them, by number, in words."""
        operations = [OpenOperation(each, operation_id(each), begin_id(key)) for each, key in numbers.items()]
        return await asyncio.to_thread(self.versions.not_continued, operations, living, frozenset(self._workflows))

    def destroy(self) -> None:
        """Stop working; unfinished workflows resume at the next launch."""
        DBOS.destroy()


@contextmanager
def _changes_named() -> Iterator[None]:
    """Raise ChangedWorkflowError where the recorded steps are not those of this version."""
    try:
        yield
    except DBOSUnexpectedStepError as error:
        _, position, expected, recorded = error.inputs
        steps = f"step {position} was “{recorded}” and is “{expected}” now"
        raise ChangedWorkflowError(f"another version recorded other steps: {steps}") from error
    except TypeError as error:
        if not str(error).endswith(" is not available"):  # how DBOS refuses a form that it does not know
            raise
        raise ChangedWorkflowError(f"a step was recorded in a form that this version cannot read ({error})") from error


def _check_belongs(workflow: str) -> None:
    """Raises ForgedError unless the input of the current workflow is this workflow's own."""
    if DBOS.workflow_id != workflow:
        raise ForgedError(_FORGED.format(what=f"the input of {workflow}", workflow=DBOS.workflow_id))
