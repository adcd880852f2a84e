"""The only file that imports the durable engine (DBOS): operations that survive a restart, turns, waiting."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from dbos import (
    DBOS,
    DBOSConfig,
    Serializer,
    SetEnqueueOptions,
    SetWorkflowID,
    StepOptions,
    _serialization as dbos_serialization,
    _workflow_commands as dbos_chores,
)

from bot.engine import serializer
from bot.store import database_outage

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from bot.store.operations import Request

T = TypeVar("T")

# Operations begun by an older version of this program are taken up by the newer one: what they need to go on is in
# the steps' names and results (see bot/engine/serializer.py). Change this only together with a migration of what is pending.
APPLICATION_VERSION = "1"
TURNS = "turns"
DECISION = "decision"
# SQLite lets one writer through at a time: more than a few would sleep on the file's lock and wake in any order. And a
# file does not hang up, so a connection need not be tried before each use, which an idle bot would pay for.
SQLITE = {"pool_size": 4, "pool_pre_ping": False}
# Seconds between looks for workflows that are delayed or have a deadline. No operation has either: their waiting is in
# their bodies. By itself the engine looks every second, a fifth of what an idle bot takes of the processor.
CHORES_INTERVAL = 30.0
# What has been taken over is numbered a few at a time, so that whoever still waits for an answer comes first.
NUMBERED_AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """`url` as SQLAlchemy writes it; `executor` names this process among those that share the database.

    Intervals are in seconds: how long a waiting operation may not notice that it was woken (SQLite only;
    PostgreSQL notifies), and how long a free environment may not notice who is next.
    """

    url: str
    executor: str
    wake_interval: float = 0.1
    turn_interval: float = 1.0


class _StoredForm(Serializer):
    """Gives DBOS the stored form of bot/engine/serializer.py. DBOS stores the name beside each value."""

    def name(self) -> str:
        return "signalbox"

    def serialize(self, data: Any) -> str:
        return serializer.pack(data)

    def deserialize(self, serialized_data: str) -> Any:
        return serializer.unpack(serialized_data)


class Engine:
    """Runs operations durably. Functions are registered first, then the engine is launched."""

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        _forbid_pickle()
        database_outage.report_outages_as_locked()
        DBOS(
            config=DBOSConfig(
                name="signalbox",
                system_database_url=settings.url,
                application_version=APPLICATION_VERSION,
                executor_id=settings.executor,
                notification_listener_polling_interval_sec=settings.wake_interval,
                log_level="ERROR",
                db_engine_kwargs=SQLITE if settings.url.startswith("sqlite") else None,
                serializer=_StoredForm(),
            )
        )
        # It prints by a handler of its own; through ours, what it prints is redacted as everything else is.
        own = logging.getLogger("dbos")
        own.handlers.clear()
        own.propagate = True
        self.numbering = asyncio.Semaphore(NUMBERED_AT_ONCE)
        self._begin: Callable[[Request], Coroutine[Any, Any, None]] | None = None
        self._bodies: dict[str, Callable[[int], Coroutine[Any, Any, None]]] = {}

    def register_begin(self, function: Callable[[Request], Coroutine[Any, Any, None]]) -> None:
        """What is done at once with every request: number it, announce it, line it up."""
        self._begin = DBOS.workflow(name="begin", max_recovery_attempts=None)(function)

    def register(self, kind: str, function: Callable[[int], Coroutine[Any, Any, None]]) -> None:
        """What an operation of this kind does in its turn, given its number."""
        # Without a cap on recoveries: an operation that is started again a hundred times is still not lost.
        self._bodies[kind] = DBOS.workflow(name=kind, max_recovery_attempts=None)(function)

    async def launch(self) -> None:
        """Start working, first on what an earlier process with this executor's name left unfinished."""
        dbos_chores._BACKGROUND_JOBS_INTERVAL_SEC = CHORES_INTERVAL  # noqa: SLF001  -- there is no setting for it
        DBOS.launch()
        await DBOS.register_queue_async(
            TURNS,
            partition_concurrency=1,
            polling_interval_sec=self._settings.turn_interval,
            on_conflict="always_update",
        )

    async def begin(self, request: Request) -> None:
        """Take a request over durably; taken twice (same key), it is begun once. Returns when it is on disk."""
        if self._begin is None:
            raise RuntimeError("register_begin() comes before begin()")
        with SetWorkflowID(f"begin-{request.key}"):
            await DBOS.start_workflow_async(self._begin, request)

    async def enqueue(self, kind: str, number: int, environment: str) -> None:
        """Put an operation into its environment's line: one runs at a time, in the order of their numbers."""
        options = SetEnqueueOptions(queue_partition_key=environment, priority=number)
        with SetWorkflowID(f"operation-{number}"), options:
            await DBOS.enqueue_workflow_async(TURNS, self._bodies[kind], number)

    async def step(self, name: str, function: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run `function` and keep its result; after a restart the result is given again without running it.

        A step that was interrupted, or finds the database away, runs again: it has to look whether its effect is
        already there.
        """

        async def run() -> T:  # the engine asks whether it is given a coroutine function, which a lambda is not
            return await database_outage.retry_while_away(function)

        return await DBOS.run_step_async(StepOptions(name=name), run)

    async def result(self, number: int, step: str) -> Any:
        """What the last step of this name in an operation has given; None when it has not been done."""
        done = await DBOS.list_workflow_steps_async(f"operation-{number}")
        return next((one["output"] for one in reversed(done) if one["function_name"] == step), None)

    async def wait(self, timeout: float) -> None:
        """Inside an operation: wait until it is woken, or for `timeout` seconds."""
        await DBOS.recv_async(DECISION, timeout_seconds=timeout)

    async def wake(self, number: int) -> None:
        """Wake a waiting operation so that it looks at its approval again."""
        await DBOS.send_async(f"operation-{number}", "look", DECISION)

    def destroy(self) -> None:
        """Stop working; what is unfinished goes on at the next launch."""
        DBOS.destroy()


def _forbid_pickle() -> None:
    """Keep DBOS from its default serializer, which a row selects by the name "py_pickle": to read pickle is to run it."""

    def refuse(*_: object) -> NoReturn:
        raise serializer.UnreadableError("a stored value is a pickle, which Signalbox neither writes nor reads")

    for method in ("serialize", "deserialize"):
        setattr(dbos_serialization.DefaultSerializer, method, refuse)  # there is no setting for it
